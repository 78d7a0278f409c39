import { expect, it } from 'vitest';
import { finishRun } from '#checks/runs/finish.ts';
import { startRun } from '#checks/runs/start.ts';
import type { Finding } from '#drift/finding.ts';
import { keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import { buildArn, finding, metric, ROLE_ID, report, TARGET, type TestWorld, testWorld } from './world.ts';

/** One run at a commit, some minutes after the one before. @returns its report, as it was judged */
async function look(world: TestWorld, uuid: string, over: Partial<Finding>): Promise<Report | null> {
  world.clock.now = new Date(world.clock.now.getTime() + 5 * 60_000);
  world.builders.answer = { build: buildArn(uuid) };
  const { runId } = await startRun({ target: TARGET.name, trigger: 'push' }, world);
  const commit = { checked: String(world.head.commit), lastInSync: null };
  const found = { verdict: 'drifted', reason: '1 finding', findings: [finding('sg.web', over)] } as const;
  const endedAt = world.clock.now.toISOString();
  await world.store.put(keys.inbox(ROLE_ID, uuid), JSON.stringify(report(runId ?? '', { ...found, commit, endedAt })));
  const build = { arn: buildArn(uuid), status: 'SUCCEEDED', log: null };
  await finishRun(
    { target: TARGET.name, runId: runId ?? '', ticket: null, build, function: null, failure: null },
    world,
  );
  return world.store.json<Report>(keys.report(TARGET.name, runId ?? ''));
}

it('a commit that comes after what was changed out of band does not explain it, nor end its page', async () => {
  const world = testWorld();
  await look(world, '0001', { cause: 'out-of-band' });
  expect(metric(world, 'drift')).toBe(1);
  world.head.commit = 'b'.repeat(40);
  const judged = await look(world, '0002', { cause: 'pending' });
  expect(judged?.findings[0]?.cause).toBe('both');
  expect(metric(world, 'drift')).toBe(1);
  world.head.commit = 'c'.repeat(40);
  await look(world, '0003', { cause: 'pending' });
  expect(metric(world, 'drift')).toBe(1);
});

it.each([
  ['that was always pending', { cause: 'pending' }, {}],
  ['whose live side is another one since', { cause: 'out-of-band' }, { valueHash: 'v2' }],
  ['of which nothing was known', { cause: 'unclear' }, {}],
] as const)('a finding %s is pending', async (_, before, after) => {
  const world = testWorld();
  await look(world, '0001', before);
  world.head.commit = 'b'.repeat(40);
  const judged = await look(world, '0002', { cause: 'pending', ...after });
  expect(judged?.findings[0]?.cause).toBe('pending');
  expect(metric(world, 'drift')).toBe(0);
});
