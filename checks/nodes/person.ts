import { isAbsolute } from 'node:path';

/** What would change how Ansible works, or how it shows things; and what our own run sets. */
const OURS =
  /^(_?ANSIBLE_|PYTHON(?!PATH$|HOME$)|PLUMBLINE_|LC_|LANG|NO_COLOR$|FORCE_COLOR$|DISPLAY_SKIPPED_HOSTS$|NETWORK_GROUP_MODULES$|LIBVIRT_LXC_NOSECLABEL$)/;

/** A person's environment as a playbook may look things up in it, and no setting of Ansible. */
export function personEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || OURS.test(name) ? [] : [[name, value]])),
  );
}

const INSTALLED = {
  roles: ['~/.ansible/roles', '/usr/share/ansible/roles', '/etc/ansible/roles'],
  collections: ['~/.ansible/collections', '/usr/share/ansible/collections'],
} as const;

/** Where ansible-galaxy has put things for this person: where it does by default, then where the shell says. */
export function installedFor(env: Readonly<Record<string, string | undefined>>): {
  readonly roles: readonly string[];
  readonly collections: readonly string[];
} {
  const said = (...names: readonly string[]): readonly string[] =>
    names.flatMap((name) => env[name]?.split(':') ?? []).filter((path) => isAbsolute(path) || path.startsWith('~/'));
  return {
    roles: [...INSTALLED.roles, ...said('ANSIBLE_ROLES_PATH')],
    collections: [...INSTALLED.collections, ...said('ANSIBLE_COLLECTIONS_PATH', 'ANSIBLE_COLLECTIONS_PATHS')],
  };
}
