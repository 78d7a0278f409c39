import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NoRun, runBuild } from '#checks/build.ts';
import { buildTerraform, type TerraformBuildWorld } from '#checks/terraform/build.ts';
import { keys } from '#drift/names.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import { newRunId } from '#drift/run.ts';
import type { TerraformTarget } from '#drift/target.ts';
import type { TerraformTicket } from '#drift/ticket.ts';
import { type Identity, RoleError } from '#services/aws/identity.ts';
import { type ObjectStore, SecretError } from '#services/ports.ts';
import { fakeTool, isAlive, until } from './command.ts';
import { startGitHost, type TestGitHost } from './git-host.ts';

const TOKEN = 'ghp-0123456789abcdef';
const PASSWORD = 'correct-horse-battery';
const NONCE = '2f1c0f52-7b51-4a6e-9d3e-6a6f0e5d1c11';
const INBOX = keys.inbox('AROAEXAMPLE', 'c5b1f3a0-0000-4000-8000-000000000001');
const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };

const MAIN = `
variable "size" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "app" {
  input = var.size
}
check "leak" {
  assert {
    condition     = var.size == "nothing"
    error_message = "it is \${nonsensitive(var.password)}"
  }
}
`;
const STATE = JSON.stringify({
  ...{ version: 4, terraform_version: '1.11.4', serial: 3, lineage: 'a1b2', outputs: {} },
  resources: [
    {
      ...{ mode: 'managed', type: 'terraform_data', name: 'app' },
      provider: 'provider["terraform.io/builtin/terraform"]',
      instances: [
        {
          schema_version: 0,
          attributes: {
            id: '5d0ae4b8-7f39-4f3e-9b59-2c8f9c1d7a11',
            input: { value: 'small', type: 'string' },
            output: { value: 'small', type: 'string' },
            triggers_replace: null,
          },
        },
      ],
    },
  ],
});

let host: TestGitHost;
let commit: string;
let bin: string;
let objects: Map<string, string>;
let said: string[];
let assumed: unknown[][];
let before: Set<string>;

// Other tests make such folders too, at the same time.
let own: string;
const shared = process.env['TMPDIR'];
beforeAll(async () => {
  own = await mkdtemp(join(tmpdir(), 'pb-build-'));
  await chmod(own, 0o777);
  process.env['TMPDIR'] = own;
  host = await startGitHost();
  host.protect(TOKEN);
  commit = await host.commit({ 'terraform/app/main.tf': MAIN, 'terraform/app/terraform.tfstate': STATE });
});
afterAll(async () => {
  await host.stop();
  if (shared === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = shared;
  await rm(own, { recursive: true, force: true });
});
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'pb-build-bin-'));
  await chmod(bin, 0o777);
  objects = new Map();
  said = [];
  assumed = [];
  before = new Set(scratches());
});
afterEach(async () => {
  expect(scratches().filter((name) => !before.has(name))).toEqual([]);
  expect(said.join('\n')).not.toMatch(new RegExp([TOKEN, PASSWORD, 'role-secret', NONCE].join('|')));
  await rm(bin, { recursive: true, force: true });
});

/** Folders that checks of this process made; other tests may run at the same time. */
const scratches = (): string[] => readdirSync(own).filter((name) => /^plumbline-\w{6}$/.test(name));

const store: ObjectStore = {
  read: async (key) => {
    const text = objects.get(key);
    return text === undefined ? null : { text, etag: '1' };
  },
  create: async (key, text) => {
    if (objects.has(key)) return false;
    objects.set(key, String(text));
    return true;
  },
  replace: () => Promise.reject(new Error('a build replaces nothing')),
  put: () => Promise.reject(new Error('a build overwrites nothing')),
  delete: () => Promise.reject(new Error('a build deletes nothing')),
};
const identity: Identity = {
  userId: async () => 'AROAEXAMPLE:AWSCodeBuild-c5b1f3a0-0000-4000-8000-000000000001',
  assume: async (...args) => {
    assumed.push(args);
    return { accessKeyId: 'ASIAROLE', secretAccessKey: 'role-secret-key', sessionToken: 'role-session-token' };
  },
};

function target(size: string, extra: Partial<TerraformTarget> = {}): TerraformTarget {
  return {
    name: 'prod/app',
    environment: {
      ...{ name: 'prod', account: '222222222222', region: 'eu-west-1', role: 'plumbline' },
      severity: 'critical',
      state: [],
      locks: [],
    },
    layer: 'terraform',
    source: { name: 'infra', url: host.url, ref: 'main', token: { secret: 'git-token' } },
    severity: 'critical',
    timeoutSeconds: 120,
    minCoverage: 1,
    enabled: true,
    observe: false,
    retired: false,
    windows: [],
    pendingGraceSeconds: 0,
    confirmSeconds: 0,
    terraform: {
      ...{ tool: 'terraform', path: 'terraform/app', varFiles: [], vars: { size }, backendConfig: {} },
      env: { TF_VAR_password: { parameter: '/app/password' } },
    },
    ...extra,
  };
}

