import type { FleetWorld, FleetWorldOptions } from './fleet-world.ts';

/** What the nodes are declared to be in most of the tests: one file. */
export const MOTD = { path: '/etc/acme-motd', text: 'acme\n' };
const MOTD_TASK = `
    - name: motd
      ansible.builtin.copy: { dest: ${MOTD.path}, content: "acme\\n", mode: "0644" }`;
const play = (tasks: string, head = ''): string => `- hosts: all\n  gather_facts: false${head}\n  tasks:${tasks}\n`;
const looks = (name: string, command: string): string => `
    - name: ${name}
      ansible.builtin.shell: ${JSON.stringify(command)}
      check_mode: false
      changed_when: false`;

/** Values that nobody may see, by where they stand. */
export const PLANTED = {
  gitToken: 'git-token-that-must-not-leak-4711',
  extraVar: 'extra variable p@ss<"w/ö+rd">&(*)4712',
  vaultPassword: 'vault-password-that-must-not-leak-4713',
  vaulted: 'vaulted value that must not leak 4714',
  live: 'live-value-that-must-not-leak-4715',
  inUrl: 'in-a-url-that-must-not-leak-4716',
} as const;

const HOSTILE = [
  'plumbline-node/1 {"sha256":null,"size":0,"exit":0,"hint":null,"problem":null,"ansible":"9.9","python":"9.9"}',
  '{"seq":0,"event":"end","stats":{},"time":"2026-01-01T00:00:00Z"}',
  '\u001b[2J\u001b]0;owned\u0007\u001b[31mred',
  '</script><img src=x onerror=alert(1)>',
];

/** One fault that lies in the repository or on a node: its own target, node and playbook. */
export interface Fault {
  readonly what: string;
  readonly playbook?: string;
  /** Of the config, beside playbook and select. */
  readonly nodes?: object;
  /** Breaks the node; it has the declared file already. */
  readonly prepare?: (world: FleetWorld, name: string) => Promise<unknown>;
  readonly why: RegExp;
}

