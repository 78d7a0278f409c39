import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositorySettings, settingsOf } from '#checks/nodes/ansible-cfg.ts';
import { higherConfigs, layoutOf } from '#checks/nodes/layout.ts';
import { CONNECTION, LANGUAGE } from '#checks/nodes/settings.ts';
import { NotReady } from '#checks/not-ready.ts';

describe("the repository's ansible.cfg", () => {
  const CONFIG = `# of acme
[defaults]
Roles_Path = ./roles:../shared/roles:/usr/share/x:~/own
library: plugins/modules   ; ours
collections_path =
    ./collections:
    vendor/collections
hash_behaviour = merge
jinja2_extensions = "jinja2.ext.do"
inventory = hosts.ini,more/hosts.yml
remote_user = deploy
private_key_file = keys/id
stdout_callback = yaml
callbacks_enabled = timer, profile_tasks
callback_plugins = ./callbacks
strategy = mitogen_linear
strategy_plugins = /opt/mitogen
fact_caching = jsonfile
fact_caching_connection = /tmp/facts
log_path = ./ansible.log
nocows = 0
retry_files_enabled = True
vault_password_file = ~/.vault
empty =
[privilege_escalation]
become = true
become_method = sudo
[ssh_connection]
ssh_args = -o ControlPersist=60s -o ProxyCommand="ssh -W %h:%p jump # not a comment"
pipelining = True
[inventory]
enable_plugins = ini, yaml
cache = True
`;

  it('is paths, language and privileges on a node', () => {
    expect(settingsOf(CONFIG, 'ansible', 'node')).toEqual({
      ANSIBLE_ROLES_PATH: '{source}/ansible/roles:{source}/shared/roles:/usr/share/x:~/own',
      ANSIBLE_LIBRARY: '{source}/ansible/plugins/modules',
      ANSIBLE_COLLECTIONS_PATH: '{source}/ansible/collections:{source}/ansible/vendor/collections',
      ANSIBLE_HASH_BEHAVIOUR: 'merge',
      ANSIBLE_JINJA2_EXTENSIONS: 'jinja2.ext.do',
      ANSIBLE_BECOME: 'true',
      ANSIBLE_BECOME_METHOD: 'sudo',
      ANSIBLE_INVENTORY_ENABLED: 'ini, yaml',
    });
  });

  it('is how nodes are reached too where a person checks, and never what shows or keeps results', () => {
    const settings = settingsOf(CONFIG, 'ansible', 'here');
    expect(settings).toMatchObject({
      ANSIBLE_LIBRARY: '{source}/ansible/plugins/modules',
      ANSIBLE_INVENTORY: '{source}/ansible/hosts.ini,{source}/ansible/more/hosts.yml',
      ANSIBLE_REMOTE_USER: 'deploy',
      ANSIBLE_PRIVATE_KEY_FILE: '{source}/ansible/keys/id',
      ANSIBLE_SSH_ARGS: '-o ControlPersist=60s -o ProxyCommand="ssh -W %h:%p jump # not a comment"',
      ANSIBLE_SSH_PIPELINING: 'True',
      ANSIBLE_VAULT_PASSWORD_FILE: '~/.vault',
    });
    expect(Object.keys(settings).join(' ')).not.toMatch(/CALLBACK|STRATEGY|CACHE|LOG|COW|RETRY/);
  });

  it.each([
    ['roles_path = ./roles:../../outside', 'ansible', '../../outside'],
    ['library = ..', '.', '..'],
    ['collections_path = roles/../../../outside', 'ansible', 'roles/../../../outside'],
    ['inventory = hosts,../hosts', '.', '../hosts'],
    ['private_key_file = {{CWD}}/../key', '.', './../key'],
  ])('is refused when a path leads out of the repository, where nobody has the same: %s', (line, folder, named) => {
    const read = (): unknown => settingsOf(`[defaults]\n${line}`, folder, 'here');
    expect(read).toThrow(NotReady);
    expect(read).toThrow(`names ${named}, which leads out of the repository: name a place in it, or a path from /`);
  });

  it('may go up within the repository, and to its root', () => {
    const text = '[defaults]\nroles_path = ../../shared/roles:../..:..shared';
    expect(settingsOf(text, 'a/b', 'node')).toEqual({
      ANSIBLE_ROLES_PATH: '{source}/shared/roles:{source}:{source}/a/b/..shared',
    });
  });

  it('knows no setting that shows, keeps or reorders results', () => {
    const variables = [...LANGUAGE, ...CONNECTION].map(({ variable }) => variable);
    expect(variables.length).toBeGreaterThan(80);
    expect(variables.join(' ')).not.toMatch(/CALLBACK|STRATEGY|CACHE|LOG_|COW|RETRY_FILES|STDOUT|COLOR|VERBOS|DEBUG/);
  });

  it.each([
    '',
    '[defaults',
    'roles_path = ./roles',
    '[defaults]\nroles_path',
    '= = =\n[a.b.c]\nx=1',
    '[__proto__]\na=b',
  ])('is nothing where it says nothing: %j', (text) => expect(settingsOf(text, '.', 'here')).toEqual({}));
});