const RUN_ID = newRunId(new Date('2026-11-24T04:00:00Z'), 'prod/app', 'schedule', 'seed');

function ticket(of: TerraformTarget, at = commit): TerraformTicket {
  return {
    schema: 'plumbline.ticket/1',
    run: {
      ...{ schema: 'plumbline.run/1', runId: RUN_ID, target: of.name, layer: 'terraform', trigger: 'schedule' },
      ...{ commit: at, requestedAt: '2026-11-24T04:00:00.000Z', deadline: '2026-11-24T05:00:00.000Z' },
      config: { hash: 'c'.repeat(64), commit: null },
    },
    target: of,
    fingerprintKey: 'f'.repeat(64),
  };
}

function world(extra: Partial<TerraformBuildWorld> = {}): TerraformBuildWorld {
  return {
    env: {
      PATH: process.env['PATH'],
      GIT_SSL_CAINFO: host.caFile,
      TARGET: 'prod/app',
      RUN_ID,
      TICKET: NONCE,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'https://aws.example',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/build',
      AWS_ACCESS_KEY_ID: 'ASIABUILD',
      CODEBUILD_BUILD_ID: 'project:build',
      CODEBUILD_INITIATOR: 'DispatchRole/plumbline-dispatch',
    },
    store,
    secrets: { read: async (reference) => ('secret' in reference ? TOKEN : PASSWORD) },
    identity,
    functions: { ask: () => Promise.reject(new Error('no run is asked for')) },
    ...(isRoot ? { user: NOBODY } : {}),
    toolCache: join(bin, 'cache'),
    providerCache: join(bin, 'providers'),
    openS3State: () => {
      throw new Error('no state is in a bucket');
    },
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    now: () => new Date(),
    ...extra,
  };
}

const run = (of: TerraformBuildWorld): Promise<boolean> =>
  runBuild(of, {
    terraform: (ticket, at) => buildTerraform(ticket, at, of),
    nodes: () => Promise.reject(new Error('no nodes are asked')),
  });

async function build(
  of: TerraformTicket | string,
  extra: Partial<TerraformBuildWorld> = {},
): Promise<{ report: Report; complete: boolean }> {
  objects.set(keys.ticket(NONCE), typeof of === 'string' ? of : JSON.stringify(of));
  const complete = await run(world(extra));
  const text = objects.get(INBOX) ?? '';
  for (const secret of [TOKEN, PASSWORD, 'role-secret', 'f'.repeat(64)]) expect(text).not.toContain(secret);
  return { report: reportSchema.parse(JSON.parse(text)), complete };
}

