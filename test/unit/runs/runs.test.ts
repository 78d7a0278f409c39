import { describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { EVENTS, keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import { GitError } from '#services/ports.ts';
import { buildArn, Crash, finding, metric, ROLE_ID, report, said, TARGET, type TestWorld, testWorld } from './world.ts';

const request: StartRequest = { target: TARGET.name, trigger: 'schedule', at: '2026-11-24T03:00:00Z' };

/** Starts a run and lets its build leave `left` in its inbox. */
async function runWith(
  world: TestWorld,
  left: (runId: string) => unknown,
  uuid: string,
  at?: string,
): Promise<RunEnded> {
  world.builders.answer = { build: buildArn(uuid) };
  const started = await said(at === undefined ? request : { ...request, at }, world);
  const runId = /run (\S+)/.exec(started)?.[1] ?? '';
  const text = left(runId);
  if (text !== undefined) {
    await world.store.put(keys.inbox(ROLE_ID, uuid), typeof text === 'string' ? text : JSON.stringify(text));
  }
  return {
    target: TARGET.name,
    runId,
    ticket: null,
    build: { arn: buildArn(uuid), status: 'SUCCEEDED', log: 'https://log' },
    function: null,
    failure: null,
  };
}
const drifted = (runId: string, over: Partial<Report> = {}): Report =>
  report(runId, { verdict: 'drifted', reason: '1 finding', findings: [finding('sg.web')], ...over });
const state = (world: TestWorld): TargetState => {
  const found = world.store.json<TargetState>(keys.state(TARGET.name));
  if (found === null) throw new Error('no state');
  return found;
};
const queue = (world: TestWorld): Queue | null => world.store.json<Queue>(keys.queue(TARGET.name));
const eventNames = (world: TestWorld): string[] => world.eventLog.map((event) => event.name);
/** What `record` was last told. */
const lastEnded = (world: TestWorld): RunEnded => {
  const payload = world.sent.at(-1)?.payload as { ended: RunEnded } | undefined;
  if (payload === undefined) throw new Error('nothing was sent');
  return payload.ended;
};
const minutesLater = (world: TestWorld, minutes: number): void => {
  world.clock.now = new Date(world.clock.now.getTime() + minutes * 60_000);
};

describe('starting a run', () => {
  it('starts one build for one request, however often it is delivered', async () => {
    const world = testWorld();
    await startRun(request, world);
    expect(await said(request, world)).toMatch(/^joined run/);
    expect(world.starts).toHaveLength(1);
    expect(world.starts[0]?.environment).toEqual({
      TARGET: TARGET.name,
      RUN_ID: queue(world)?.running?.runId,
      TICKET: queue(world)?.running?.ticket,
      PLUMBLINE_BUCKET: 'results',
    });
  });

  it('joins a run of the same commit and waits for one of another', async () => {
    const world = testWorld();
    await startRun(request, world);
    expect(await said({ ...request, at: '2026-11-24T03:01:00Z' }, world)).toMatch(/^joined/);
    world.head.commit = 'b'.repeat(40);
    expect(await said({ ...request, at: '2026-11-24T03:02:00Z' }, world)).toMatch(/^waits for run/);
    expect(queue(world)?.waiting?.commit).toBe('b'.repeat(40));
    expect(world.starts).toHaveLength(1);
  });

  it('makes two runs of ten pushes: the one in progress and the newest, whoever comes last', async () => {
    const world = testWorld();
    const push = (minute: number): StartRequest => {
      const by = { delivery: `delivery-${minute}`, author: 'alice' };
      return { target: TARGET.name, trigger: 'push', at: `2026-11-24T03:0${minute}:00Z`, seed: by.delivery, by };
    };
    const run = await said(push(0), world);
    // The first two of these were delivered late, when newer ones had come already.
    for (const minute of [3, 4, 1, 2, 5, 6, 7, 8, 9]) {
      world.head.commit = String(minute).repeat(40);
      expect(await said(push(minute), world)).toMatch(/^(waits|joined)/);
    }
    expect(world.starts).toHaveLength(1);
    expect(queue(world)?.waiting).toMatchObject({ commit: '9'.repeat(40), by: { delivery: 'delivery-9' } });
    await finishRun(
      {
        ...{ target: TARGET.name, runId: /run (\S+)/.exec(run)?.[1] ?? '', ticket: null },
        build: { arn: buildArn('0001'), status: 'FAILED', log: null },
        ...{ function: null, failure: null },
      },
      world,
    );
    const next = world.sent.at(-1)?.payload as StartRequest;
    expect(next.by).toEqual({ delivery: 'delivery-9', author: 'alice' });
    await startRun(next, world);
    expect(world.starts).toHaveLength(2);
    expect(queue(world)).toMatchObject({ running: { commit: '9'.repeat(40) }, waiting: null });
  });

  it('a push that was delivered late looks at what is newest, not at what it tells', async () => {
    const world = testWorld();
    world.head.commit = 'b'.repeat(40);
    const late = { target: TARGET.name, trigger: 'push', at: '2026-11-24T03:00:00Z', seed: 'late' } as const;
    expect(await said(late, world)).toContain(`at ${'b'.repeat(40)}`);
  });

  it('goes on with the same run and ticket after a crash at any point', async () => {
    for (const after of [false, true]) {
      for (let acts = 0; acts < 5; acts += 1) {
        const world = testWorld(TARGET, after);
        world.fuse.left = acts;
        await expect(startRun(request, world)).rejects.toThrow(Crash);
        world.fuse.left = Number.POSITIVE_INFINITY;
        await startRun(request, world);
        const tokens = new Set(world.starts.map((start) => JSON.stringify(start)));
        expect(tokens.size, 'the same token with other parameters would be refused').toBe(1);
        expect(queue(world)?.running?.build).toBe(buildArn('0001'));
      }
    }
  });

  it('lets a throttled run wait, and says unknown when its time is over', async () => {
    const world = testWorld();
    world.builders.answer = { throttled: 'Cannot have more than 1 builds in queue' };
    expect(await said(request, world)).toMatch(/waits: Cannot have/);
    expect(queue(world)?.running).toBeNull();
    await sweep(world);
    expect(world.sent).toContainEqual({
      functionName: 'dispatch',
      payload: { ...request, at: '2026-11-24T03:00:00.000Z', seed: request.at },
    });
    minutesLater(world, 60);
    await sweep(world);
    const last = lastEnded(world);
    expect(last.failure).toMatch(/^throttled since/);
    await finishRun(last, world);
    expect(state(world).last).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/^throttled/) });
    expect(queue(world)).toMatchObject({ running: null, waiting: null });
  });

  it('gives an unknown verdict when git cannot tell the commit', async () => {
    const world = testWorld();
    world.head.commit = new GitError('https://git.example/infra.git: authentication failed; check the token');
    await startRun(request, world);
    expect(world.starts).toHaveLength(0);
    const ended = lastEnded(world);
    await finishRun(ended, world);
    expect(state(world).last).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringContaining('authentication failed'),
    });
    expect(metric(world, 'unknown')).toBe(1);
  });
});

