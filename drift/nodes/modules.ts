import type { Task } from './events.ts';

/** Modules that only look, or only act inside Ansible: they declare nothing (cases/ansible, counting rule 2). */
const LOOKS: ReadonlySet<string> = new Set([
  'add_host',
  'assert',
  'debug',
  'fail',
  'find',
  'gather_facts',
  'getent',
  'group_by',
  'meta',
  'pause',
  'ping',
  'set_fact',
  'set_stats',
  'setup',
  'slurp',
  'stat',
  'validate_argument_spec',
]);
/** They change Ansible's own inventory and say so on every run. */
const INVENTORY: ReadonlySet<string> = new Set(['add_host', 'group_by']);
const COMMANDS: ReadonlySet<string> = new Set(['command', 'shell', 'raw', 'script']);
/** They only ask, and their author says which answer is a failure. */
const ASKS: ReadonlySet<string> = new Set(['uri', 'wait_for']);
/** Modules with full support of check mode: what was skipped of them, was skipped by its `when`. */
const CHECKED: ReadonlySet<string> = new Set([
  'acl',
  'alternatives',
  'apt',
  'apt_key',
  'apt_repository',
  'assemble',
  'at',
  'authorized_key',
  'blockinfile',
  'capabilities',
  'copy',
  'cron',
  'deb822_repository',
  'debconf',
  'dnf',
  'dnf5',
  'docker_container',
  'docker_login',
  'docker_network',
  'docker_volume',
  'dpkg_selections',
  'file',
  'filesystem',
  'firewalld',
  'get_url',
  'git',
  'group',
  'hostname',
  'htpasswd',
  'ini_file',
  'iptables',
  'known_hosts',
  'lineinfile',
  'locale_gen',
  'lvg',
  'lvol',
  'modprobe',
  'mount',
  'mysql_user',
  'openssl_csr',
  'openssl_privatekey',
  'package',
  'pam_limits',
  'parted',
  'pip',
  'postgresql_db',
  'postgresql_user',
  'reboot',
  'replace',
  'rpm_key',
  'seboolean',
  'selinux',
  'service',
  'subversion',
  'sysctl',
  'systemd',
  'systemd_service',
  'sysvinit',
  'template',
  'timezone',
  'ufw',
  'user',
  'x509_certificate',
  'xml',
  'yum',
  'yum_repository',
]);

const baseName = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

/** Whether the task declares nothing: it counts only when its author says that it changed. */
export function isLook({ module, checkMode, changedWhen }: Task): boolean {
  const name = baseName(module);
  if (COMMANDS.has(name)) return !checkMode && changedWhen === 'never';
  return LOOKS.has(name) || isInclude({ module }) || /_(info|facts)$/.test(name);
}

/** Whether a condition of its author may say what a failure is: of a command by its code, of a look by what it saw. */
export function isForAuthor(task: Task): boolean {
  if (task.failedWhen !== 'expression') return false;
  const name = baseName(task.module);
  return COMMANDS.has(name) || ASKS.has(name) || isLook(task);
}

/** Whether `changed` says nothing of the node. */
export const isInventory = ({ module }: Task): boolean => INVENTORY.has(baseName(module));

/** Steps of Ansible itself, which it counts in its own way: an include once for each file, a `meta` never. */
export const isStep = ({ module }: Pick<Task, 'module'>): boolean =>
  isInclude({ module }) || baseName(module) === 'meta';

export const isInclude = ({ module }: Pick<Task, 'module'>): boolean => /^(include|import)(_|$)/.test(baseName(module));

/** Whether a skip whose reason `no_log` hides was one by `when`: nothing else would have skipped it. */
export const isWhenSkip = (task: Task): boolean =>
  task.when && (!task.checkMode || CHECKED.has(baseName(task.module)) || isLook(task));

/** Why check mode does not tell, in words. */
export function whyUnverifiable({ module }: Task): string {
  const name = baseName(module);
  return COMMANDS.has(name) ? `check mode does not run a ${name}` : `${name} does not look in check mode`;
}