describe('a build', () => {
  test('in sync: the report speaks of this run, and the role was taken for it', async () => {
    const { report, complete } = await build(ticket(target('small')));
    expect(report.reason).toBe('1 of 1 compared, nothing differs');
    expect(complete).toBe(true);
    expect(report).toMatchObject({
      runId: RUN_ID,
      trigger: 'schedule',
      commit: { checked: commit },
      config: { hash: 'c'.repeat(64) },
    });
    expect(report.notes.some(({ text }) => text.includes('it is (sensitive)'))).toBe(true);
    expect(assumed).toEqual([['arn:aws:iam::222222222222:role/plumbline-terraform', RUN_ID, 900]]);
    expect(objects.size).toBe(2);
  });

  test('drifted is a complete check too', async () => {
    const { report, complete } = await build(ticket(target('large')));
    expect(complete).toBe(true);
    expect(report.findings).toMatchObject([{ path: 'input', declared: 'large', live: 'small' }]);
    expect(report.findings[0]?.valueHash).toMatch(/^[0-9a-f]{32}$/);
  });

  test('the tool gets the role and nothing of the build, as another user', async () => {
    const log = join(bin, 'seen');
    await fakeTool(
      bin,
      `[ "$1" = plan ] && { env; echo "uid=$(id -u)"; ls -ld . | cut -d" " -f3; } > ${log}; exec $REAL "$@"`,
    );
    const env = { ...world().env, PATH: `${bin}:${process.env['PATH']}` };
    await build(ticket(target('small')), { env });
    const lines = (await readFile(log, 'utf8')).split('\n');
    const names = lines.map((line) => line.split('=')[0]).filter((name) => /^[A-Z_a-z]+$/.test(name ?? ''));
    expect(lines).toEqual(
      expect.arrayContaining([
        'AWS_ACCESS_KEY_ID=ASIAROLE',
        'AWS_REGION=eu-west-1',
        'AWS_ENDPOINT_URL=https://aws.example',
        `TF_VAR_password=${PASSWORD}`,
        ...(isRoot ? ['uid=65534'] : []),
      ]),
    );
    const ours = ['PWD', 'SHLVL', '_', 'OLDPWD', 'uid', 'nobody'];
    expect(new Set(names.filter((name) => !ours.includes(name ?? '')))).toEqual(
      new Set([
        ...['TF_PLUGIN_CACHE_DIR', 'PATH', 'LANG', 'HOME', 'TMPDIR', 'GIT_SSL_CAINFO', 'TF_VAR_password'],
        ...['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ENDPOINT_URL'],
        ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
        ...['TF_IN_AUTOMATION', 'TF_INPUT', 'CHECKPOINT_DISABLE', 'TF_DATA_DIR'],
      ]),
    );
  });

  test('stopped: the report says so, nothing goes on, and the build is not complete', async () => {
    const pidFile = join(bin, 'pid');
    await fakeTool(
      bin,
      `[ "$1" = plan ] && { sh -c 'trap "" TERM; echo $$ > ${pidFile}; while :; do sleep 1; done' & wait; }; exit 0`,
    );
    const abort = new AbortController();
    const env = { ...world().env, PATH: `${bin}:${process.env['PATH']}` };
    void until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '').then(() => abort.abort());
    const { report, complete } = await build(ticket(target('small')), { env, signal: abort.signal });
    expect(complete).toBe(false);
    expect(report).toMatchObject({ verdict: 'unknown', commit: { checked: commit } });
    expect(report.reason).toMatch(/^the build was stopped: stopped in plan/);
    expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  test('a report that is there already is not replaced', async () => {
    objects.set(INBOX, '{}');
    objects.set(keys.ticket(NONCE), JSON.stringify(ticket(target('small'))));
    await run(world());
    expect(objects.get(INBOX)).toBe('{}');
  });
});

describe('what goes wrong before the check is a report with the reason', () => {
  const source = { name: 'infra', url: 'https://127.0.0.1:9/x.git', ref: 'main' };
  const noSecret = { read: () => Promise.reject(new SecretError('there is no secret git-token in Secrets Manager')) };
  const noRole = { ...identity, assume: () => Promise.reject(new RoleError('the role x cannot be assumed')) };
  const broken = { ...identity, assume: () => Promise.reject(new TypeError(`boom ${NONCE.slice(0, 4)}`)) };

  test.each<[string, () => TerraformTicket | string, Partial<TerraformBuildWorld>, RegExp]>([
    ['a damaged ticket', () => '{"schema":', {}, /^the ticket of this build is damaged/],
    ['a ticket of another shape', () => '{"schema":"plumbline.ticket/9"}', {}, /^the ticket of this build is damaged/],
    ['a ticket of another run', () => ticket(target('x', { name: 'prod/b' })), {}, /is for run .* of prod\/b$/],
    ['no secret', () => ticket(target('x')), { secrets: noSecret }, /^there is no secret git-token/],
    ['no role', () => ticket(target('x')), { identity: noRole }, /^the role x cannot be assumed$/],
    [
      'no git host',
      () => ticket(target('x', { source })),
      {},
      /^https:\/\/127\.0\.0\.1:9\/x\.git could not be fetched/,
    ],
    ['no commit', () => ticket(target('x'), 'a'.repeat(40)), {}, /has no commit a+ on main/],
    [
      'a mistake of ours',
      () => ticket(target('x')),
      { identity: broken },
      /could not be made \(TypeError\): the build's log/,
    ],
  ])('%s', async (_name, of, extra, reason) => {
    const { report, complete } = await build(of(), extra);
    expect(complete).toBe(false);
    expect(report).toMatchObject({ verdict: 'unknown', runId: RUN_ID, target: 'prod/app', findings: [] });
    expect(report.reason).toMatch(reason);
  });

  test('a ticket that is gone', async () => {
    expect(await run(world())).toBe(false);
    expect(JSON.parse(objects.get(INBOX) ?? '').reason).toMatch(/^the ticket of this build is gone/);
  });

  test('a time limit that is used up by the clone', async () => {
    host.answer = (request, response) => {
      host.answer = null;
      setTimeout(() => request.socket.destroy(), 3000);
      response.on('error', () => undefined);
    };
    const { report, complete } = await build(ticket(target('small', { timeoutSeconds: 1 })));
    expect(complete).toBe(false);
    expect(report.reason).toMatch(/could not be fetched within/);
  });
});

describe('a build that nobody asked for', () => {
  test.each([
    [{ TARGET: '' }, /TARGET is not set: start the build with overrides/],
    [{ RUN_ID: 'x' }, /is no run id/],
    [{ TICKET: '../../state/prod' }, /is no ticket's name/],
  ])('%j leaves nothing', async (env, message) => {
    const promise = run(world({ env: { ...world().env, ...env } }));
    await expect(promise).rejects.toThrow(NoRun);
    await expect(promise).rejects.toThrow(message);
    expect(objects.size).toBe(0);
  });

  test('one that is no build at all', async () => {
    const someone = { ...identity, userId: async () => 'AIDAEXAMPLE' };
    await expect(run(world({ identity: someone }))).rejects.toThrow(/is no build/);
  });
});
