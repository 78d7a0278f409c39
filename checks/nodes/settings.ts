/** A setting of ansible.cfg, and the variable that says the same. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly variable: string;
  /** `paths`: with `:` between them; `list`: paths with `,` between them. */
  readonly kind: 'text' | 'path' | 'paths' | 'list';
}

/** Lines of `section.key variable`, as ansible-config lists them. */
const table = (kind: Setting['kind'], lines: string): readonly Setting[] =>
  lines
    .trim()
    .split('\n')
    .map((line) => {
      const [place = '', variable = ''] = line.trim().split(' ');
      const dot = place.indexOf('.');
      return { section: place.slice(0, dot), key: place.slice(dot + 1), variable: `ANSIBLE_${variable}`, kind };
    });

/** What a playbook means, and where its parts lie. Later lines win. */
export const LANGUAGE: readonly Setting[] = [
  ...table(
    'paths',
    `defaults.action_plugins ACTION_PLUGINS
     defaults.become_plugins BECOME_PLUGINS
     defaults.collections_paths COLLECTIONS_PATH
     defaults.collections_path COLLECTIONS_PATH
     defaults.filter_plugins FILTER_PLUGINS
     defaults.inventory_plugins INVENTORY_PLUGINS
     defaults.library LIBRARY
     defaults.lookup_plugins LOOKUP_PLUGINS
     defaults.module_utils MODULE_UTILS
     defaults.roles_path ROLES_PATH
     defaults.test_plugins TEST_PLUGINS
     defaults.vars_plugins VARS_PLUGINS`,
  ),
  ...table(
    'text',
    `defaults.allow_broken_conditionals ALLOW_BROKEN_CONDITIONALS
     defaults.allow_embedded_templates ALLOW_EMBEDDED_TEMPLATES
     defaults.any_errors_fatal ANY_ERRORS_FATAL
     defaults.duplicate_dict_key DUPLICATE_YAML_DICT_KEY
     defaults.error_on_missing_handler ERROR_ON_MISSING_HANDLER
     defaults.error_on_undefined_vars ERROR_ON_UNDEFINED_VARS
     defaults.executable EXECUTABLE
     defaults.fact_path FACT_PATH
     defaults.facts_modules FACTS_MODULES
     defaults.force_handlers FORCE_HANDLERS
     defaults.force_valid_group_names TRANSFORM_INVALID_GROUP_CHARS
     defaults.gather_subset GATHER_SUBSET
     defaults.gather_timeout GATHER_TIMEOUT
     defaults.gathering GATHERING
     defaults.hash_behaviour HASH_BEHAVIOUR
     defaults.inject_facts_as_vars INJECT_FACT_VARS
     defaults.interpreter_python PYTHON_INTERPRETER
     defaults.invalid_task_attribute_failed INVALID_TASK_ATTRIBUTE_FAILED
     defaults.inventory_ignore_extensions INVENTORY_IGNORE
     defaults.inventory_ignore_patterns INVENTORY_IGNORE_REGEX
     defaults.jinja2_extensions JINJA2_EXTENSIONS
     defaults.jinja2_native JINJA2_NATIVE
     defaults.module_ignore_exts MODULE_IGNORE_EXTS
     defaults.no_log NO_LOG
     defaults.null_representation NULL_REPRESENTATION
     defaults.playbook_vars_root PLAYBOOK_VARS_ROOT
     defaults.precedence PRECEDENCE
     defaults.private_role_vars PRIVATE_ROLE_VARS
     defaults.run_vars_plugins RUN_VARS_PLUGINS
     defaults.string_conversion_action STRING_CONVERSION_ACTION
     defaults.task_timeout TASK_TIMEOUT
     defaults.vars_plugins_enabled VARS_ENABLED
     defaults.yaml_valid_extensions YAML_FILENAME_EXT
     inventory.enable_plugins INVENTORY_ENABLED
     inventory.ignore_extensions INVENTORY_IGNORE
     inventory.ignore_patterns INVENTORY_IGNORE_REGEX
     jinja2.dont_type_filters STRING_TYPE_FILTERS
     selinux.libvirt_lxc_noseclabel LIBVIRT_LXC_NOSECLABEL
     selinux.special_context_filesystems SELINUX_SPECIAL_FS
     defaults.allow_world_readable_tmpfiles SHELL_ALLOW_WORLD_READABLE_TEMP
     defaults.common_remote_group COMMON_REMOTE_GROUP
     defaults.admin_users ADMIN_USERS
     defaults.system_tmpdirs SYSTEM_TMPDIRS
     privilege_escalation.agnostic_become_prompt AGNOSTIC_BECOME_PROMPT
     privilege_escalation.become BECOME
     privilege_escalation.become_allow_same_user BECOME_ALLOW_SAME_USER
     privilege_escalation.become_exe BECOME_EXE
     privilege_escalation.become_flags BECOME_FLAGS
     privilege_escalation.become_method BECOME_METHOD
     privilege_escalation.become_user BECOME_USER
     sudo_become_plugin.chdir SUDO_CHDIR
     sudo_become_plugin.executable SUDO_EXE
     sudo_become_plugin.flags SUDO_FLAGS
     sudo_become_plugin.user SUDO_USER
     su_become_plugin.executable SU_EXE
     su_become_plugin.flags SU_FLAGS
     su_become_plugin.user SU_USER`,
  ),
];

