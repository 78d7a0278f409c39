import { describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { sweep } from '#checks/runs/tend.ts';
import { EVENTS, keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import { type AcknowledgeRule, NO_RULES, type Rules } from '#drift/rules/rule.ts';
import { stateSchema, type TargetState } from '#drift/state/state.ts';
import type { TerraformTarget } from '#drift/target.ts';
import { buildArn, Crash, finding, metric, ROLE_ID, report, said, TARGET, type TestWorld, testWorld } from './world.ts';

const ACK: AcknowledgeRule = {
  target: TARGET.name,
  subject: 'sg.*',
  owner: 'alice@acme.example',
  reason: 'incident 4711',
  until: '2026-11-24T12:00:00.000Z',
};
const drifted = (over: Partial<Report['findings'][number]> = {}): Partial<Report> => ({
  verdict: 'drifted',
  reason: '1 finding',
  findings: [finding('sg.web', over)],
});
const state = (world: TestWorld): TargetState => stateSchema.parse(world.store.json(keys.state(TARGET.name)));
const eventNames = (world: TestWorld): string[] => world.eventLog.map((event) => event.name);
const lastReport = (world: TestWorld): Report | null =>
  world.store.json<Report>(keys.report(TARGET.name, state(world).last?.runId ?? ''));
/** The same service after a deployment of another config. */
const deploy = (world: TestWorld, rules: Partial<Rules>, over: Partial<TerraformTarget> = {}): TestWorld => ({
  ...world,
  config: { ...world.config, targets: [{ ...TARGET, ...over }], rules: { ...NO_RULES, ...rules } },
});
const at = (world: TestWorld, time: string): void => {
  world.clock.now = new Date(time);
};

let serial = 0;
/** A run whose build has ended; `left` is what it reported. */
async function ended(world: TestWorld, left: Partial<Report> | null): Promise<RunEnded> {
  serial += 1;
  const uuid = String(serial).padStart(4, '0');
  world.builders.answer = { build: buildArn(uuid) };
  const now = world.clock.now.toISOString();
  const started = await said({ target: TARGET.name, trigger: 'schedule', at: now }, world);
  const runId = /run (\S+)/.exec(started)?.[1] ?? '';
  const text = JSON.stringify(report(runId, { startedAt: now, endedAt: now, ...left }));
  if (left !== null) await world.store.put(keys.inbox(ROLE_ID, uuid), text);
  const build = { arn: buildArn(uuid), status: 'SUCCEEDED', log: null };
  return { target: TARGET.name, runId, ticket: null, build, function: null, failure: null };
}

/** A run that the build reports on, judged. */
async function run(world: TestWorld, left: Partial<Report> | null): Promise<void> {
  await finishRun(await ended(world, left), world);
}

describe('an acknowledgement', () => {
  it('that is deployed after the drift was seen covers it, until its value changes', async () => {
    const before = testWorld();
    await run(before, drifted());
    expect(metric(before, 'drift')).toBe(1);
    const world = deploy(before, { acknowledge: [ACK] });
    at(world, '2026-11-24T04:00:00Z');
    await run(world, drifted());
    expect([metric(world, 'drift'), state(world).last?.verdict]).toEqual([0, 'in-sync']);
    expect(lastReport(world)?.findings[0]?.acknowledged).toEqual({
      owner: ACK.owner,
      reason: ACK.reason,
      until: ACK.until,
    });
    at(world, '2026-11-24T05:00:00Z');
    await run(world, drifted({ valueHash: 'v2' }));
    expect([metric(world, 'drift'), state(world).last?.verdict]).toEqual([1, 'drifted']);
    expect(lastReport(world)?.notes).toContainEqual(
      expect.objectContaining({ kind: 'acknowledgement', text: expect.stringMatching(/the finding changed/) }),
    );
    expect(eventNames(world)).toEqual([EVENTS.driftOpened, EVENTS.driftChanged]);
  });

  it('binds to the value before it was deployed, not to the one that its first run sees', async () => {
    const before = testWorld();
    await run(before, drifted());
    const world = deploy(before, { acknowledge: [ACK] });
    at(world, '2026-11-24T04:00:00Z');
    await run(world, drifted({ valueHash: 'v2' }));
    expect(metric(world, 'drift')).toBe(1);
  });

  it('that was there before the drift covers nothing, now and later, until it is written anew', async () => {
    const world = deploy(testWorld(), { acknowledge: [ACK] });
    await run(world, {});
    at(world, '2026-11-24T04:00:00Z');
    await run(world, drifted());
    expect(metric(world, 'drift')).toBe(1);
    expect(lastReport(world)?.notes).toContainEqual(
      expect.objectContaining({ text: expect.stringMatching(/nothing to bind to: it was written before/) }),
    );
    at(world, '2026-11-24T05:00:00Z');
    await run(world, drifted());
    expect(metric(world, 'drift')).toBe(1);
    const anew = deploy(world, { acknowledge: [{ ...ACK, reason: 'seen' }] });
    at(anew, '2026-11-24T06:00:00Z');
    await run(anew, drifted());
    expect(metric(anew, 'drift')).toBe(0);
    expect(Object.keys(state(anew).bindings)).toHaveLength(1);
  });

  it('that names its value needs no drift before', async () => {
    const world = deploy(testWorld(), { acknowledge: [{ ...ACK, value: 'v1' }] });
    await run(world, drifted());
    expect(metric(world, 'drift')).toBe(0);
  });

  it('that runs out between two runs pages by itself', async () => {
    const before = testWorld();
    await run(before, drifted());
    const world = deploy(before, { acknowledge: [ACK] });
    at(world, '2026-11-24T11:30:00Z');
    await run(world, drifted());
    at(world, '2026-11-24T12:00:00Z');
    await sweep(world);
    expect(metric(world, 'drift')).toBe(0);
    at(world, '2026-11-24T12:00:01Z');
    await sweep(world);
    expect(metric(world, 'drift')).toBe(1);
  });

  it('counts for what cannot be seen too, and no longer once it is taken out', async () => {
    const before = testWorld();
    await run(before, drifted());
    const world = deploy(before, { acknowledge: [ACK] });
    at(world, '2026-11-24T04:00:00Z');
    await run(world, null);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 1]);
    const without = deploy(world, {});
    at(without, '2026-11-24T05:00:00Z');
    await run(without, null);
    expect(metric(without, 'drift')).toBe(1);
  });
});