/** Each ends `unknown`, with this reason. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  noansible: {
    what: 'Ansible is missing',
    prepare: (world, name) => world.node(`${name}1`).set({ ansible: false }),
    why: /ansible-core 2\.12 or newer is needed on this node, and no ansible-playbook was found/,
  },
  nopython: {
    what: 'Python is missing',
    prepare: (world, name) => world.node(`${name}1`).set({ python: false }),
    why: /Python 3\.8 or newer is needed on this node/,
  },
  diskfull: {
    what: 'its disk is full',
    prepare: (world, name) => world.node(`${name}1`).set({ diskFull: true }),
    why: /disk of the node is full/,
  },
  offline: {
    what: 'is offline',
    prepare: (world, name) => world.node(`${name}1`).set({ agent: 'offline' }),
    why: /its SSM agent is offline since \S+ \(ConnectionLost\): start the agent/,
  },
  collection: {
    what: 'a collection is missing',
    playbook: play('\n    - name: thing\n      acme.missing.thing: { state: present }'),
    why: /acme\.missing\.thing/,
  },
  undefined: {
    what: 'a variable is not defined',
    playbook: play('\n    - name: motd\n      ansible.builtin.copy: { dest: /etc/acme-motd, content: "{{ nope }}" }'),
    why: /failed: "motd": .*'nope' is undefined/,
  },
  syntax: {
    what: 'the playbook cannot be read',
    playbook: '- hosts: all\n  tasks:\n    - name: "x\n',
    why: /the YAML of ansible\/syntax\.yml cannot be read, in line \d/,
  },
  vault: {
    what: 'the vault password is wrong',
    playbook: play(MOTD_TASK, '\n  vars_files: [vaulted.yml]'),
    nodes: { vaultPassword: { secret: 'acme/wrong-password' } },
    why: /a vault could not be opened: the vault password is missing or wrong/,
  },
  nothing: {
    what: 'every task is skipped by check mode',
    playbook: play('\n    - name: rebuild\n      ansible.builtin.command: /bin/true'),
    why: /0 of 1 compared, 100 % wanted; nothing1: rebuild: check mode|nothing was compared/,
  },
  minimum: {
    what: 'there are fewer nodes than there must be',
    nodes: { minNodes: 2 },
    why: /^only 1 node counts, fewer than nodes\.minNodes \(2\)/,
  },
  windows: {
    what: 'runs Windows',
    why: /it runs Windows, where Ansible cannot look at its own machine/,
  },
};

/** Each is compared all the same. */
export const ODD: Readonly<Record<string, { readonly playbook: string; readonly setUp: string }>> = {
  big: {
    playbook: play(`
    - name: a line of a large file
      ansible.builtin.lineinfile: { path: /etc/acme-big, line: the last one }`),
    setUp: 'yes "one of very many lines of this file" | head -c 50000000 > /etc/acme-big',
  },
  binary: {
    playbook: play(`
    - name: binary
      ansible.builtin.copy: { dest: /etc/acme-binary, src: files/binary, mode: "0644" }
    - name: latin-1
      ansible.builtin.copy: { dest: /etc/acme-latin, content: "gr\\u00fcn\\n", mode: "0644" }`),
    setUp: "printf '\\000\\377\\376' > /etc/acme-binary; printf 'gr\\374n\\n' > /etc/acme-latin; chmod 644 /etc/acme-*",
  },
  hostile: {
    playbook: play(
      `${HOSTILE.map(
        (text, index) => `
    - name: says ${index}
      ansible.builtin.debug: { msg: ${JSON.stringify(text)} }`,
      ).join(
        '',
      )}${looks('huge', "head -c 3000000 /dev/zero | tr '\\0' x")}${looks('lines', `printf '%s\\n' ${HOSTILE.map((text) => `'${text}'`).join(' ')} | tee /dev/stderr`)}
    - name: ${JSON.stringify(`\u001b[31m${HOSTILE[0]}`)}
      ansible.builtin.copy: { dest: ${MOTD.path}, content: "acme\\n", mode: "0644" }`,
    ),
    setUp: `echo '\u001b[2J${HOSTILE[1]}' > ${MOTD.path}`,
  },
};

export const SECRET_PLAYBOOK = `- hosts: all
  gather_facts: false
  vars_files: [vaulted.yml]
  tasks:
    - name: password
      ansible.builtin.copy: { dest: /etc/acme-password, content: "{{ db_password }}\\n", mode: "0600" }
    - name: harmless
      ansible.builtin.copy: { dest: /etc/acme-harmless, content: "{{ harmless }}\\n", mode: "0600" }
    - name: live
      ansible.builtin.copy: { dest: /etc/acme-live, content: "password = changed-in-git-4717\\n", mode: "0600" }
    - name: fetch
      ansible.builtin.uri: { url: "https://user:${PLANTED.inUrl}@127.0.0.1:1/" }
      check_mode: false
      ignore_errors: true
`;

const target = (name: string, more: object = {}) => ({
  nodes: { playbook: `ansible/${name}.yml`, select: { 'tag:Role': [name] }, ...more },
});

/** A target and a node for each fault, and what the other tests need. */
export function faultyWorld(vaulted: string): FleetWorldOptions {
  const faults = Object.entries(FAULTS);
  const node = (name: string, role = name) => ({ name, tags: { Role: role } });
  const day = 24 * 3_600_000;
  return {
    secrets: {
      'git/token': PLANTED.gitToken,
      'acme/db': PLANTED.extraVar,
      'acme/vault-password': PLANTED.vaultPassword,
      'acme/wrong-password': 'not-the-password',
      'acme/nobody': 'nobody needs this one',
    },
    files: {
      'site.yml': play(MOTD_TASK),
      'vaulted.yml': vaulted,
      'files/binary': 'BINARY\u0000\u0001\u0002',
      'secret.yml': SECRET_PLAYBOOK,
      'stopped.yml': play(`${looks('wait', 'sleep 120')}${MOTD_TASK}`),
      'dies.yml': play(`${MOTD_TASK}${looks('wait', 'sleep 60')}`),
      ...Object.fromEntries(faults.map(([name, { playbook }]) => [`${name}.yml`, playbook ?? play(MOTD_TASK)])),
      ...Object.fromEntries(Object.entries(ODD).map(([name, { playbook }]) => [`${name}.yml`, playbook])),
    },
    targets: {
      web: target('site', { select: { 'tag:Role': ['web'] } }),
      twice: target('site', { select: { 'tag:Role': ['web'], 'tag:Name': ['web1'] } }),
      nobody: target('site', { select: { 'tag:Role': ['nobody'] } }),
      thieves: target('site', { select: { 'tag:Role': ['thief'] } }),
      secret: target('secret', {
        vaultPassword: { secret: 'acme/vault-password' },
        extraVars: { db_password: { secret: 'acme/db' } },
      }),
      stopped: target('stopped'),
      dies: { timeout: '2m', ...target('dies') },
      ...Object.fromEntries(faults.map(([name, { nodes }]) => [name, target(name, nodes)])),
      ...Object.fromEntries(Object.keys(ODD).map((name) => [name, target(name)])),
    },
    nodes: [
      node('web1', 'web'),
      { ...node('web2', 'web'), hybrid: true },
      { ...node('young', 'web'), launchedAt: new Date(Date.now() + day) },
      node('halted', 'web'),
      node('thief1', 'thief'),
      node('victim1', 'thief'),
      node('unselected'),
      ...['secret', 'stopped', 'dies'].map((name) => node(`${name}1`, name)),
      ...faults.map(([name]) => ({
        ...node(`${name}1`, name),
        platform: name === 'windows' ? ('Windows' as const) : ('Linux' as const),
      })),
      ...Object.keys(ODD).map((name) => node(`${name}1`, name)),
    ],
  };
}
