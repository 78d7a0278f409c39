import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applied, check, config, repo, run, useRepository, write } from './repository.ts';

useRepository();

const LARGE = config('vars: { size: large }, backendConfig: { path: ../../state/app.tfstate }');
const DAY_MS = 86_400_000;
const day = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const ACK = ['ack', 'prod/app', 'terraform_data.*', '--report', 'report.json', '--owner', 'alice', '--reason', 'why'];

const COMMON = {
  cause: 'unclear',
  valueHash: 'a'.repeat(32),
  firstSeen: null,
  severity: 'critical',
  acknowledged: null,
};
/** As the service stored it: with value hashes. */
const REPORT = {
  ...{ schema: 'plumbline.report/1', target: 'prod/app', layer: 'terraform', runId: 'r', trigger: 'manual' },
  ...{ commit: { checked: null, lastInSync: null }, startedAt: '', endedAt: '', verdict: 'drifted', reason: '' },
  ...{ log: null, tool: null, config: { hash: null, commit: null }, unconfirmed: [], notes: [] },
  coverage: { compared: 2, total: 2, uncovered: [] },
  findings: [
    { subject: 'aws_x.web', path: 'tags', change: 'changed', fingerprint: 'a', ...COMMON },
    { subject: 'aws_x.gone', change: 'removed', fingerprint: 'b', ...COMMON },
  ],
};

describe('known drift', () => {
  test('from the first check to the acknowledgement: what ack prints is pasted, and the check is in sync', async () => {
    await applied();
    await write({ 'plumbline.yaml': LARGE });
    const first = await run(['check', '--json']);
    expect(first.code).toBe(2);
    await write({ 'report.json': first.stdout });
    const printed = await run([...ACK, '--until', day(7)]);
    expect(printed.code).toBe(0);
    expect(printed.stdout).toMatch(
      /^acknowledge:\n {2}- \{ target: prod\/app, subject: terraform_data\.app, path: input, /,
    );
    expect(printed.stderr).toMatch(/no value hashes/);
    await write({ 'plumbline.yaml': `${LARGE}${printed.stdout}` });
    const { report, ended } = await check();
    expect(ended.code).toBe(0);
    expect(report).toMatchObject({
      verdict: 'in-sync',
      findings: [{ acknowledged: { owner: 'alice', reason: 'why' } }],
      notes: expect.arrayContaining([expect.objectContaining({ kind: 'acknowledgement' })]),
    });
    const valid = await run(['validate']);
    expect(valid.stdout).toMatch(
      /1 acknowledge[\s\S]*end within 14 days\n {2}prod\/app {2}terraform_data\.app {2}input/,
    );
  });

  test('an acknowledgement that ended is a mistake for validate, and does not keep a check from looking', async () => {
    await applied();
    const rule = `{ target: prod/app, subject: terraform_data.app, owner: alice, reason: r, until: ${day(-2)} }`;
    await write({
      'plumbline.yaml': `${LARGE}acknowledge: [${rule}]\nignore: [{ target: "*", subject: other.*, reason: r }]\n`,
    });
    const wrong = await run(['validate']);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/^plumbline\.yaml:\d+:\d+: acknowledge\.0\.until: ended at/);
    const { report, ended } = await check();
    expect([ended.code, report.verdict]).toEqual([2, 'drifted']);
    expect(report.notes).toContainEqual(expect.objectContaining({ text: expect.stringMatching(/ ended at /) }));
  });

  test('an ignored finding is a note', async () => {
    await applied();
    await write({
      'plumbline.yaml': `${LARGE}ignore: [{ target: "prod/*", subject: "terraform_data.*", reason: ours }]\n`,
    });
    const { report, ended } = await check();
    expect([ended.code, report.findings]).toEqual([0, []]);
    expect(report.notes).toContainEqual(
      expect.objectContaining({ kind: 'ignored', subject: 'terraform_data.app', text: 'ours' }),
    );
  });

  test.each<[string, string[], RegExp]>([
    [
      'no such finding',
      ['prod/app', 'terraform_dta.app'],
      /no finding .* fits terraform_dta\.app; near are\n {2}aws_x\.web {2}tags/,
    ],
    ['no such path', ['prod/app', 'aws_x.web', '--path', 'tag'], /fits aws_x\.web at tag/],
    ['a missing object', ['prod/app', 'aws_x.gone'], /aws_x\.gone is missing as a whole, which cannot be acknowledged/],
    ['another target', ['prod/ap', 'aws_x.web'], /has no report of prod\/ap; it speaks of prod\/app/],
    ['a day that is past', ['prod/app', 'aws_x.web', '--until', '2020-01-01'], /--until: .* is past/],
    ['no date', ['prod/app', 'aws_x.web', '--until', 'soon'], /--until: write a date/],
    ['no report', ['prod/app', 'aws_x.web', '--report', 'plumbline.yaml'], /plumbline\.yaml is no report/],
  ])('ack: %s', async (_name, args, message) => {
    await write({ 'report.json': JSON.stringify(REPORT), 'plumbline.yaml': LARGE });
    const rest = ['--report', 'report.json', '--until', day(7)].filter(
      (_part, index, all) => !args.includes(all[index - (index % 2)] ?? ''),
    );
    const ended = await run(['ack', '--owner', 'alice', '--reason', 'why', ...rest, ...args]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(message);
  });

  test('ack names the values that the service has hashed, and says what it leaves out', async () => {
    await write({ 'report.json': JSON.stringify(REPORT) });
    const args = ['ack', 'prod/app', 'aws_x.*', '--owner', 'al', '--reason', 'b', '--report', 'report.json'];
    const ended = await run([...args, '--until', '2199-12-01']);
    const value = 'a'.repeat(32);
    expect(ended).toMatchObject({
      code: 0,
      stdout: `acknowledge:\n  - { target: prod/app, subject: aws_x.web, path: tags, owner: al, reason: b, until: "2199-12-01", value: ${value} }\n`,
    });
    expect(ended.stderr).toMatch(/aws_x\.gone is missing as a whole/);
  });
});

describe('init', () => {
  const git = (...args: string[]): unknown => execFileSync('git', args, { cwd: repo, stdio: 'pipe' });

  test('writes a config that is valid and can be checked at once, and never overwrites one', async () => {
    await applied({ 'terraform/app/env/prod.tfvars': 'size = "small"\n', 'modules/x/main.tf': 'variable "a" {}\n' });
    git('init', '-b', 'trunk');
    git('remote', 'add', 'origin', 'git@github.com:acme/infra.git');
    const kept = await run(['init']);
    expect(kept).toMatchObject({ code: 1, stdout: '' });
    expect(kept.stderr).toMatch(/plumbline\.yaml is there already and is not overwritten; name another one/);
    const shown = await run(['init', '--stdout']);
    expect(shown.stdout).toMatch(/url: "https:\/\/github\.com\/acme\/infra\.git", ref: "trunk"/);
    expect(shown.stdout).not.toMatch(/modules\/x/);
    const written = await run(['init', '-c', 'first.yaml']);
    expect(written).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^first\.yaml: 1 target from this folder\. Next/),
    });
    expect(await readFile(join(repo, 'first.yaml'), 'utf8')).toBe(shown.stdout);
    const valid = await run(['validate', '-c', 'first.yaml']);
    expect(valid.code).toBe(0);
    expect(valid.stdout).toMatch(/prod\/app +by hand +terraform\/app/);
  });

  test('says what it looked for when there is nothing', async () => {
    const ended = await run(['init']);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/no terraform root module lies in .*run terraform init in it/);
  });
});