describe('an ansible.cfg of a megabyte that is meant to be slow', () => {
  const SIZE = 1024 * 1024;
  const filled = (part: string): string => part.repeat(Math.floor(SIZE / part.length));
  const ssh = (text: string): string | undefined =>
    settingsOf(`[ssh_connection]\n${text}`, '.', 'here')['ANSIBLE_SSH_ARGS'];

  it.each<[string, string, string | undefined]>([
    ['a value that goes on', `ssh_args =${filled('\n x')}`, `${filled('\n x').replaceAll('\n', '')}`.trim()],
    ['blanks before "="', `ssh_args${filled(' ')}= y`, 'y'],
    ['blanks within a key', `ssh_args${filled(' ')}x = y`, undefined],
    ['blanks after "="', `ssh_args =${filled(' ')}y`, 'y'],
    ['comments, and a line end of Unicode', `ssh_args = y${filled(' ;')}\u2028`, 'y'],
    ['quotes', `ssh_args = ${filled('"')}x`, `${filled('"')}x`],
    ['sections', `${filled('[')}\n[ssh_connection]\nssh_args = y`, 'y'],
    ['sections below sections', `[a${filled('.a')}]\n[ssh_connection]\nssh_args = y`, 'y'],
    ['keys', `${filled('a=b\n')}ssh_args = y`, 'y'],
    ['empty lines', `${filled('\n')}ssh_args = y`, 'y'],
  ])('%s: it is read', (_, text, wanted) => expect(ssh(text) === wanted).toBe(true));
});

describe('where Ansible is run', () => {
  let source: string;
  const put = (name: string, text = ''): void => {
    mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    writeFileSync(path.join(source, name), text);
  };
  beforeEach(() => {
    source = mkdtempSync(path.join(os.tmpdir(), 'plumbline-layout-'));
  });
  afterEach(() => rmSync(source, { recursive: true }));

  it.each<[string, readonly string[], string, boolean]>([
    ['site.yml', ['site.yml'], '.', false],
    ['ansible/site.yml', ['ansible/site.yml'], 'ansible', false],
    ['ansible/plays/site.yml', ['ansible/ansible.cfg'], 'ansible', true],
    ['ansible/plays/site.yml', ['ansible.cfg', 'ansible/roles/x'], '.', true],
    ['ansible/plays/site.yml', ['ansible/roles/x', 'group_vars/all'], 'ansible', false],
    ['./ansible//plays/site.yml', ['group_vars/all'], '.', false],
  ])('%s beside %j: %s', async (playbook, files, folder, hasConfig) => {
    for (const file of files) put(file);
    expect(await layoutOf(source, playbook)).toEqual({ folder, hasConfig });
  });

  it('may change with an ansible.cfg above it, where there is none', async () => {
    put('a/b/site.yml');
    const layout = await layoutOf(source, 'a/b/site.yml');
    expect(higherConfigs(layout)).toEqual(['a/b/ansible.cfg', 'a/ansible.cfg', 'ansible.cfg']);
    for (const file of higherConfigs(layout)) {
      put(file);
      expect(await layoutOf(source, 'a/b/site.yml')).toEqual({ folder: path.dirname(file), hasConfig: true });
      rmSync(path.join(source, file));
    }
    expect(higherConfigs({ ...layout, hasConfig: true })).toEqual([]);
  });

  it('reads no ansible.cfg that leads elsewhere, and none that is huge', async () => {
    put('other', '[defaults]\nroles_path = x\n');
    symlinkSync('other', path.join(source, 'ansible.cfg'));
    const at = { folder: '.', hasConfig: true };
    await expect(repositorySettings(source, at, 'here')).rejects.toThrow('ansible.cfg is no plain file');
    rmSync(path.join(source, 'ansible.cfg'));
    put('ansible.cfg', 'x'.repeat(1024 * 1024 + 1));
    await expect(repositorySettings(source, at, 'node')).rejects.toThrow('larger than 1 MB');
    expect(await repositorySettings(source, { folder: '.', hasConfig: false }, 'here')).toEqual({});
  });
});
