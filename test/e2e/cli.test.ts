import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { reportSchema } from '#drift/report.ts';
import { applied, check, config, LAB, run, useRepository, write } from './repository.ts';

useRepository();

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
    [['build'], /TARGET is not set/],
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

  test.each([
    [['--plan', 'none.json', '--exit-code', '0'], /there is no plan/, /none\.json: there is no such file/],
    [['--plan', join(LAB, 'clean/plan.json')], /the exit code of the plan is lost/, /^$/],
    [['--plan', 'none.json', '--exit-code', '1', '--events', join(LAB, 'lock-held/ui.ndjson')], /state lock/, /none/],
  ])('judge: what is missing is unknown: %j', async (args, reason, said) => {
    await write({ 'plumbline.yaml': '' });
    const ended = await run(['judge', 'terraform', ...args, '--json']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(said);
    const report = reportSchema.parse(JSON.parse(ended.stdout));
    expect([report.verdict, report.reason]).toEqual(['unknown', expect.stringMatching(reason)]);
  });
});
