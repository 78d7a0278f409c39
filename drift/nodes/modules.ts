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
/** Modules with full support of check mode: what was skipped of them, was skipped by its `when`. */
const CHECKED: ReadonlySet<string> = new Set([
  'acl',
  'apt',
  'apt_key',
  'apt_repository',
  'assemble',
  'authorized_key',
  'blockinfile',
  'copy',
  'cron',
  'deb822_repository',
  'debconf',
  'dnf',
  'dnf5',
  'dpkg_selections',
  'file',
  'get_url',
  'group',
  'hostname',
  'ini_file',
  'iptables',
  'known_hosts',
  'lineinfile',
  'mount',
  'package',
  'pip',
  'replace',
  'rpm_key',
  'service',
  'sysctl',
  'systemd',
  'systemd_service',
  'template',
  'timezone',
  'user',
  'yum',
  'yum_repository',
  'xml',
]);

const baseName = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

/** Whether the task declares nothing: it counts only when its author says that it changed. */
export function isLook({ module, checkMode, changedWhen }: Task): boolean {
  const name = baseName(module);
  if (COMMANDS.has(name)) return !checkMode && changedWhen === 'never';
  return LOOKS.has(name) || isInclude({ module }) || /_(info|facts)$/.test(name);
}

/** Whether `changed` says nothing of the node. */
export const isInventory = ({ module }: Task): boolean => INVENTORY.has(baseName(module));

/** Steps of Ansible itself, which it counts in its own way: an include once for each file, a `meta` never. */
export const isStep = ({ module }: Pick<Task, 'module'>): boolean =>
  isInclude({ module }) || baseName(module) === 'meta';

export const isInclude = ({ module }: Pick<Task, 'module'>): boolean => /^(include|import)(_|$)/.test(baseName(module));

/** Whether a skip whose reason `no_log` hides was one by `when`. */
export const isWhenSkip = ({ module, when }: Task): boolean => when && CHECKED.has(baseName(module));

/** Why check mode does not tell, in words. */
export function whyUnverifiable({ module }: Task): string {
  const name = baseName(module);
  return COMMANDS.has(name) ? `check mode does not run a ${name}` : `${name} does not look in check mode`;
}