/** How a person's machine reaches the nodes, and opens the vaults. */
export const CONNECTION: readonly Setting[] = [
  ...table('list', 'defaults.inventory INVENTORY'),
  ...table(
    'paths',
    `defaults.cliconf_plugins CLICONF_PLUGINS
     defaults.connection_plugins CONNECTION_PLUGINS
     defaults.httpapi_plugins HTTPAPI_PLUGINS
     defaults.netconf_plugins NETCONF_PLUGINS
     defaults.terminal_plugins TERMINAL_PLUGINS`,
  ),
  ...table(
    'path',
    `defaults.become_password_file BECOME_PASSWORD_FILE
     defaults.connection_password_file CONNECTION_PASSWORD_FILE
     defaults.private_key_file PRIVATE_KEY_FILE
     defaults.vault_password_file VAULT_PASSWORD_FILE`,
  ),
  ...table(
    'text',
    `defaults.vault_identity_list VAULT_IDENTITY_LIST
     defaults.forks FORKS
     defaults.host_key_checking HOST_KEY_CHECKING
     defaults.remote_port REMOTE_PORT
     defaults.remote_tmp REMOTE_TEMP
     defaults.remote_user REMOTE_USER
     defaults.timeout TIMEOUT
     defaults.transport TRANSPORT
     defaults.pipelining SSH_PIPELINING
     connection.pipelining SSH_PIPELINING
     connection.retries SSH_RETRIES
     ssh_connection.host_key_checking SSH_HOST_KEY_CHECKING
     ssh_connection.pipelining SSH_PIPELINING
     ssh_connection.pkcs11_provider PKCS11_PROVIDER
     ssh_connection.retries SSH_RETRIES
     ssh_connection.scp_executable SCP_EXECUTABLE
     ssh_connection.scp_extra_args SCP_EXTRA_ARGS
     ssh_connection.sftp_batch_mode SFTP_BATCH_MODE
     ssh_connection.sftp_executable SFTP_EXECUTABLE
     ssh_connection.sftp_extra_args SFTP_EXTRA_ARGS
     ssh_connection.ssh_args SSH_ARGS
     ssh_connection.ssh_common_args SSH_COMMON_ARGS
     ssh_connection.ssh_executable SSH_EXECUTABLE
     ssh_connection.ssh_extra_args SSH_EXTRA_ARGS
     ssh_connection.timeout SSH_TIMEOUT
     ssh_connection.transfer_method SSH_TRANSFER_METHOD
     ssh_connection.usetty SSH_USETTY
     paramiko_connection.host_key_auto_add PARAMIKO_HOST_KEY_AUTO_ADD
     paramiko_connection.look_for_keys PARAMIKO_LOOK_FOR_KEYS
     paramiko_connection.proxy_command PARAMIKO_PROXY_COMMAND
     persistent_connection.command_timeout PERSISTENT_COMMAND_TIMEOUT
     persistent_connection.connect_retry_timeout PERSISTENT_CONNECT_RETRY_TIMEOUT
     persistent_connection.connect_timeout PERSISTENT_CONNECT_TIMEOUT`,
  ),
];
