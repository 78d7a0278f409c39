import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import picocolors from 'picocolors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkNodes } from '#checks/nodes/check.ts';
import { encryptVault } from '#checks/nodes/vault.ts';
import { check } from '#cli/commands/check.ts';
import { parseConfig } from '#drift/config/parse.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import { CORES, installCore } from './ansible/install.ts';
import { listing, WarmAnsible } from './ansible/run.ts';
import { type Ended, isAlive, plumbline } from './command.ts';

const SYSTEM = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
/** Settings of a person, most of which would change what Ansible does or says. */
const NOISE = {
  ...{ ANSIBLE_CONFIG: '/nonexistent.cfg', ANSIBLE_STRATEGY: 'debug', ANSIBLE_STDOUT_CALLBACK: 'nope' },
  ...{ ANSIBLE_RUN_TAGS: 'none', ANSIBLE_INVENTORY: '/none', ANSIBLE_PYTHON_INTERPRETER: '/none' },
  ...{ ANSIBLE_VAULT_PASSWORD_FILE: '/none', ANSIBLE_HASH_BEHAVIOUR: 'merge', ANSIBLE_FORCE_COLOR: '1' },
  ...{ ANSIBLE_ROLES_PATH: '/none', ANSIBLE_COLLECTIONS_PATH: '/none', ANSIBLE_GATHERING: 'explicit' },
  ...{ ANSIBLE_CACHE_PLUGIN: 'jsonfile', ANSIBLE_LOG_PATH: '/tmp/plumbline-never.log', PYTHONOPTIMIZE: '2' },
  ...{ ANSIBLE_LIBRARY: '/none', ANSIBLE_NO_LOG: 'True', PLUMBLINE_EVENTS: '/none', LC_ALL: 'POSIX' },
};
const HOSTS = 'web1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n';

const folder = mkdtempSync(path.join(os.tmpdir(), 'plumbline-nodes-check-'));
const repo = path.join(folder, 'repo');
const root = path.join(folder, 'root');
const home = path.join(folder, 'home');
const tmp = path.join(folder, 'tmp');
let bin: string;
let warm: WarmAnsible;

beforeAll(async () => {
  const found = (await installCore(CORES.newest)) ?? (await installCore(CORES.middle));
  if (found === null) throw new Error('no Python from 3.11 on with its venv module is here');
  bin = found;
  warm = await WarmAnsible.start(bin, path.join(folder, 'warm'), '/nonexistent');
}, 900_000);
afterAll(() => {
  warm.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>, below = repo): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(below, name)), { recursive: true });
    await writeFile(path.join(below, name), text);
  }
}

/** A new repository with one target of nodes. */
async function lay(nodes: object, files: Readonly<Record<string, string>>, more: object = {}): Promise<void> {
  for (const made of [repo, root, home, tmp]) {
    rmSync(made, { recursive: true, force: true });
    await mkdir(made);
  }
  const target = { in: ['here'], ...more, nodes: { playbook: 'site.yml', inventory: 'hosts', ...nodes } };
  await write({
    'plumbline.yaml': JSON.stringify({ version: 1, environments: { here: {} }, targets: { web: target } }),
    hosts: HOSTS,
    ...files,
  });
}

const play = (...tasks: readonly object[]): string =>
  JSON.stringify([
    { hosts: 'all', gather_facts: false, tasks: tasks.map((task, index) => ({ name: `task ${index}`, ...task })) },
  ]);