describe('a run that was claimed and went no further', () => {
  it('is over at once when its retry cannot even tell the commit', async () => {
    const world = testWorld();
    world.fuse.left = 1;
    await expect(startRun(request, world)).rejects.toThrow(Crash);
    world.fuse.left = Number.POSITIVE_INFINITY;
    expect(queue(world)?.running?.build).toBeNull();
    world.head.commit = new GitError('the token was taken back');
    await startRun(request, world);
    await finishRun(lastEnded(world), world);
    expect(state(world).last).toMatchObject({ verdict: 'unknown', reason: 'the token was taken back' });
    expect(queue(world)?.running).toBeNull();
  });

  it('is not ended by who does not know its ticket', async () => {
    const world = testWorld();
    const ended = await runWith(world, (id) => report(id), '0001');
    const claim = { ...ended, build: null, failure: 'given up' };
    for (const ticket of [null, 'foreign']) {
      expect(await finishRun({ ...claim, ticket }, world)).toMatch(/not judged$/);
    }
    expect(queue(world)?.running?.runId).toBe(ended.runId);
  });
});

describe('judging a run', () => {
  it('is unknown whenever the evidence is missing, foreign, cut or from a failed build', async () => {
    const cases: readonly [string, (runId: string) => unknown, Partial<NonNullable<RunEnded['build']>>, RegExp][] = [
      ['no report', () => undefined, {}, /left no report/],
      ['cut report', (id) => JSON.stringify(report(id)).slice(0, -9), {}, /not JSON/],
      ['invalid report', (id) => ({ ...report(id), verdict: 'fine' }), {}, /not valid at verdict/],
      ['another run', () => report('20260101T000000000Z-0000000000000000'), {}, /not of this run/],
      ['another commit', (id) => report(id, { commit: { checked: 'b'.repeat(40), lastInSync: null } }), {}, /not of a/],
      ['a time that is none', (id) => report(id, { startedAt: 'yesterday' }), {}, /"yesterday", which is no time/],
      ['a time to come', (id) => report(id, { startedAt: '9999-01-01T00:00:00.000Z' }), {}, /or one to come/],
      ['failed build', (id) => report(id), { status: 'FAILED' }, /ended FAILED/],
      ['stopped build', () => undefined, { status: 'STOPPED' }, /ended STOPPED/],
      ['timed out', () => undefined, { status: 'TIMED_OUT' }, /ended TIMED_OUT/],
      ['little coverage', (id) => report(id, { coverage: { compared: 1, total: 2, uncovered: [] } }), {}, /not enough/],
    ];
    for (const [name, left, build, reason] of cases) {
      const world = testWorld();
      const ended = await runWith(world, left, '0001');
      if (ended.build === null) throw new Error('no build');
      await finishRun({ ...ended, build: { ...ended.build, ...build } }, world);
      expect(state(world).last?.verdict, name).toBe('unknown');
      expect(state(world).last?.reason, name).toMatch(reason);
      expect(metric(world, 'unknown'), name).toBe(1);
      expect(eventNames(world), name).toEqual([EVENTS.checkFailed]);
    }
  });

  it('does not believe a report that says in-sync and lists findings', async () => {
    const world = testWorld();
    await finishRun(await runWith(world, (id) => report(id, { findings: [finding('sg.web')] }), '0001'), world);
    expect(state(world).last?.verdict).toBe('drifted');
    expect(metric(world, 'drift')).toBe(1);
  });

  it('opens, changes and resolves, with stable first-seen times', async () => {
    const world = testWorld();
    await finishRun(await runWith(world, (id) => drifted(id), '0001'), world);
    minutesLater(world, 60);
    const changed = (id: string) =>
      drifted(id, { findings: [finding('sg.web', { valueHash: 'v2' })], endedAt: '2026-11-24T04:00:20.000Z' });
    await finishRun(await runWith(world, changed, '0002', '2026-11-24T04:00:00Z'), world);
    expect(state(world).findings[0]?.firstSeen).toBe('2026-11-24T03:00:20.000Z');
    expect(world.resets, 'the pager rings again for another value').toEqual(['plumbline prod/network drift']);
    minutesLater(world, 60);
    await finishRun(await runWith(world, (id) => report(id), '0003', '2026-11-24T05:00:00Z'), world);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened, EVENTS.driftChanged, EVENTS.driftResolved]);
    expect(state(world)).toMatchObject({ findings: [], outbox: [], lastInSync: 'a'.repeat(40) });
    expect(metric(world, 'drift')).toBe(0);
  });

  it('resolves nothing by a failure or by what was not looked at', async () => {
    const world = testWorld();
    const two = (id: string) => drifted(id, { findings: [finding('sg.web'), finding('sg.db')] });
    await finishRun(await runWith(world, two, '0001'), world);
    await finishRun(await runWith(world, () => undefined, '0002', '2026-11-24T04:00:00Z'), world);
    expect(metric(world, 'drift'), 'the last known count while it cannot be seen').toBe(2);
    const half = (id: string) =>
      drifted(id, {
        coverage: { compared: 2, total: 3, uncovered: [{ subject: 'sg.db', kind: 'unreached', reason: 'denied' }] },
      });
    await finishRun(await runWith(world, half, '0003', '2026-11-24T05:00:00Z'), world);
    expect(state(world).findings.map((open) => open.subject)).toEqual(['sg.web', 'sg.db']);
    expect([metric(world, 'drift'), metric(world, 'unknown')]).toEqual([2, 1]);
  });

  it('lets pending drift wait for its grace and pages it after', async () => {
    const world = testWorld();
    const pending = (id: string) => drifted(id, { findings: [finding('sg.web', { cause: 'pending' })] });
    await finishRun(await runWith(world, pending, '0001'), world);
    expect([state(world).last?.verdict, metric(world, 'drift')]).toEqual(['drifted', 0]);
    minutesLater(world, 119);
    await sweep(world);
    expect(metric(world, 'drift')).toBe(0);
    minutesLater(world, 2);
    await sweep(world);
    expect(metric(world, 'drift')).toBe(1);
  });

  it('never lets an older run overwrite a newer verdict', async () => {
    const world = testWorld();
    const old = await runWith(world, (id) => drifted(id), '0001');
    const ticket = queue(world)?.running?.ticket ?? '';
    await finishRun({ ...old, ticket, build: null, failure: 'given up' }, world);
    await finishRun(await runWith(world, (id) => report(id), '0002', '2026-11-24T04:00:00Z'), world);
    const before = state(world);
    await finishRun(old, world);
    expect(state(world)).toEqual(before);
  });

  it('does not judge a run by a build that only bears its name', async () => {
    const world = testWorld();
    const ended = await runWith(world, (id) => drifted(id), '0001');
    const forged = { arn: buildArn('6666'), status: 'SUCCEEDED', log: null };
    await world.store.put(keys.inbox(ROLE_ID, '6666'), JSON.stringify(report(ended.runId)));
    expect(await finishRun({ ...ended, build: forged }, world)).toMatch(/is not the one of run/);
    expect(world.store.objects.has(keys.report(TARGET.name, ended.runId))).toBe(false);
    await finishRun(ended, world);
    expect(state(world).last?.verdict).toBe('drifted');
  });

  it('is not fooled by a build that nobody asked for', async () => {
    const world = testWorld();
    const runId = '20260101T000000000Z-0000000000000000';
    const ended = { target: TARGET.name, runId, ticket: null, build: null, function: null, failure: null };
    expect(await finishRun(ended, world)).toMatch(/^nobody asked/);
    expect(world.metricLog).toEqual([]);
  });

  it('loses nothing and says nothing twice in other words, wherever it dies', async () => {
    const straight = testWorld();
    await finishRun(await runWith(straight, (id) => drifted(id), '0001'), straight);
    const ids = (world: TestWorld): unknown[] => [...new Set(world.eventLog.map((event) => event.detail['id']))];
    let deaths = 0;
    for (const after of [false, true]) {
      for (let acts = 0; acts < 20; acts += 1) {
        const world = testWorld(TARGET, after);
        const ended = await runWith(world, (id) => drifted(id), '0001');
        world.head.commit = 'b'.repeat(40);
        await startRun({ ...request, at: '2026-11-24T03:00:30Z' }, world);
        world.fuse.left = acts;
        const died = await finishRun(ended, world).then(
          () => false,
          (error: unknown) => error instanceof Crash,
        );
        world.fuse.left = Number.POSITIVE_INFINITY;
        if (!died) break;
        deaths += 1;
        await finishRun(ended, world);
        expect(state(world), `died at act ${acts}`).toEqual(state(straight));
        expect(ids(world), `died at act ${acts}`).toEqual(ids(straight));
        expect(metric(world, 'drift')).toBe(1);
        expect(queue(world)?.running).toBeNull();
        expect(
          world.sent.some((message) => message.functionName === 'dispatch'),
          'the waiting run starts',
        ).toBe(true);
      }
    }
    expect(deaths).toBeGreaterThanOrEqual(16);
  });
});

