import { describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { keys } from '#drift/names.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import { Crash, said, TARGET, type TestWorld, testWorld } from './world.ts';

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
