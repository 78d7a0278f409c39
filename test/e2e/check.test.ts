import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkTerraform } from '#checks/terraform/check.ts';
import { parseConfig } from '#drift/config/parse.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import type { Config } from '#drift/target.ts';
import { type CommandOptions, type Ended, fakeTool, isAlive, plumbline, until } from './command.ts';

const LAB = new URL('../fixtures/terraform/lab/', import.meta.url).pathname;
let repo: string;
let tmp: string;
let bin: string;

beforeEach(async () => {
  repo = await mkdtemp(join(tmpdir(), 'plumbline-e2e-repo-'));
  tmp = await mkdtemp(join(tmpdir(), 'plumbline-e2e-tmp-'));
  bin = await mkdtemp(join(tmpdir(), 'plumbline-e2e-bin-'));
});
afterEach(async () => {
  // Nothing of a check may be left, however it ended.
  expect(readdirSync(tmp)).toEqual([]);
  for (const folder of [repo, tmp, bin]) await rm(folder, { recursive: true, force: true });
});

const APP = `
terraform {
  backend "local" {}
}
variable "size" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "unset-password"
}
resource "terraform_data" "app" {
  input = var.size
}
output "size" { value = terraform_data.app.output }
`;

const PROVIDER = `terraform {
  required_providers {
    x = {
      source = "plumbline.invalid/x/x"
    }
  }
}
`;
const OLD_STATE = JSON.stringify({
  ...{ version: 4, terraform_version: '1.11.4', serial: 1, lineage: 'a' },
  outputs: { a: { value: 'a', type: 'string' } },
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(repo, name)), { recursive: true });
    await writeFile(join(repo, name), text);
  }
}

const config = (terraform: string, more = '') => `version: 1
environments:
  prod: { severity: critical }
targets:
  app: { in: [prod], ${more} terraform: { path: terraform/app, ${terraform} } }
`;

/** A root module whose state says `size = small`; the state lies where the backend config says. */
async function applied(extra: Readonly<Record<string, string>> = {}): Promise<void> {
  await write({
    'plumbline.yaml': config(
      `varFiles: ["env/\${environment}.tfvars"], backendConfig: { path: ../../state/app.tfstate }`,
    ),
    'env/prod.tfvars': 'size = "small"\n',
    'terraform/app/main.tf': APP,
    ...extra,
  });
  const at = join(repo, 'terraform/app');
  const env = { ...process.env, TF_DATA_DIR: join(bin, 'data') };
  const terraform = (...args: string[]) => execFileSync('terraform', args, { cwd: at, env, stdio: 'pipe' });
  terraform('init', '-backend-config=path=../../state/app.tfstate');
  terraform('apply', '-auto-approve', '-var-file=../../env/prod.tfvars');
}

const run = (args: readonly string[], options: Partial<CommandOptions> = {}): Promise<Ended> =>
  plumbline(args, { cwd: repo, ...options, env: { TMPDIR: tmp, ...options.env } });
const withFake = (): Record<string, string> => ({ PATH: `${bin}:${process.env['PATH']}` });

async function check(options: Partial<CommandOptions> = {}): Promise<{ report: Report; ended: Ended }> {
  const ended = await run(['check', 'prod/app', '--json'], options);
  const [report] = z.tuple([reportSchema]).parse(JSON.parse(ended.stdout));
  return { report, ended };
}

/** Name, content, mode and time of everything in the repository. */
async function fingerprintOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const found = await stat(join(folder, name));
    hash.update(`${name} ${found.mode} ${found.mtimeMs} `);
    if (found.isFile()) hash.update(await readFile(join(folder, name)));
  }
  return hash.digest('hex');
}

