import { describe, expect, it } from 'vitest';
import { finishRun } from '#checks/runs/finish.ts';
import { type StartRequest, startRequestSchema } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import { stateSchema, type TargetState } from '#drift/state/state.ts';
import { buildArn, finding, metric, ROLE_ID, report, said, TARGET, type TestWorld, testWorld } from './world.ts';

const CONFIRMED = { ...TARGET, confirmSeconds: 120 };
const drifted = (over: Partial<Report['findings'][number]> = {}): Partial<Report> => ({
  verdict: 'drifted',
  reason: '1 finding',
  findings: [finding('sg.web', over)],
});
const UNKNOWN: Partial<Report> = { verdict: 'unknown', reason: 'no credentials' };
const state = (world: TestWorld): TargetState => stateSchema.parse(world.store.json(keys.state(TARGET.name)));
const minutesLater = (world: TestWorld, minutes: number): void => {
  world.clock.now = new Date(world.clock.now.getTime() + minutes * 60_000);
};
/** What was asked of `dispatch`. */
const asked = (world: TestWorld): StartRequest[] =>
  world.sent.flatMap(({ functionName, payload }) =>
    functionName === 'dispatch' ? [startRequestSchema.parse(payload)] : [],
  );

let serial = 0;
async function run(world: TestWorld, left: Partial<Report>, request?: StartRequest): Promise<Report | null> {
  serial += 1;
  const uuid = String(serial).padStart(4, '0');
  world.builders.answer = { build: buildArn(uuid) };
  const now = world.clock.now.toISOString();
  const answer = await said(request ?? { target: TARGET.name, trigger: 'schedule', at: now }, world);
  const runId = /started run (\S+)/.exec(answer)?.[1] ?? '';
  const text = JSON.stringify(report(runId, { startedAt: now, endedAt: now, ...left }));
  await world.store.put(keys.inbox(ROLE_ID, uuid), text);
  const build = { arn: buildArn(uuid), status: 'SUCCEEDED', log: null };
  await finishRun({ target: TARGET.name, runId, ticket: null, build, function: null, failure: null }, world);
  return world.store.json<Report>(keys.report(TARGET.name, runId));
}

describe('new drift', () => {
  it('is shown at once and pages when a second look has found it too', async () => {
    const world = testWorld(CONFIRMED);
    await run(world, drifted());
    expect([state(world).last?.verdict, metric(world, 'drift')]).toEqual(['drifted', 0]);
    await sweep(world);
    expect(asked(world)).toEqual([]);

    minutesLater(world, 3);
    await sweep(world);
    await sweep(world);
    const [first, again, ...more] = asked(world);
    expect(first).toMatchObject({ target: TARGET.name, trigger: 'confirm', at: '2026-11-24T03:02:00.000Z' });
    expect([again, more]).toEqual([first, []]);

    await run(world, drifted(), first);
    expect(metric(world, 'drift')).toBe(1);
    minutesLater(world, 5);
    await sweep(world);
    expect(asked(world)).toHaveLength(2);
  });

  it('that is gone at the second look never pages', async () => {
    const world = testWorld(CONFIRMED);
    await run(world, drifted());
    minutesLater(world, 3);
    await run(world, {});
    minutesLater(world, 600);
    await sweep(world);
    expect(world.metricLog.filter(({ name, value }) => name === 'Drift' && value > 0)).toEqual([]);
  });

  it('pages at once where no second look is wanted', async () => {
    const world = testWorld({ ...TARGET, confirmSeconds: 0 });
    await run(world, drifted());
    expect(metric(world, 'drift')).toBe(1);
  });

  it('pages unconfirmed when the second look does not come in time', async () => {
    const world = testWorld(CONFIRMED);
    await run(world, drifted());
    minutesLater(world, 45);
    await sweep(world);
    expect(metric(world, 'drift')).toBe(0);
    minutesLater(world, 15);
    await sweep(world);
    expect(metric(world, 'drift')).toBe(1);
  });

  it('is not asked for again when the second look could not see: that pages by itself', async () => {
    const world = testWorld(CONFIRMED);
    await run(world, drifted());
    minutesLater(world, 3);
    await run(world, UNKNOWN);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 1]);
    minutesLater(world, 5);
    await sweep(world);
    expect(asked(world)).toEqual([]);
  });

  it('that is pending is confirmed only when its grace has passed', async () => {
    const world = testWorld(CONFIRMED);
    await run(world, drifted({ cause: 'pending' }));
    minutesLater(world, 10);
    await sweep(world);
    expect(asked(world)).toEqual([]);
    minutesLater(world, 115);
    await sweep(world);
    // By then nobody has looked again, which is its own alarm, and a second look is wanted or no longer waited for.
    expect(metric(world, 'drift')).toBe(1);
  });
});

describe('a difference that is another one at each look', () => {
  const kinds = (found: Report | null): string[] => (found?.notes ?? []).map((note) => note.kind);
  const looks = async (values: readonly Partial<Report['findings'][number]>[]): Promise<string[][]> => {
    const world = testWorld();
    const said: string[][] = [];
    for (const value of values) {
      said.push(kinds(await run(world, drifted(value))));
      minutesLater(world, 60);
    }
    return said;
  };

  it('is called perpetual at the third value, of either side', async () => {
    const live = ['v1', 'v2', 'v3'].map((valueHash) => ({ valueHash }));
    expect(await looks(live)).toEqual([[], [], ['perpetual']]);
    const declared = ['10:00', '11:00', '12:00'].map((time) => ({ declared: time }));
    expect(await looks(declared)).toEqual([[], [], ['perpetual']]);
  });

  it('is not while it stays the same', async () => {
    expect((await looks(Array.from({ length: 5 }, () => ({})))).flat()).toEqual([]);
  });

  it('is not when a new commit declares something else', async () => {
    const world = testWorld();
    for (const letter of ['a', 'b', 'c']) {
      const commit = letter.repeat(40);
      world.head.commit = commit;
      const found = await run(world, {
        ...drifted({ declared: letter }),
        commit: { checked: commit, lastInSync: null },
      });
      expect(kinds(found)).toEqual([]);
      minutesLater(world, 60);
    }
  });
});
