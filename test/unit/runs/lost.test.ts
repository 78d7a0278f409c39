import { describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { keys } from '#drift/names.ts';
import type { Run } from '#drift/run.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import type { Ticket } from '#drift/ticket.ts';
import { buildArn, Crash, said, TARGET, type TestWorld, testWorld } from './world.ts';

const request: StartRequest = { target: TARGET.name, trigger: 'manual', at: '2026-11-24T03:00:00Z', seed: 'one' };
const queue = (world: TestWorld): Queue | null => world.store.json<Queue>(keys.queue(TARGET.name));
const last = (world: TestWorld): TargetState['last'] | undefined =>
  world.store.json<TargetState>(keys.state(TARGET.name))?.last;

/** Five minutes pass, and whatever the sweep asks of others is done. */
async function sweepLater(world: TestWorld): Promise<void> {
  world.clock.now = new Date(world.clock.now.getTime() + 5 * 60_000);
  await sweep(world);
  for (const { functionName, payload } of world.sent.splice(0)) {
    if (functionName === 'record') await finishRun((payload as { ended: RunEnded }).ended, world);
    else await startRun(payload as StartRequest, world);
  }
}

describe('a start that died and that nobody tries again, as one that a person asked for', () => {
  it.each([false, true])('is given up, and holds the target no longer (died after the act: %s)', async (after) => {
    let deaths = 0;
    for (let acts = 0; ; acts += 1) {
      const world = testWorld(TARGET, after);
      world.builders.state = { ended: false, status: 'IN_PROGRESS', log: null };
      world.fuse.left = acts;
      const died = await startRun(request, world).then(
        () => false,
        (error: unknown) => error instanceof Crash,
      );
      world.fuse.left = Number.POSITIVE_INFINITY;
      if (!died) break;
      const claimed = queue(world)?.running ?? null;
      if (claimed !== null) deaths += 1;
      for (let minutes = 0; minutes < 60; minutes += 5) await sweepLater(world);
      expect(queue(world)?.running ?? null, `died at act ${acts}`).toBeNull();
      const verdict =
        claimed === null ? undefined : { runId: claimed.runId, verdict: 'unknown', commit: claimed.commit };
      if (verdict !== undefined) expect(last(world), `died at act ${acts}`).toMatchObject(verdict);
      const starts = world.starts.length;
      expect(await said({ ...request, at: world.clock.now.toISOString() }, world)).toMatch(/^started run/);
      expect(world.starts).toHaveLength(starts + 1);
    }
    expect(deaths).toBeGreaterThanOrEqual(4);
  });
});

describe('a run for which there is no room', () => {
  it('is over at its first deadline, however often it is tried until then', async () => {
    const world = testWorld();
    world.builders.answer = { throttled: 'no room' };
    const { runId } = await startRun(request, world);
    for (let minutes = 0; minutes < 40; minutes += 5) await sweepLater(world);
    expect(world.starts.length).toBeGreaterThan(5);
    expect(queue(world)?.waiting?.runId).toBe(runId);
    for (let minutes = 0; minutes < 10; minutes += 5) await sweepLater(world);
    expect(last(world)).toMatchObject({ runId, verdict: 'unknown', reason: expect.stringMatching(/^throttled since/) });
    expect(queue(world)).toMatchObject({ running: null, waiting: null });
  });

  it('looks at what is newest when there is room, and says so to whoever joins it', async () => {
    const world = testWorld();
    world.builders.answer = { throttled: 'no room' };
    const { runId } = await startRun(request, world);
    // Git moves, and there is room before anybody tells so.
    world.head.commit = 'b'.repeat(40);
    world.builders.answer = { build: buildArn('0001') };
    await sweepLater(world);
    const { running } = queue(world) ?? {};
    expect(running).toMatchObject({ runId, commit: world.head.commit });
    const written = world.store.json<Run>(keys.run(TARGET.name, runId ?? ''));
    const ticket = world.store.json<Ticket>(keys.ticket(running?.ticket ?? ''));
    expect([written?.commit, ticket?.run.commit]).toEqual([world.head.commit, world.head.commit]);
    const push = { ...request, trigger: 'push', at: world.clock.now.toISOString(), seed: 'two' } as const;
    expect(await said(push, world)).toMatch(/^joined run/);
  });
});

describe('a request that is delivered again when its run is over', () => {
  it('starts nothing, whether or not another run is in progress: whoever joined that would get an old answer', async () => {
    const world = testWorld();
    const { runId } = await startRun(request, world);
    const build = { arn: buildArn('0001'), status: 'FAILED', log: null };
    await finishRun(
      { target: TARGET.name, runId: runId ?? '', ticket: null, build, function: null, failure: null },
      world,
    );
    const over = { runId, sentence: `run ${runId} was judged already, which is not older` };
    expect(await startRun(request, world)).toEqual(over);
    await startRun({ ...request, at: '2026-11-24T03:02:00Z' }, world);
    world.head.commit = 'b'.repeat(40);
    expect(await startRun(request, world)).toEqual(over);
    expect(queue(world)?.waiting).toBeNull();
    expect(world.starts).toHaveLength(2);
  });
});

describe('a request that names a time', () => {
  it('starts nothing when that is yet to come: its verdict would stand until then', async () => {
    const world = testWorld();
    const future = { ...request, at: '2099-01-01T00:00:00Z' };
    expect(await startRun(future, world)).toEqual({
      runId: null,
      sentence: '2099-01-01T00:00:00Z is yet to come: leave "at" out',
    });
    expect([world.store.objects.size, world.starts]).toEqual([0, []]);
  });
});

describe('a run that waited for another', () => {
  it('is started by the sweep when whoever should start it was lost, however late that is', async () => {
    const world = testWorld();
    const first = await startRun(request, world);
    world.head.commit = 'b'.repeat(40);
    const push = { ...request, trigger: 'push', at: '2026-11-24T03:01:00Z', seed: 'two' } as const;
    const { runId } = await startRun(push, world);
    world.clock.now = new Date(world.clock.now.getTime() + 50 * 60_000);
    const build = { arn: buildArn('0001'), status: 'FAILED', log: null };
    const ended = { target: TARGET.name, runId: first.runId ?? '', ticket: null, function: null, failure: null };
    await finishRun({ ...ended, build }, world);
    world.sent.length = 0;
    await sweepLater(world);
    expect(queue(world)).toMatchObject({ running: { runId, commit: world.head.commit }, waiting: null });
  });
});