describe('the sweep', () => {
  it('tells what a crashed record left in the outbox', async () => {
    const world = testWorld();
    const ended = await runWith(world, (id) => drifted(id), '0001');
    world.fuse.left = 2;
    await expect(finishRun(ended, world)).rejects.toThrow(Crash);
    expect(world.eventLog).toEqual([]);
    world.fuse.left = Number.POSITIVE_INFINITY;
    await sweep(world);
    expect(eventNames(world)).toEqual([EVENTS.driftOpened]);
    expect(metric(world, 'drift')).toBe(1);
    expect(state(world).outbox).toEqual([]);
  });

  it('finds a target stale whose runs stopped coming, once, and recovered when one comes', async () => {
    const world = testWorld();
    await sweep(world);
    await finishRun(await runWith(world, (id) => report(id), '0001'), world);
    minutesLater(world, 90);
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(0);
    minutesLater(world, 10);
    await sweep(world);
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(2);
    expect(eventNames(world)).toEqual([EVENTS.checkFailed]);
    const fresh = (id: string) => report(id, { startedAt: world.clock.now.toISOString() });
    await finishRun(await runWith(world, fresh, '0002', world.clock.now.toISOString()), world);
    expect(metric(world, 'unknown')).toBe(0);
    expect(eventNames(world)).toEqual([EVENTS.checkFailed, EVENTS.checkRecovered]);
  });

  it('finds a target stale that never ran at all', async () => {
    const world = testWorld();
    await sweep(world);
    minutesLater(world, 100);
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(2);
  });

  it('asks the build before it gives a run up, and gives it up after its deadline', async () => {
    const world = testWorld();
    const ended = await runWith(world, (id) => report(id), '0001');
    minutesLater(world, 5);
    world.builders.state = { ended: false, status: 'IN_PROGRESS', log: null };
    await sweep(world);
    expect(world.sent).toEqual([]);
    world.builders.state = { ended: true, status: 'SUCCEEDED', log: 'https://log' };
    await sweep(world);
    const told = { ...ended, ticket: queue(world)?.running?.ticket };
    expect(world.sent).toEqual([{ functionName: 'record', payload: { source: 'plumbline', ended: told } }]);
    minutesLater(world, 60);
    world.builders.state = { ended: false, status: 'IN_PROGRESS', log: null };
    await sweep(world);
    expect(lastEnded(world).failure).toMatch(/still IN_PROGRESS after its deadline/);
  });

  it('beats only when it could look at every target', async () => {
    const world = testWorld();
    await sweep(world);
    expect(metric(world, 'heartbeat')).toBe(1);
    world.metricLog.length = 0;
    await world.store.put(keys.state(TARGET.name), '{"half":');
    await expect(sweep(world)).rejects.toThrow(/could not sweep prod\/network/);
    expect(metric(world, 'heartbeat')).toBeUndefined();
    expect(metric(world, 'unknown')).toBe(1);
  });

  it('keeps a paused target quiet and does not call it stale when it comes back', async () => {
    const world = testWorld();
    await sweep(world);
    const paused = { ...world, config: { ...world.config, targets: [{ ...TARGET, enabled: false }] } };
    minutesLater(world, 600);
    await sweep(paused);
    expect(metric(world, 'unknown')).toBe(0);
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(0);
    minutesLater(world, 100);
    await sweep(world);
    expect(metric(world, 'unknown')).toBe(2);
  });
});
