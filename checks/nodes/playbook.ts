import { posix } from 'node:path';
import type { NodesCheck } from '#drift/target.ts';

/** How ansible-playbook is called; `{name}`s stand for places that are known where it runs. */
export interface PlaybookRun {
  /** Without `ansible-playbook` itself. */
  readonly arguments: readonly string[];
  /** Complete, but for PATH and HOME, which are those of the machine. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const PLACES = [
  /** The root of the repository, or of the part of it that was packed. */
  'source',
  /** The folder of our callback plugin, and of nothing else. */
  'plugin',
  /** A folder with ansible_collections in it. */
  'collections',
  /** A folder of this run alone, gone afterwards. In it: an empty file ansible.cfg, an empty folder tmp. */
  'private',
  /** The file that the events are written to. It must not exist yet. */
  'events',
  /** Extra variables that are secret: a vault file whose password is in the file `key`. */
  'secrets',
  'key',
  /** A file with the password of the repository's own vaults, or a script that prints it. */
  'vaultPassword',
  /** The inventory of all nodes. */
  'inventory',
  /** One that says how this node reaches itself. */
  'own',
  /** The node's name in these. */
  'node',
] as const;
export type Place = (typeof PLACES)[number];

export interface PlaybookRequest {
  readonly check: NodesCheck;
  /** `ANSIBLE_…` variables of the repository's ansible.cfg. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where it runs, from the root of the source. */
  readonly folder: string;
  /** `here`: over Ansible's own connections; `node`: each node looks at itself. */
  readonly place: 'here' | 'node';
  readonly has: { readonly secrets: boolean; readonly vaultPassword: boolean; readonly collections: boolean };
  /** Where roles and collections are installed on this machine; looked into last. Default: in packages alone. */
  readonly installed?: { readonly roles: readonly string[]; readonly collections: readonly string[] };
}

/** Where packages of the system put things. */
const PACKAGED = { roles: ['/usr/share/ansible/roles'], collections: ['/usr/share/ansible/collections'] } as const;

/** Where modules put what they need. `here` is many machines: a folder that is there on each, and in which no other is left. */
const TEMPORARY = {
  // sudo may insist on a terminal, which rules pipelining out: as Ansible has it unless the repository says otherwise.
  here: { ANSIBLE_REMOTE_TEMP: '/tmp', ANSIBLE_SSH_PIPELINING: 'False' },
  node: { ANSIBLE_REMOTE_TEMP: '{private}/remote' },
} as const;

/** The call of ansible-playbook for one check: only a look, with nothing left behind and nothing of anybody's own settings. */
export function playbookRun(request: PlaybookRequest): PlaybookRun {
  return {
    arguments: argumentsOf(request),
    environment: environmentOf(request),
    cwd: inSource(request.folder),
  };
}

function argumentsOf({ check, place, has }: PlaybookRequest): readonly string[] {
  const inventories = [
    ...(check.inventory === undefined ? [] : [inSource(check.inventory)]),
    ...(place === 'node' ? ['{inventory}', '{own}'] : []),
  ];
  const limit = place === 'node' ? '{node},localhost' : check.limit;
  const { extraVars, tags, skipTags } = check;
  return [
    '--check',
    '--diff',
    ...inventories.flatMap((inventory) => ['-i', inventory]),
    ...(limit === undefined ? [] : ['--limit', limit]),
    ...check.extraVarsFiles.flatMap((file) => ['-e', `@${inSource(file)}`]),
    ...(Object.keys(extraVars).length === 0 ? [] : ['-e', literal(JSON.stringify(extraVars))]),
    ...(has.secrets ? ['-e', '@{secrets}'] : []),
    // A node gets the password in a vault of the same key: Ansible opens each with those before it.
    ...(has.secrets || (place === 'node' && has.vaultPassword) ? ['--vault-id', 'plumbline@{key}'] : []),
    ...(has.vaultPassword ? ['--vault-id', 'default@{vaultPassword}'] : []),
    ...(tags.length === 0 ? [] : ['--tags', tags.join(',')]),
    ...(skipTags.length === 0 ? [] : ['--skip-tags', skipTags.join(',')]),
    inSource(check.playbook),
  ];
}

