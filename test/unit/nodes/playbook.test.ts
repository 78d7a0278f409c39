import { describe, expect, it } from 'vitest';
import { installedFor, personEnvironment } from '#checks/nodes/person.ts';
import { filled, type Place, type PlaybookRequest, playbookRun } from '#checks/nodes/playbook.ts';
import type { NodesCheck } from '#drift/target.ts';

const CHECK: NodesCheck = {
  playbook: 'ansible/site.yml',
  inventory: 'ansible/hosts',
  ...{ extraVars: {}, secretVars: {}, extraVarsFiles: [], tags: [], skipTags: [], secretVariables: [] },
  ...{ minNodes: 1, settleSeconds: 0, concurrency: '50' },
};
const callOf = (check: Partial<NodesCheck>, more: Partial<PlaybookRequest> = {}) =>
  playbookRun({
    check: { ...CHECK, ...check },
    ...{ settings: {}, folder: 'ansible', place: 'here' },
    has: { secrets: false, vaultPassword: false, collections: false },
    ...more,
  });

const PLACES: Readonly<Record<Place, string>> = {
  ...{ source: '/src', plugin: '/plugin', collections: '/collections', private: '/private', events: '/events' },
  ...{ secrets: '/secrets', key: '/key', vaultPassword: '/pw', inventory: '/inventory', own: '/own', node: 'web1' },
};

describe('the call of ansible-playbook', () => {
  it('looks and changes nothing, with all that the config says', () => {
    const run = callOf(
      {
        extraVars: { a: 1, b: ['x'] },
        secretVars: { password: { secret: 'db' } },
        extraVarsFiles: ['vars/a.yml', 'vars/b.yml'],
        ...{ tags: ['t', 'u'], skipTags: ['s'], limit: 'web*', secretVariables: ['plain'] },
      },
      { has: { secrets: true, vaultPassword: true, collections: false } },
    );
    expect(filled(run, PLACES).arguments).toEqual([
      ...['--check', '--diff', '-i', '/src/ansible/hosts', '--limit', 'web*'],
      ...['-e', '@/src/vars/a.yml', '-e', '@/src/vars/b.yml', '-e', '{"a":1,"b":["x"]}'],
      ...['-e', '@/secrets', '--vault-id', 'plumbline@/key', '--vault-id', 'default@/pw'],
      ...['--tags', 't,u', '--skip-tags', 's', '/src/ansible/site.yml'],
    ]);
    expect(run.cwd).toBe('{source}/ansible');
    expect(run.environment['PLUMBLINE_SECRET_VARIABLES']).toBe('plain,password');
    expect(run.environment['HOME']).toBeUndefined();
  });

  it('looks at one node, which is itself, on a node', () => {
    const { arguments: given, environment } = filled(
      callOf({}, { place: 'node', has: { secrets: false, vaultPassword: false, collections: true } }),
      PLACES,
    );
    const inventories = ['-i', '/src/ansible/hosts', '-i', '/inventory', '-i', '/own', '--limit', 'web1,localhost'];
    expect(given).toEqual(['--check', '--diff', ...inventories, '/src/ansible/site.yml']);
    expect(environment).toMatchObject({
      ANSIBLE_COLLECTIONS_PATH: '/collections:/usr/share/ansible/collections',
      ANSIBLE_REMOTE_TEMP: '/private/remote',
    });
    expect(environment['HOME']).toBeUndefined();
  });

  it('lets no setting of the repository win over what keeps a run apart', () => {
    const settings = {
      ...{ ANSIBLE_STDOUT_CALLBACK: 'yaml', ANSIBLE_CACHE_PLUGIN: 'jsonfile', ANSIBLE_HOME: '/x', TMPDIR: '/x' },
      ...{ ANSIBLE_ROLES_PATH: '{source}/roles', ANSIBLE_REMOTE_TEMP: '~/tmp', ANSIBLE_VAULT_PASSWORD_FILE: '~/pw' },
    };
    const { environment } = filled(callOf({}, { settings }), PLACES);
    expect(environment).toMatchObject({
      ...{ ANSIBLE_STDOUT_CALLBACK: 'plumbline_events', ANSIBLE_CACHE_PLUGIN: 'memory', TMPDIR: '/private/tmp' },
      ...{ ANSIBLE_HOME: '/private/ansible', ANSIBLE_ROLES_PATH: '/src/roles:/usr/share/ansible/roles' },
      ...{ ANSIBLE_REMOTE_TEMP: '~/tmp', ANSIBLE_VAULT_PASSWORD_FILE: '~/pw' },
    });
    const has = { secrets: false, vaultPassword: true, collections: false };
    expect(callOf({}, { settings, has }).environment['ANSIBLE_VAULT_PASSWORD_FILE']).toBeUndefined();
  });

  it('reads our inventory on a node, whatever plugins the repository names', () => {
    const settings = { ANSIBLE_INVENTORY_ENABLED: 'amazon.aws.aws_ec2, ini' };
    const enabledAt = (place: 'here' | 'node') =>
      callOf({}, { settings, place }).environment['ANSIBLE_INVENTORY_ENABLED'];
    expect([enabledAt('node'), enabledAt('here')]).toEqual(['yaml,amazon.aws.aws_ec2, ini', 'amazon.aws.aws_ec2, ini']);
    expect(callOf({}, { place: 'node' }).environment['ANSIBLE_INVENTORY_ENABLED']).toBeUndefined();
  });

  it('leaves values alone that look like our places', () => {
    const extraVars = { a: '{source}', b: { '{private}': '{nothing}' } };
    const [value] = filled(callOf({ extraVars }), PLACES).arguments.filter((text) => text.startsWith('{"a"'));
    expect(JSON.parse(value ?? '')).toEqual(extraVars);
  });
});

describe("a person's shell", () => {
  it('is what a playbook may look up, without what changes Ansible', () => {
    const env = {
      ...{ PATH: '/bin', HOME: '/home/a', KUBECONFIG: 'k', SSH_AUTH_SOCK: 's', PYTHONPATH: '/p', MISSING: undefined },
      ...{ ANSIBLE_CHECK_MODE: '0', ANSIBLE_STRATEGY: 'x', _ANSIBLE_X: '1', PYTHONINSPECT: '1', LC_ALL: 'C' },
      ...{ PLUMBLINE_EVENTS: '/x', NO_COLOR: '1', LANGUAGE: 'de' },
    };
    const kept = { PATH: '/bin', HOME: '/home/a', KUBECONFIG: 'k', SSH_AUTH_SOCK: 's', PYTHONPATH: '/p' };
    expect(personEnvironment(env)).toEqual(kept);
  });

  it('says where things are installed, last of all', () => {
    const { roles, collections } = installedFor({ ANSIBLE_COLLECTIONS_PATH: '/c:rel:~/d', ANSIBLE_ROLES_PATH: '/r' });
    expect(collections).toEqual(['~/.ansible/collections', '/usr/share/ansible/collections', '/c', '~/d']);
    expect(roles.at(-1)).toBe('/r');
  });
});