describe('with real terraform', () => {
  test('in sync: exit 0, and not a byte of the repository or its state is touched', async () => {
    await applied();
    const before = await fingerprintOf(repo);
    const { report, ended } = await check();
    expect(ended.code).toBe(0);
    expect(ended.stderr).toBe('');
    expect(report).toMatchObject({
      target: 'prod/app',
      verdict: 'in-sync',
      trigger: 'manual',
      tool: { name: 'terraform', exitCode: 0 },
      coverage: { compared: 1, total: 1 },
      findings: [],
    });
    expect(await fingerprintOf(repo)).toBe(before);
    expect(existsSync(join(repo, 'state/app.tfstate'))).toBe(true);
  });

  test('pending: exit 2, with declared and live value; nothing is applied', async () => {
    await applied();
    await write({ 'env/prod.tfvars': 'size = "large"\n' });
    const before = await fingerprintOf(repo);
    const { report, ended } = await check();
    expect(ended.code).toBe(2);
    expect(report.verdict).toBe('drifted');
    expect(report.findings).toMatchObject([
      { subject: 'terraform_data.app', path: 'input', declared: 'large', live: 'small', cause: 'pending' },
    ]);
    expect(await fingerprintOf(repo)).toBe(before);
    expect(await readFile(join(repo, 'state/app.tfstate'), 'utf8')).toMatch(/"value": "small"/);
  });

  test('readable, without colours when piped, with the page', async () => {
    await applied();
    await write({ 'env/prod.tfvars': 'size = "large"\n' });
    const ended = await run(['check', '--html', 'out.html']);
    expect(ended.code).toBe(2);
    expect(ended.stdout).toMatch(/^≠ drifted {2}prod\/app {2}1 finding\n/);
    expect(ended.stdout).toMatch(
      /pending {2}terraform_data\.app {2}input {2}update\n +declared large\n +live +small\n/,
    );
    expect(ended.stdout).not.toContain('\u001b');
    expect(await readFile(join(repo, 'out.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  test('the commit, and that the working copy has changes', async () => {
    await applied();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: repo }).toString();
    git('init', '-q');
    git('add', '-A');
    git('commit', '-q', '-m', 'first');
    const clean = await check();
    expect(clean.report.commit.checked).toBe(git('rev-parse', 'HEAD').trim());
    expect(clean.report.notes).toEqual([]);
    await write({ 'terraform/app/more.tf': 'locals {}\n' });
    const dirty = await check();
    expect(dirty.report.notes).toEqual([
      { kind: 'commit', text: 'the working copy has local changes that no commit holds' },
    ]);
  });

  test('vars win over var files; a secret of the shell reaches the tool and no report', async () => {
    await applied();
    await write({
      'plumbline.yaml': config(
        'varFiles: [env/prod.tfvars], vars: { size: huge }, backendConfig: { path: ../../state/app.tfstate }, env: { TF_VAR_password: { secret: none } }',
      ),
      'terraform/app/leak.tf': `check "leak" {\n  assert {\n    condition     = var.size == "nothing"\n    error_message = "it is \${nonsensitive(var.password)}"\n  }\n}\n`,
    });
    const { report, ended } = await check({ env: { TF_VAR_password: 'correct-horse-battery' } });
    expect(report.reason).toBe('1 finding');
    expect(report.findings).toMatchObject([{ path: 'input', declared: 'huge', live: 'small' }]);
    expect(report.notes.some(({ text }) => text.includes('it is (sensitive)'))).toBe(true);
    expect(ended.stdout).not.toContain('correct-horse');
  });

  test('a workspace that does not exist is not made', async () => {
    await applied({ 'terraform/app/main.tf': APP });
    await write({
      'plumbline.yaml': config(
        'workspace: blue, varFiles: [env/prod.tfvars], backendConfig: { path: ../../state/app.tfstate }',
      ),
    });
    const before = await fingerprintOf(repo);
    const { report, ended } = await check();
    expect(ended.code).toBe(1);
    expect(report.reason).toBe("there is no workspace blue: mend the target's terraform.workspace; there are default");
    expect(await fingerprintOf(repo)).toBe(before);
  });

  test('a workspace that exists is looked at', async () => {
    await applied();
    const env = { ...process.env, TF_DATA_DIR: join(bin, 'data'), TF_VAR_size: 'blue-size' };
    const at = { cwd: join(repo, 'terraform/app'), env, stdio: 'pipe' } as const;
    const backend = [
      '-backend-config=path=../../state/app.tfstate',
      '-backend-config=workspace_dir=../../state/workspaces',
    ];
    execFileSync('terraform', ['init', '-reconfigure', ...backend], at);
    execFileSync('terraform', ['workspace', 'new', 'blue'], at);
    execFileSync('terraform', ['apply', '-auto-approve'], at);
    await write({
      'plumbline.yaml': config(
        'workspace: blue, vars: { size: blue-size }, backendConfig: { path: ../../state/app.tfstate, workspace_dir: ../../state/workspaces }',
      ),
    });
    expect((await check()).report).toMatchObject({ verdict: 'in-sync', reason: '1 of 1 compared, nothing differs' });
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      'a reference to nothing',
      { 'terraform/app/b.tf': 'locals {\n  a = var.nothing\n}\n' },
      /^plan failed: Reference to undeclared input variable \(terraform\/app\/b\.tf:2\): .*; mend it in the repository$/,
    ],
    [
      'a broken file',
      { 'terraform/app/b.tf': 'locals {' },
      /^init failed: .*\(terraform\/app\/b\.tf:1\).*; mend it in the repository$/,
    ],
    [
      'a variable without value',
      { 'env/prod.tfvars': '' },
      /^plan failed: No value for required variable \(terraform\/app\/main\.tf:5\).*; give it in the target's terraform\.vars/,
    ],
    [
      'a module that is not there',
      { 'terraform/app/b.tf': 'module "m" {\n  source = "./nowhere"\n}\n' },
      /^init failed: Unreadable module directory.*; mend the module's source or version$/,
    ],
    [
      'a state from before the backend',
      { 'terraform/app/terraform.tfstate': OLD_STATE },
      /^init failed: .*state migration.*; take away the terraform\.tfstate/,
    ],
    [
      'a provider that cannot be had',
      { 'terraform/app/b.tf': PROVIDER },
      /^init failed: Failed to query available provider packages: .*; mend required_providers, or let the registry/,
    ],
    [
      'a backend that is not complete',
      { 'terraform/app/main.tf': APP.replace('"local"', '"s3"'), 'plumbline.yaml': config('') },
      /^init failed: Missing Required Value \(terraform\/app\/main\.tf:3\).*; complete the target's terraform\.backendConfig/,
    ],
    [
      'a wanted version',
      { 'terraform/app/b.tf': 'terraform {\n  required_version = "< 1.0.0"\n}\n' },
      /Unsupported Terraform Core version.*; set the target's terraform\.version to one that fits$/,
    ],
    [
      'the backend of another service',
      { 'terraform/app/main.tf': APP.replace('backend "local" {}', 'cloud {\n    organization = "x"\n  }') },
      /^the backend "cloud" is not supported yet: terraform would plan elsewhere/,
    ],
  ])('%s is unknown, with place and remedy', async (_name, files, reason) => {
    await applied();
    await write(files);
    const { report, ended } = await check();
    expect(ended.code).toBe(1);
    expect(report.verdict).toBe('unknown');
    expect(report.reason).toMatch(reason);
    expect(report.reason).not.toContain(tmp);
  });

  test.each([
    ['path: terraform/nowhere', /^terraform\/nowhere is not in the repository: mend the target's terraform\.path$/],
    ['path: env', /^env holds no terraform files: nothing to compare/],
    ['path: terraform/app, varFiles: [env/none.tfvars]', /^env\/none\.tfvars is not in the repository: .*varFiles$/],
    ['path: link', /^link leads out of the repository/],
  ])('%s is unknown', async (terraform, reason) => {
    await applied();
    await write({ 'plumbline.yaml': config('').replace('path: terraform/app, ', terraform) });
    execFileSync('ln', ['-s', '/etc', join(repo, 'link')]);
    const { report, ended } = await check();
    expect(ended.code).toBe(1);
    expect(report.reason).toMatch(reason);
  });

  test('TF_CLI_ARGS and the like of the shell change nothing', async () => {
    await applied();
    const before = await fingerprintOf(repo);
    const log = join(repo, '../plumbline-e2e.log');
    const env = {
      TF_CLI_ARGS_plan: '-destroy',
      TF_CLI_ARGS: '-bogus',
      TF_WORKSPACE: 'other',
      TF_LOG: 'trace',
      TF_LOG_PATH: log,
    };
    const { report } = await check({ env });
    expect(report.verdict).toBe('in-sync');
    expect(existsSync(log)).toBe(false);
    expect(await fingerprintOf(repo)).toBe(before);
  });
});

describe('with a tool that plays a part', () => {
  /** A tool that plans what a recorded case planned, and notes what it was asked. */
  async function replay(name: string): Promise<void> {
    await applied();
    for (const part of [name, `${name}-refresh-false`]) {
      if (existsSync(join(LAB, part))) await cp(join(LAB, part), join(bin, part), { recursive: true });
    }
    await fakeTool(
      bin,
      `echo "$*" >> ${bin}/asked
case "$*" in
  plan*-refresh=false*) echo x > "$(echo "$*" | sed 's/.*-out=\\([^ ]*\\).*/\\1/')"; exit 0;;
  plan*) exit $(cat ${bin}/${name}/exitcode);;
  show*second*) cat ${bin}/${name}-refresh-false/plan.json;;
  show*) cat ${bin}/${name}/plan.json;;
esac`,
    );
  }
  const asked = (): string[] => readFileSync(join(bin, 'asked'), 'utf8').trim().split('\n');

  test('drift that reaches others: a second plan, without refresh, settles the cause', async () => {
    await replay('drift-propagates');
    const { report, ended } = await check({ env: withFake() });
    expect(ended.code).toBe(2);
    expect(new Set(report.findings.map(({ cause }) => cause))).toEqual(new Set(['out-of-band']));
    expect(asked().map((line) => line.split(' ')[0])).toEqual(['init', 'plan', 'show', 'plan', 'show']);
    expect(asked()[3]).toContain('-refresh=false');
  });

  test.each(['clean', 'config-only', 'drift-computed-only'])('%s: one plan is enough', async (name) => {
    await replay(name);
    await check({ env: withFake() });
    expect(asked().map((line) => line.split(' ')[0])).toEqual(['init', 'plan', 'show']);
  });

  test('what is asked of the tool can write nothing', async () => {
    await replay('drift-propagates');
    await check({ env: withFake() });
    const lines = asked();
    expect(lines.length).toBe(5);
    for (const line of lines) expect(line).toMatch(/^(init|plan|show) /);
    for (const line of lines.filter((text) => text.startsWith('plan'))) {
      expect(line).toContain('-lock=false');
      expect(line).toContain('-input=false');
    }
  });

  test('a second plan that fails leaves the verdict, and says what is less sure', async () => {
    await replay('drift-propagates');
    const script = await readFile(join(bin, 'terraform'), 'utf8');
    await writeFile(
      join(bin, 'terraform'),
      script.replace(/plan\*-refresh=false\*\).*;;/, 'plan*-refresh=false*) exit 1;;'),
    );
    const { report } = await check({ env: withFake() });
    expect(report.verdict).toBe('drifted');
    expect(report.notes.filter(({ kind }) => kind === 'cause')).toHaveLength(1);
  });

  const SLOW = (file: string) => `case "$1" in
  plan) sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' & wait;;
esac`;

  test('the time limit ends the whole group', async () => {
    await applied();
    const pidFile = join(bin, 'pid');
    await fakeTool(bin, SLOW(pidFile));
    const { config: parsed } = z.object({ config: z.custom<Config>() }).parse(parseConfig(config(''), 'c'));
    const [target] = parsed.targets;
    if (target === undefined) throw new Error('the config has a target');
    const steps: string[] = [];
    const report = await checkTerraform({
      target: { ...target, timeoutSeconds: 2 },
      run: { runId: 'r', trigger: 'manual', commit: null, config: { hash: 'h', commit: null } },
      source: { folder: repo, disposable: false },
      fingerprintKey: null,
      environment: withFake(),
      secrets: {},
      hidden: [],
      toolCache: bin,
      signal: new AbortController().signal,
      progress: (step) => steps.push(step),
      now: () => new Date(),
    });
    expect(report.verdict).toBe('unknown');
    expect(report.reason).toMatch(/^timed out after 2 seconds in plan: raise the target's timeout/);
    expect(steps).toEqual(['looking for terraform', 'init', 'plan']);
    expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s: a report that says so, and nothing goes on',
    async (signal) => {
      await applied();
      const pidFile = join(bin, 'pid');
      await fakeTool(bin, SLOW(pidFile));
      const { report, ended } = await check({
        env: withFake(),
        started: (child) => {
          void until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '').then(() => child.kill(signal));
        },
      });
      expect(ended.code).toBe(1);
      expect(report.reason).toBe('stopped in plan, before the check was complete');
      expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
    },
  );

  test.each([
    ['exit 0', 'the plan is not JSON'],
    ['kill -SEGV $$', 'terraform was ended by SIGSEGV in init'],
    ['case "$1" in plan) exit 11;; esac', 'plan ended with exit code 11'],
    ['case "$1" in plan) exit 2;; show) echo "{";; esac', ''],
    ['case "$1" in show) exit 3;; esac', 'show ended with exit code 3'],
  ])('%s is unknown, never in sync', async (script, reason) => {
    await applied();
    await fakeTool(bin, script);
    const { report, ended } = await check({ env: withFake() });
    expect(ended.code).toBe(1);
    expect(report.verdict).toBe('unknown');
    expect(report.reason).toContain(reason);
  });

  test('without a lock file plain init runs in a copy, and the report says so', async () => {
    await applied();
    await fakeTool(
      bin,
      `case "$1" in
  init) echo "$*" >> ${bin}/asked; pwd >> ${bin}/asked; touch .terraform.lock.hcl;;
  *) exec $REAL "$@";;
esac`,
    );
    const before = await fingerprintOf(repo);
    const { report } = await check({ env: withFake() });
    expect(report.notes.map(({ kind }) => kind)).toContain('unpinned-providers');
    expect(asked()[0]).not.toContain('-lockfile=readonly');
    expect(asked()[1]?.startsWith(repo)).toBe(false);
    expect(await fingerprintOf(repo)).toBe(before);
  });

  test('with a lock file init may not change it, and runs in place', async () => {
    await applied({ 'terraform/app/.terraform.lock.hcl': '# pinned\n' });
    await fakeTool(bin, `echo "$*" >> ${bin}/asked; pwd >> ${bin}/asked; exec $REAL "$@"`);
    const { report } = await check({ env: withFake() });
    expect(report.verdict).toBe('in-sync');
    expect(asked()[0]).toContain('-lockfile=readonly');
    expect(asked()[1]).toBe(join(repo, 'terraform/app'));
  });
});

describe('the command', () => {
  test('several targets: each has a report, unknown outweighs drifted', async () => {
    await applied();
    await write({
      'plumbline.yaml': `${config('vars: { size: large }, backendConfig: { path: ../../state/app.tfstate }')}  gone: { in: [prod], terraform: { path: gone } }\n`,
    });
    const ended = await run(['check', '--json']);
    expect(
      z
        .array(reportSchema)
        .parse(JSON.parse(ended.stdout))
        .map(({ verdict }) => verdict),
    ).toEqual(['drifted', 'unknown']);
    expect(ended.code).toBe(1);
    const drifted = await run(['check', 'prod/a*']);
    expect(drifted.code).toBe(2);
  });

  test.each<[string[], RegExp]>([
    [['check', 'prod/ap'], /there is no target prod\/ap; near are prod\/app/],
    [['check', '-c', 'none.yaml'], /none\.yaml: there is no such file/],
    [['check', '-c', 'env'], /env is a folder/],
    [['check', '--bogus'], /unknown option '--bogus'/],
    [['bogus'], /unknown command|too many arguments/],
    [['judge', 'terraform'], /required option '--plan <file>' not specified/],
    [['judge', 'terraform', '--plan', 'plumbline.yaml', '--exit-code', 'two'], /is no exit code/],
    [['build'], /PLUMBLINE_BUCKET is not set/],
  ])('%j: exit 1, with what to do on stderr and nothing on stdout', async (args, message) => {
    await write({ 'plumbline.yaml': config(''), 'env/x': '' });
    const ended = await run(args);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/\n +at /);
  });

  test('validate: all mistakes at once, or a table', async () => {
    await write({ 'plumbline.yaml': config('varfiles: []').replace('prod: {', 'prd: {') });
    const wrong = await run(['validate']);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/plumbline\.yaml:\d+:\d+: .*did you mean "varFiles"/);
    await write({ 'plumbline.yaml': config('') });
    const right = await run(['validate']);
    expect(right.code).toBe(0);
    expect(right.stdout).toMatch(/prod\/app +by hand +terraform\/app/);
  });

  test('an older Node hands over to ours', async () => {
    await applied();
    const older = '/usr/bin/node';
    if (!existsSync(older) || !/^v(18|20|21)\./.test(execFileSync(older, ['--version']).toString())) return;
    const { report, ended } = await check({ node: older });
    expect(ended.code).toBe(0);
    expect(report.verdict).toBe('in-sync');
  });

  test('judge: one object, the same every time', async () => {
    await write({ 'plumbline.yaml': '' });
    const name = join(LAB, 'drift-propagates');
    const args = ['judge', 'terraform', '--plan', `${name}/plan.json`, '--exit-code', '2', '--json'];
    const [first, second] = [await run(args), await run(args)];
    expect(first.code).toBe(2);
    expect(first.stdout).toBe(second.stdout);
    expect(reportSchema.parse(JSON.parse(first.stdout)).verdict).toBe('drifted');
    const lost = await run(['judge', 'terraform', '--plan', `${name}/plan.json`, '--exit-code', '1', '--json']);
    expect(lost.code).toBe(1);
  });
});