/** Deterministic, isolated, and without traces (facts/ansible.md §7). The repository's settings come first: ours win. */
function environmentOf({ check, settings, place, has, installed = PACKAGED }: PlaybookRequest) {
  const { ANSIBLE_ROLES_PATH: roles, ANSIBLE_COLLECTIONS_PATH: collections, ...rest } = settings;
  const { ANSIBLE_VAULT_PASSWORD_FILE: _file, ANSIBLE_VAULT_IDENTITY_LIST: _list, ...withoutVaults } = rest;
  // Where the config names a password, that is the one.
  const others = has.vaultPassword ? withoutVaults : rest;
  const secretNames = [...check.secretVariables, ...Object.keys(check.secretVars)];
  return {
    ANSIBLE_PIPELINING: 'True',
    ANSIBLE_PYTHON_INTERPRETER: 'auto_silent',
    ...TEMPORARY[place],
    ...others,
    ANSIBLE_ASYNC_DIR: '{private}/async',
    ANSIBLE_CACHE_PLUGIN: 'memory',
    ANSIBLE_CALLBACK_PLUGINS: '{plugin}',
    ANSIBLE_COLLECTIONS_PATH: paths([has.collections ? '{collections}' : '', collections, ...installed.collections]),
    ANSIBLE_CONFIG: '{private}/ansible.cfg',
    ANSIBLE_DEPRECATION_WARNINGS: 'False',
    ANSIBLE_DISPLAY_ARGS_TO_STDOUT: 'False',
    ANSIBLE_HOME: '{private}/ansible',
    ANSIBLE_INJECT_INVOCATION: 'True',
    ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: 'True',
    ANSIBLE_INVENTORY_UNPARSED_WARNING: 'False',
    ANSIBLE_LOCALHOST_WARNING: 'False',
    ANSIBLE_LOCAL_TEMP: '{private}/local',
    ANSIBLE_MODULE_STRICT_UTF8_RESPONSE: 'False',
    ANSIBLE_NOCOLOR: '1',
    ANSIBLE_NOCOWS: '1',
    ANSIBLE_PERSISTENT_CONTROL_PATH_DIR: '{private}/pc',
    ANSIBLE_RETRY_FILES_ENABLED: 'False',
    ANSIBLE_ROLES_PATH: paths([roles, ...installed.roles]),
    ANSIBLE_SSH_CONTROL_PATH_DIR: '{private}/cp',
    ANSIBLE_STDOUT_CALLBACK: 'plumbline_events',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    PLUMBLINE_EVENTS: '{events}',
    PLUMBLINE_SECRET_VARIABLES: secretNames.join(','),
    PLUMBLINE_SOURCE: '{source}',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
    TMPDIR: '{private}/tmp',
    ...(place === 'node' ? readingOurs(settings) : {}),
  };
}

/** A repository that reads its inventories with plugins of its own choice still reads ours; ini would take it for its own. */
function readingOurs({ ANSIBLE_INVENTORY_ENABLED: enabled }: PlaybookRequest['settings']) {
  return enabled === undefined ? {} : { ANSIBLE_INVENTORY_ENABLED: `yaml,${enabled}` };
}

const paths = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join(':');

const inSource = (path: string): string => posix.join('{source}', path);

const PLACE = new RegExp(`\\{(${PLACES.join('|')})\\}`, 'g');

/** JSON in which nothing looks like one of our places. */
const literal = (json: string): string => json.replaceAll(PLACE, (whole) => `\\u007b${whole.slice(1)}`);

/** The call with the places of one machine in it. */
export function filled(run: PlaybookRun, places: Readonly<Record<Place, string>>): PlaybookRun {
  const fill = (text: string): string => text.replaceAll(PLACE, (_, place: Place) => places[place]);
  return {
    arguments: run.arguments.map(fill),
    environment: Object.fromEntries(Object.entries(run.environment).map(([name, value]) => [name, fill(value)])),
    cwd: fill(run.cwd),
  };
}