describe('a crash', () => {
  it('at any point binds the same values', async () => {
    const judged = async (acts: number, after: boolean): Promise<{ world: TestWorld; died: boolean }> => {
      const before = testWorld(TARGET, after);
      serial = 0;
      await run(before, drifted());
      const world = deploy(before, { acknowledge: [ACK] });
      at(world, '2026-11-24T04:00:00Z');
      const end = await ended(world, drifted());
      world.fuse.left = acts;
      const died = await finishRun(end, world).then(
        () => false,
        (error: unknown) => error instanceof Crash,
      );
      world.fuse.left = Number.POSITIVE_INFINITY;
      if (died) await finishRun(end, world);
      return { world, died };
    };
    const straight = await judged(Number.POSITIVE_INFINITY, false);
    expect(state(straight.world).bindings).not.toEqual({});
    let deaths = 0;
    for (const after of [false, true]) {
      for (let acts = 0; acts < 20; acts += 1) {
        const { world, died } = await judged(acts, after);
        if (!died) break;
        deaths += 1;
        expect(state(world), `died at act ${acts}`).toEqual(state(straight.world));
        expect(metric(world, 'drift')).toBe(0);
      }
    }
    expect(deaths).toBeGreaterThanOrEqual(8);
  });
});

describe('other rules', () => {
  it('an ignored finding is resolved; an accepted subject keeps what is open', async () => {
    const before = testWorld();
    await run(before, { ...drifted(), findings: [finding('sg.web'), finding('db.main')] });
    const ignore = [{ target: '*', subject: 'sg.*', reason: 'autoscaled' }];
    const world = deploy(before, { ignore, accept: [{ target: '*', subject: 'db.*', reason: 'denied' }] });
    at(world, '2026-11-24T04:00:00Z');
    const uncovered = [{ subject: 'db.main', kind: 'unreached' as const, reason: 'denied' }];
    await run(world, { ...drifted(), coverage: { compared: 2, total: 3, uncovered } });
    expect(state(world).last).toMatchObject({ verdict: 'in-sync', compared: 2, total: 2, incomplete: false });
    expect(state(world).findings.map(({ subject }) => subject)).toEqual(['db.main']);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened, EVENTS.driftOpened, EVENTS.driftResolved]);
  });

  it('a state of an earlier version is read: nothing is bound, nothing is acknowledged', () => {
    const { path: _path, action: _action, declared: _declared, live: _live, ...open } = finding('sg.web');
    const parsed = stateSchema.parse({
      ...{ schema: 'plumbline.state/1', target: 'a', since: '', schedule: null, last: null, lastInSync: null },
      ...{ stale: false, failing: false, paged: [], rePageWanted: null, rePagedAt: null, outbox: [] },
      findings: [{ ...open, firstSeen: '', acknowledged: false }],
    });
    expect(parsed).toMatchObject({ bindings: {}, findings: [{ acknowledged: false, acknowledgedUntil: null }] });
  });
});

