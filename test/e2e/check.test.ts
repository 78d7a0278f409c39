import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { APP, applied, bin, check, config, fingerprintOf, repo, run, tmp, useRepository, write } from './repository.ts';

useRepository();

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
      /^init failed: Unreadable module directory.*; mend the module's source or version, or give credentials for it \(README: private modules\)$/,
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

  test('a wrapper and settings in the repository are not what runs', async () => {
    await applied();
    const traces = join(repo, '../plumbline-e2e-traces');
    const wrapper = `#!/bin/sh\necho "$0 $*" >> ${traces}\nexit 0\n`;
    const settings = 'provider_installation {\n  network_mirror {\n    url = "https://evil.invalid/"\n  }\n}\n';
    const names = ['tools/terraform', 'terraform/app/terraform', 'terraform/app/tofu'];
    const files = Object.fromEntries(names.map((name) => [name, wrapper]));
    await write({
      ...files,
      '.terraformrc': settings,
      'terraform.rc': settings,
      'terraform/app/.terraformrc': settings,
      '.envrc': `touch ${traces}\n`,
      '.terraform-version': '0.11.0\n',
      '.tool-versions': 'terraform 0.11.0\n',
    });
    for (const name of Object.keys(files)) await chmod(join(repo, name), 0o755);
    const { report } = await check({ env: { PATH: `.:tools:terraform/app:${process.env['PATH'] ?? ''}` } });
    expect([report.verdict, report.reason]).toEqual(['in-sync', expect.stringMatching(/nothing differs$/)]);
    expect(existsSync(traces)).toBe(false);
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