const copy = (content: string) => ({ copy: { content, dest: '{{ root }}/file' } });
const shell = (more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({
  ...{ HOME: home, PATH: `${bin}:${SYSTEM}`, ...more },
});

/** All that a check must leave as it was. */
const everything = async () => [await listing(repo), await listing(root), await listing(home)];

/** `plumbline check`, in this process. */
async function checked(env = shell({ PATH: `${warm.bin}:${SYSTEM}` })): Promise<Report> {
  let printed = '';
  await check(
    [],
    { config: 'plumbline.yaml', json: true },
    {
      ...{ env, cwd: repo, colours: picocolors.createColors(false), interactive: false },
      signal: new AbortController().signal,
      out: (text) => {
        printed += text;
      },
      ...{ err: () => undefined, exit: () => undefined },
      fail: (error) => {
        throw error;
      },
    },
  );
  const [report] = reportSchema.array().length(1).parse(JSON.parse(printed));
  if (report === undefined) throw new Error('there is no report');
  return report;
}

const byCommand = (
  more: Readonly<Record<string, string>> = {},
  started?: Parameters<typeof plumbline>[1]['started'],
): Promise<Ended> =>
  plumbline(['check', '--json'], {
    cwd: repo,
    env: shell({ TMPDIR: tmp, ...more }),
    ...(started === undefined ? {} : { started }),
  });

/** Writes down that it was loaded. */
const spy = (name: string): string => `from ansible.plugins.callback import CallbackBase
DOCUMENTATION = "name: ${name}\\ntype: notification\\nshort_description: x\\ndescription: x\\n"
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "${name}"
    def v2_playbook_on_start(self, playbook):
        open("${root}/loaded-${name}", "w")
`;

describe('a repository with ways of its own', () => {
  const CONFIG = `[defaults]
roles_path = ./roles
callback_plugins = ./callbacks
callbacks_enabled = timer, named
stdout_callback = yaml
strategy = free
nocows = 0
log_path = ./ansible.log
fact_caching = jsonfile
fact_caching_connection = ./facts
retry_files_enabled = True
`;
  const files = (): Readonly<Record<string, string>> => ({
    'ansible/ansible.cfg': CONFIG,
    'ansible/callbacks/named.py': spy('named'),
    'ansible/playbooks/callback_plugins/beside.py': spy('beside'),
    'ansible/roles/base/callback_plugins/inside.py': spy('inside'),
    'ansible/playbooks/filter_plugins/loud.py':
      'class FilterModule:\n    def filters(self):\n        return {"loud": lambda text: text.upper()}\n',
    'ansible/playbooks/group_vars/all.yml': 'beside: playbook\n',
    'ansible/inventory/hosts': `[web]\n${HOSTS}${HOSTS.replace('web1', 'web2')}`,
    'ansible/inventory/group_vars/web.yml': 'greeting: hello\n',
    'ansible/playbooks/site.yml': '- hosts: web\n  gather_subset: ["!all"]\n  roles: [base]\n',
    'ansible/roles/base/tasks/main.yml':
      '- name: motd\n  template: { src: motd.j2, dest: "{{ root }}/{{ inventory_hostname }}" }\n',
    'ansible/roles/base/templates/motd.j2': '{{ greeting | loud }} {{ beside }} {{ who }} {{ ansible_facts.system }}\n',
  });

  it('is judged by its files alone, and nothing is left: in it, in the home, in temporary folders', async () => {
    const nodes = { playbook: 'ansible/playbooks/site.yml', inventory: 'ansible/inventory' };
    await lay({ ...nodes, extraVars: { root, who: 'me' } }, files());
    await write({ web1: 'HELLO playbook me Linux\n', web2: 'HELLO playbook you Linux\n' }, root);
    const before = await everything();
    const quiet = await byCommand();
    const loud = await byCommand(NOISE);
    expect(await everything()).toEqual(before);
    expect(readdirSync(tmp)).toEqual([]);
    expect(quiet).toMatchObject({ code: 2, stderr: '' });
    const [first, second] = [quiet, loud].flatMap(({ stdout }) => reportSchema.array().parse(JSON.parse(stdout)));
    expect(first).toMatchObject({
      verdict: 'drifted',
      coverage: { compared: 2, total: 2 },
      findings: [{ subject: 'web2: base : motd', path: path.join(root, 'web2'), change: 'changed', cause: 'unclear' }],
    });
    const own = { runId: '', startedAt: '', endedAt: '' };
    expect({ ...second, ...own }).toEqual({ ...first, ...own });
  });

  it('may name its inventory in ansible.cfg, where the service asks the nodes', async () => {
    await lay({}, { 'site.yml': play(copy('a')), 'ansible.cfg': '[defaults]\ninventory = ./hosts\n' });
    const environment = { account: '111111111111', region: 'eu-west-1', role: 'plumbline' };
    const target = {
      in: ['here'],
      source: 'infra',
      nodes: { playbook: 'site.yml', select: { 'tag:Role': 'web' }, extraVars: { root } },
    };
    const sources = { infra: { url: 'https://git.example/infra.git' } };
    const notify = { warning: { email: ['a@acme.example'] } };
    const config = { version: 1, sources, environments: { here: environment }, targets: { web: target }, notify };
    await write({ 'plumbline.yaml': JSON.stringify(config) });
    expect(await checked(shell())).toMatchObject({ verdict: 'drifted', findings: [{ subject: 'web1: task 0' }] });
    await write({ 'ansible.cfg': '' });
    expect((await checked()).reason).toMatch(
      /^a check by hand looks at the hosts of an inventory: write nodes\.inventory/,
    );
  });
});

describe('a play that is meant for hosts and matches none', () => {
  const local = { hosts: 'localhost', connection: 'local' };
  const others = (hosts: string) => ({ hosts, gather_facts: false, tasks: [copy('a')] });
  const site = (...plays: readonly object[]) => ({
    'site.yml': JSON.stringify(plays),
  });

  it('beside one for localhost: unknown, unless the inventory has localhost itself', async () => {
    const plays = site({ ...others('localhost'), ...local }, others('wokers'));
    await lay({ extraVars: { root } }, { ...plays, hosts: `[workers]\n${HOSTS}` });
    await write({ file: 'a' }, root);
    expect(await checked()).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^localhost: no play matched a host of the inventory, but one for localhost/),
    });
    await write({ hosts: `[masters]\n${HOSTS.replace('web1', 'localhost')}` });
    const { verdict, notes } = await checked();
    expect([verdict, notes.map(({ kind }) => kind)]).toEqual(['in-sync', expect.arrayContaining(['no-hosts'])]);
  });

  it('beside one for others: a note, and it names who was left out, within the limit', async () => {
    const files = { ...site(others('masters'), others('wokers')), hosts: `[masters]\n${HOSTS}[workers]\nw1\nw2\n` };
    await lay({ extraVars: { root } }, files);
    await write({ file: 'a' }, root);
    const unlooked = ({ verdict, notes }: Report) => [
      verdict,
      ...notes.flatMap(({ kind, text }) => (kind === 'unlooked-at' ? [text] : [])),
    ];
    expect(unlooked(await checked())).toEqual(['in-sync', expect.stringMatching(/^no play is for w1, w2: mend hosts/)]);
    await lay({ extraVars: { root }, limit: 'masters' }, files);
    await write({ file: 'a' }, root);
    expect(unlooked(await checked())).toEqual(['in-sync']);
  });
});