describe('a maintenance window', () => {
  /** Every day from 02:00 to 04:00 in Berlin, which is 01:00 to 03:00 UTC in November. */
  const windows = [
    { start: 'cron(0 2 * * ? *)', durationSeconds: 7200, timezone: 'Europe/Berlin', reason: 'maintenance' },
  ];

  it('keeps drift and failures quiet, not staleness, and pages what is open when it ends', async () => {
    const world = deploy(testWorld(), {}, { windows });
    at(world, '2026-11-24T01:30:00Z');
    await run(world, drifted());
    expect(metric(world, 'drift')).toBe(0);
    at(world, '2026-11-24T02:30:00Z');
    await run(world, null);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 0]);
    at(world, '2026-11-24T02:59:59Z');
    await sweep(world);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 0]);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened]);
    at(world, '2026-11-24T03:00:00Z');
    await sweep(world);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([1, 1]);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened, EVENTS.checkFailed]);
    at(world, '2026-11-25T02:00:00Z');
    await sweep(world);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 2]);
  });
});

describe('an observed target', () => {
  it('records what it finds and pages none of it; that it cannot be seen still pages', async () => {
    const world = deploy(testWorld(), {}, { observe: true });
    await run(world, drifted());
    expect([metric(world, 'drift'), state(world).last?.verdict]).toEqual([0, 'drifted']);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened]);
    at(world, '2026-11-24T04:00:00Z');
    await run(world, null);
    expect(metric(world, 'unknown')).toBe(1);
  });
});

describe('a retired target', () => {
  it('closes what is open, once, and is quiet from then on', async () => {
    const before = testWorld();
    await run(before, drifted());
    at(before, '2026-11-24T04:00:00Z');
    await run(before, null);
    const world = deploy(before, {}, { retired: true });
    await sweep(world);
    await sweep(world);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([0, 0]);
    expect(eventNames(world)).toEqual([
      EVENTS.driftOpened,
      EVENTS.checkFailed,
      EVENTS.driftResolved,
      EVENTS.checkRecovered,
    ]);
    expect(state(world).findings).toEqual([]);
    at(world, '2026-12-24T04:00:00Z');
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(0);
    expect(await said({ target: TARGET.name, trigger: 'manual' }, world)).toMatch(/is retired/);
  });

  it('opens nothing when a run ends that was under way', async () => {
    const world = testWorld();
    const retired = deploy(world, {}, { retired: true });
    await finishRun(await ended(world, drifted()), retired);
    expect(eventNames(retired)).toEqual([]);
    expect(metric(retired, 'drift')).toBe(0);
  });
});
