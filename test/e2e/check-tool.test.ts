import { existsSync, readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { checkTerraform } from '#checks/terraform/check.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Config } from '#drift/target.ts';
import { fakeTool, isAlive, until } from './command.ts';
import { applied, bin, check, config, fingerprintOf, LAB, repo, useRepository, withFake } from './repository.ts';

useRepository();

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
    const { config: parsed } = z.object({ config: z.custom<Config>() }).parse(parseConfig(config(''), 'c', null));
    const [target] = parsed.targets;
    if (target?.layer !== 'terraform') throw new Error('the config has a target of terraform');
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
      openS3State: () => {
        throw new Error('no state is in a bucket');
      },
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