describe('secrets', () => {
  it('reach Ansible in memory, and nobody else', async () => {
    const values: Readonly<Record<string, string>> = { 'prod/db': 'hunter2-of-the-db', '/prod/vault': 'vault-pass-1' };
    const server = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        const { SecretId, Name } = JSON.parse(body) as { readonly SecretId?: string; readonly Name?: string };
        const value = values[SecretId ?? Name ?? ''];
        response.setHeader('Content-Type', 'application/x-amz-json-1.1');
        if (value === undefined) response.statusCode = 400;
        response.end(
          JSON.stringify(
            value === undefined
              ? { __type: 'ParameterNotFound' }
              : { SecretString: value, Parameter: { Value: value } },
          ),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const aws = {
      ...{ AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, AWS_REGION: 'eu-west-1' },
      ...{ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'shell-secret-value' },
    };
    const variables = { root, plain: { secret: 'prod/db' } };
    const content = '{{ plain }} {{ hidden }} {{ lookup("env", "AWS_SECRET_ACCESS_KEY") }}';
    const files = {
      'site.yml': play(copy(content), { fail: { msg: `${content} {{ ansible_version.major }}` }, ignore_errors: true }),
    };
    await lay(
      { extraVars: variables, vaultPassword: { parameter: '/prod/vault' }, extraVarsFiles: ['vault.yml'] },
      files,
    );
    await write({ 'vault.yml': encryptVault('hidden: kept-in-the-vault\n', 'vault-pass-1') });
    await write({ file: 'old' }, root);
    try {
      const { code, stdout, stderr } = await byCommand(aws);
      expect(stderr).toBe('');
      expect(code).toBe(2);
      expect(stdout).toContain('(sensitive)');
      for (const secret of ['hunter2', 'vault-pass', 'kept-in', 'shell-secret']) expect(stdout).not.toContain(secret);
      expect(readdirSync(tmp)).toEqual([]);
      await lay({ extraVars: { root, plain: { parameter: '/none' } } }, files);
      const lost = await byCommand(aws);
      expect(lost.code).toBe(1);
      expect(lost.stdout).toContain('there is no SSM parameter /none: create it, or mend the config');
    } finally {
      server.close();
    }
  });

  it('are hidden too where a file holds the password of the vaults', async () => {
    const task = { fail: { msg: 'it was opened with open-sesame-77' }, ignore_errors: true };
    await lay(
      { extraVars: { root }, vaultPassword: { file: 'pw' } },
      { 'site.yml': play(task), pw: 'open-sesame-77\n' },
    );
    const report = await checked();
    expect(JSON.stringify(report)).not.toContain('sesame');
    expect(report.coverage.uncovered[0]?.reason).toContain('it was opened with (sensitive)');
    for (const line of ['vault_password_file = ./pw', 'vault_identity_list = dev@pw', 'become_password_file = pw']) {
      await lay(
        { extraVars: { root } },
        { 'site.yml': play(task), pw: 'open-sesame-77', 'ansible.cfg': `[defaults]\n${line}\n` },
      );
      expect((await checked()).coverage.uncovered[0]?.reason, line).toContain('it was opened with (sensitive)');
    }
  });

  it('are in a vault that every Ansible opens', async () => {
    await lay({}, { vault: encryptVault('{"a": "äöü", "b": 1}', 'key'), key: 'key' });
    const core = await installCore(CORES.oldest);
    for (const each of [bin, ...(core === null ? [] : [core])]) {
      const args = ['view', '--vault-password-file', 'key', 'vault'];
      const env = { ...shell(), LC_ALL: 'C.UTF-8', ANSIBLE_CONFIG: '' };
      expect(execFileSync(path.join(each, 'ansible-vault'), args, { cwd: repo, env }).toString().trim()).toBe(
        '{"a": "äöü", "b": 1}',
      );
    }
  });
});

describe('what cannot be looked at is unknown, with what to do', () => {
  const fake = async (script: string): Promise<Readonly<Record<string, string>>> => {
    await mkdir(path.join(tmp, 'bin'), { recursive: true });
    await writeFile(path.join(tmp, 'bin/ansible-playbook'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return shell({ PATH: `${tmp}/bin:${SYSTEM}` });
  };

  it.each<[string, object, Readonly<Record<string, string>>, RegExp]>([
    ['a playbook that is not there', { playbook: 'none.yml' }, {}, /^none\.yml is not there: write a path/],
    ['an inventory that is not there', { inventory: 'none' }, {}, /^none is not there/],
    [
      'a vault file that is not there',
      { vaultPassword: { file: 'none' } },
      {},
      /\/none is not there: put the password/,
    ],
    ['an output', { extraVars: { a: '$'.concat('{output:prod/net.id}') } }, {}, /no target prod\/net/],
    [
      'a module',
      {},
      { 'site.yml': play({ 'acme.none.x': {} }) },
      /the module acme\.none\.x is not there: write its collection/,
    ],
    ['a role', {}, { 'site.yml': '- hosts: all\n  roles: [none]\n' }, /the role none was not found/],
    ['a limit', { limit: 'nobody' }, {}, /the inventory and the limit leave no host/],
    ['an inventory', {}, { hosts: '[a\nb: c: d\n' }, /the inventory cannot be read/],
    ['too few nodes', { minNodes: 2 }, {}, /^1 of at least 2 nodes were looked at/],
  ])('%s', async (_, nodes, files, reason) => {
    await lay({ extraVars: { root }, ...nodes }, { 'site.yml': play(copy('a')), ...files });
    const before = await everything();
    const report = await checked().catch((error: Error) => ({
      verdict: 'unknown',
      reason: error.message,
      findings: [],
    }));
    expect(report).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(report.reason).toMatch(reason);
    expect(await everything()).toEqual(before);
  });

  it.each<[string, string, RegExp]>([
    [
      'an old Ansible',
      'echo "ansible-playbook [core 2.11.12]"',
      /^ansible-core 2\.11\.12 is too old: install 2\.12 or newer/,
    ],
    ['a very old one', 'echo "ansible-playbook 2.9.27"', /^ansible-core 2\.9\.27 is too old/],
    ['a broken one', 'exit 1', /does not say its version: run "ansible-playbook --version"/],
  ])('%s', async (_, script, reason) => {
    await lay({ extraVars: { root } }, { 'site.yml': play(copy('a')) });
    expect(await checked(await fake(script))).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(reason),
    });
  });

  it('no Ansible', async () => {
    await lay({ extraVars: { root } }, { 'site.yml': play(copy('a')) });
    const { reason } = await checked({ ...shell(), PATH: tmp });
    expect(reason).toMatch(/^ansible-playbook is not on the PATH: install ansible-core 2\.12 or newer/);
  });

  it('a check that takes too long', async () => {
    await lay({ extraVars: { root } }, { 'site.yml': play(copy('a')) });
    const env = await fake(`echo $$ > ${root}/pid; exec sleep 600`);
    const parsed = parseConfig(readFileSync(path.join(repo, 'plumbline.yaml'), 'utf8'), 'it', null);
    const [target] = parsed.ok ? parsed.config.targets : [];
    if (target?.layer !== 'nodes') throw new Error('there is no target of nodes');
    const report = await checkNodes({
      ...{ target: { ...target, timeoutSeconds: 2 }, source: { folder: repo }, environment: env, secrets: {} },
      ...{
        run: { runId: 'a', trigger: 'manual', commit: null, config: { hash: '', commit: null } },
        vaultPassword: null,
        hidden: [],
        notes: [],
      },
      ...{ signal: new AbortController().signal, progress: () => undefined, now: () => new Date() },
    });
    expect(report.reason).toMatch(/^timed out after 2 seconds in ansible-playbook: raise the target's timeout/);
    expect(isAlive(Number(readFileSync(path.join(root, 'pid'), 'utf8')))).toBe(false);
  });

  it('a check that was stopped: said so, with what it found, and nothing runs on or is left', async () => {
    const pid = path.join(root, 'pid');
    const hang = { shell: `echo $$ > ${pid}; exec sleep 600`, check_mode: false };
    await lay({ extraVars: { root } }, { 'site.yml': play(copy('a'), hang) });
    const { code, stdout } = await byCommand({}, (child) => {
      const timer = setInterval(() => {
        if (!existsSync(pid)) return;
        clearInterval(timer);
        child.kill('SIGTERM');
      }, 100);
    });
    const [report] = reportSchema.array().parse(JSON.parse(stdout));
    expect(code).toBe(1);
    expect(report).toMatchObject({
      verdict: 'unknown',
      reason: 'stopped in ansible-playbook, before the check was complete',
    });
    expect(report?.unconfirmed).toMatchObject([{ subject: 'web1: task 0' }]);
    expect(isAlive(Number(readFileSync(pid, 'utf8')))).toBe(false);
    expect(readdirSync(tmp)).toEqual([]);
  });
});
