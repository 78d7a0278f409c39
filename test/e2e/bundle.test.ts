import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runBuild } from '#checks/build.ts';
import { buildNodes } from '#checks/nodes/build.ts';
import { keys } from '#drift/names.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import type { NodesCheck } from '#drift/target.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { CORES, installCore } from './ansible/install.ts';
import { startGitHost, type TestGitHost } from './git-host.ts';
import { scriptOf } from './node-document/node.ts';
import { Store } from './node-document/store.ts';
import {
  type Act,
  BUNDLE,
  INBOX,
  NONCE,
  node,
  nodesWorld,
  SECRETS,
  target,
  ticketOf,
  type Unpacked,
  unpacked,
} from './nodes-world.ts';

/** What a build hands over, as the deployed document takes it on a node: git, tar, vaults and Ansible are real. */

const NAME = 'i-0123456789abcdef0';
let host: TestGitHost;
let store: Store;
let bin: string;
let folder: string;
let commit: string;
let bundle: Unpacked;
let key: string;

beforeAll(async () => {
  const found = await installCore(CORES.middle);
  if (found === null) throw new Error(`no Python here runs ansible-core ${CORES.middle.version}: install Python 3.11`);
  bin = found;
  host = await startGitHost();
  folder = mkdtempSync('/tmp/plumbline-bundle-');
  chmodSync(folder, 0o755);
  store = await Store.start(await makeCertificates(folder));
  commit = await host.commit(await repository());
}, 600_000);
afterAll(async () => {
  await Promise.all([host.stop(), store.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
const prepareNode = (): void => {
  mkdirSync(path.join(folder, 'node'));
  live({ db: SECRETS.db, vault: 'from-the-vault', extra: '10.0.0.0/8 3', role: `minion-1 of ${NAME}` });
};
const removeNode = (): void => rmSync(path.join(folder, 'node'), { recursive: true });
beforeEach(prepareNode);
afterEach(removeNode);

const live = (files: Readonly<Record<string, string>>): void => {
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, 'node', name), content);
};

async function repository(): Promise<Record<string, string>> {
  const at = (name: string): string => path.join(folder, 'node', name);
  const password = path.join(folder, 'password');
  writeFileSync(password, SECRETS.vault, { mode: 0o600 });
  const vault = await execa(`${bin}/ansible-vault`, ['encrypt', '--vault-password-file', password, '--output', '-'], {
    input: 'from_vault: from-the-vault\n',
    env: { LC_ALL: 'C.UTF-8' },
  });
  const copy = (name: string, content: string) => ({ name, copy: { content, dest: at(name) } });
  const play = {
    hosts: 'minion',
    gather_facts: false,
    roles: ['shown'],
    tasks: [
      copy('db', '{{ db_password }}'),
      copy('vault', '{{ from_vault }}'),
      copy('extra', '{{ net.cidrs[0] }} {{ max }}'),
    ],
  };
  return {
    'ansible/ansible.cfg': '[defaults]\nroles_path = ../shared\nstdout_callback = minimal\n',
    'ansible/site.yml': JSON.stringify([play]),
    'ansible/group_vars/minion/secret.yml': `${vault.stdout}\n`,
    'shared/shown/tasks/main.yml': JSON.stringify([{ name: 'role', template: { src: 'role.j2', dest: at('role') } }]),
    'shared/shown/templates/role.j2': `{{ groups['minion'] | join(' ') }} of ${NAME}`,
    'terraform/main.tf': 'locals {}\n',
  };
}

/** The deployed document's script, as the SSM agent runs it. */
const runsForReal: Act = async (id, request, bucket) => {
  const bytes = bucket.objects.get(BUNDLE) ?? Buffer.alloc(0);
  bundle = await unpacked(bytes);
  key = request.parameters['Key'] ?? '';
  store.reset(bytes);
  const script = path.join(folder, 'script.sh');
  writeFileSync(script, scriptOf(request.parameters), { mode: 0o700 });
  const env = {
    ...{ PATH: `${bin}:/usr/bin:/bin`, HOME: folder, SSL_CERT_FILE: store.certificates.ca, AWS_SSM_INSTANCE_ID: id },
  };
  const child = spawn('sh', [script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), new Promise((resolve) => child.once('close', resolve))]);
  for (const [name, stream] of store.objects) await bucket.create(name.slice(1), stream);
  const status = output.includes('"problem":null') ? 'Success' : 'Failed';
  return { node: id, status, details: status, output };
};

async function build(nodes: Partial<NodesCheck> = {}): Promise<Report> {
  const tags = { Role: 'minion', Name: 'minion-1' };
  const world = nodesWorld({
    ...{
      caFile: host.caFile,
      found: [node(NAME, { tags })],
      act: runsForReal,
      ansibleCache: path.join(folder, 'cache'),
    },
  });
  const links = {
    ...world.links,
    link: async (at: string) => store.link(at),
    download: async (at: string) => store.link(at),
  };
  const wanted = target(host.url, {
    extraVars: { net: { cidrs: ['10.0.0.0/8'] }, max: 3 },
    secretVars: { db_password: { secret: 'db' } },
    vaultPassword: { secret: 'vault' },
    ...nodes,
  });
  world.store.objects.set(keys.ticket(NONCE), Buffer.from(JSON.stringify(ticketOf(wanted, commit))));
  await runBuild(world, {
    terraform: () => Promise.reject(new Error('nothing is planned')),
    nodes: (read, at) => buildNodes(read, at, { ...world, links }),
  });
  const report = world.store.objects.get(INBOX)?.toString() ?? '';
  for (const secret of [SECRETS.vault, 'correct-horse', 'from-the-vault', key]) {
    expect(report).not.toContain(secret);
    expect(world.said.join('\n')).not.toContain(secret);
  }
  return reportSchema.parse(JSON.parse(report));
}

describe('what is handed over', () => {
  // A run of Ansible takes a while: one is enough for all that is only looked at.
  let clean: Report;
  let handed: { readonly bundle: Unpacked; readonly key: string };
  beforeAll(async () => {
    prepareNode();
    clean = await build();
    handed = { bundle, key };
    removeNode();
  });

  test('is all that the playbook needs: roles, groups, variables, secrets, the password of its vaults', () => {
    expect(clean.reason).toBe('4 of 4 compared, nothing differs');
    expect([...handed.bundle.files.keys()].sort()).toEqual([
      ...['inventory.yml', 'plugin/plumbline_events.py', 'run.json', 'secrets.yml'],
      ...['source/ansible/ansible.cfg', 'source/ansible/group_vars/minion/secret.yml', 'source/ansible/site.yml'],
      ...['source/shared/shown/tasks/main.yml', 'source/shared/shown/templates/role.j2', 'vault-password.yml'],
    ]);
  });

  test('shows what differs, and not what is secret', async () => {
    live({ db: 'another-password', role: 'edited by hand' });
    const report = await build();
    expect(report.findings.map(({ subject }) => subject)).toEqual(['minion-1: shown : role', 'minion-1: db']);
    expect(report.findings[0]).toMatchObject({ live: 'edited by hand', path: path.join(folder, 'node/role') });
    expect(readFileSync(path.join(folder, 'node/db'), 'utf8')).toBe('another-password');
  });

  test('holds secrets that the one-time key opens, and nothing of them in clear', async () => {
    for (const content of handed.bundle.files.values()) {
      for (const secret of [SECRETS.vault, 'correct-horse', handed.key]) expect(content).not.toContain(secret);
    }
    const opened = async (name: string): Promise<string> => {
      const [file, password] = [path.join(folder, name), path.join(folder, 'key')];
      writeFileSync(file, handed.bundle.files.get(name) ?? '');
      writeFileSync(password, handed.key, { mode: 0o600 });
      const args = ['decrypt', '--vault-id', `plumbline@${password}`, '--output', '-', file];
      return (await execa(`${bin}/ansible-vault`, args, { env: { LC_ALL: 'C.UTF-8' } })).stdout;
    };
    expect(await opened('vault-password.yml')).toBe(SECRETS.vault);
    expect(await opened('secrets.yml')).toMatch(/^"db_password": !unsafe "correct-horse \{\{ battery \}\} /);
  });

  test('has an inventory that Ansible reads, with groups by tags', async () => {
    const file = path.join(folder, 'inventory.yml');
    writeFileSync(file, handed.bundle.files.get('inventory.yml') ?? '');
    const { stdout } = await execa(`${bin}/ansible-inventory`, ['-i', file, '--list'], { env: { LC_ALL: 'C.UTF-8' } });
    const inventory = JSON.parse(stdout);
    expect(inventory.minion.hosts).toEqual(['minion-1']);
    expect(inventory.tag_Role_minion.hosts).toEqual(['minion-1']);
    expect(inventory._meta.hostvars).toEqual({ 'minion-1': { ansible_host: '10.0.0.19' } });
  });
});

test('a wrong vault password is the reason that is told', async () => {
  const report = await build({ vaultPassword: { secret: 'token' } });
  expect(report.verdict).toBe('unknown');
  expect(report.coverage.uncovered[0]?.reason).toMatch(/the vault password is missing or wrong/);
});
