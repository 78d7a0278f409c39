import { beforeEach, describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import { GitError } from '#services/ports.ts';
import {
  buildArn,
  COMMIT,
  FLEET,
  finding,
  metric,
  ROLE_ID,
  report,
  SHOP,
  said,
  TARGET,
  type TestWorld,
  testWorld,
} from './world.ts';

/** At the head of another branch. */
const OTHER = 'b'.repeat(40);
const OPEN = { ...TARGET, allowOtherCommits: true } as const;
const ordinary: StartRequest = { target: TARGET.name, trigger: 'schedule' };
const other: StartRequest = {
  target: TARGET.name,
  trigger: 'manual',
  commit: OTHER,
  by: { via: 'cli', actor: 'alice' },
};

let world: TestWorld;
beforeEach(() => {
  world = testWorld(OPEN);
  world.branches.add(OTHER);
});

const queue = (): Queue | null => world.store.json<Queue>(keys.queue(TARGET.name));
const state = (): TargetState | null => world.store.json<TargetState>(keys.state(TARGET.name));
const reportOn = (runId: string): Report | null => world.store.json<Report>(keys.report(TARGET.name, runId));

/** Starts a run, whose build leaves a report, and judges it. @returns the run's id */
async function run(request: StartRequest, uuid: string, over: Partial<Report> = {}): Promise<string> {
  world.clock.now = new Date(world.clock.now.getTime() + 60_000);
  world.builders.answer = { build: buildArn(uuid) };
  const { runId, sentence } = await startRun(request, world);
  if (runId === null) throw new Error(sentence);
  const { running } = queue() ?? {};
  const checked = running?.commit ?? null;
  await world.store.put(
    keys.inbox(ROLE_ID, uuid),
    JSON.stringify(report(runId, { commit: { checked, lastInSync: null }, ...over })),
  );
  await finishRun(endOf(runId, uuid), world);
  return runId;
}

const endOf = (runId: string, uuid: string): RunEnded => ({
  ...{ target: TARGET.name, runId, ticket: null, function: null, failure: null },
  build: { arn: buildArn(uuid), status: 'SUCCEEDED', log: `https://log/${uuid}` },
});
/** What `record` was last told. */
function lastEnded(): RunEnded {
  const told = world.sent.at(-1);
  if (told === undefined) throw new Error('nothing was sent');
  return (told.payload as { ended: RunEnded }).ended;
}
const DRIFTED = { verdict: 'drifted', reason: '1 finding', findings: [finding('sg.web')] } as const;

describe('another commit than that of the ref', () => {
  it.each([
    ['that does not allow it', TARGET, /^prod\/network is checked at main only: .* allowOtherCommits: true$/],
    ['of objects that does not allow it', SHOP, /^prod\/shop is checked at main only/],
    ['of nodes', FLEET, /^prod\/nodes is of nodes, where a playbook runs as root: only main is checked, ever$/],
    [
      'of nodes, whatever the config says',
      { ...FLEET, allowOtherCommits: true } as const,
      /only main is checked, ever$/,
    ],
  ])('is refused by a target %s, and nothing is left', async (_, target, sentence) => {
    world = testWorld(target);
    world.branches.add(OTHER);
    expect(await startRun({ ...other, target: target.name }, world)).toEqual({
      runId: null,
      sentence: expect.stringMatching(sentence),
    });
    expect([world.store.objects.size, world.starts, world.calls, world.sent]).toEqual([0, [], [], []]);
  });

  it('is refused when no branch and no tag is at it: a fork’s commit, which hosts serve too', async () => {
    const strange = 'c'.repeat(40);
    expect(await startRun({ ...other, commit: strange }, world)).toEqual({
      runId: null,
      sentence: `no branch or tag of https://git.example/infra.git is at ${strange}: push one that is, then ask again`,
    });
    expect([world.store.objects.size, world.starts]).toEqual([0, []]);
  });

  it('is no other one when the ref is there', async () => {
    const runId = await run({ ...other, commit: COMMIT }, '0001');
    expect(world.store.json<Run>(keys.run(TARGET.name, runId))?.aside).toBeUndefined();
    expect(state()).toMatchObject({ last: { runId, commit: COMMIT }, aside: null });
  });

  it('is checked by the same build, and its report says that it is aside', async () => {
    const runId = await run(other, '0001', DRIFTED);
    expect(world.store.json<Run>(keys.run(TARGET.name, runId))).toMatchObject({ commit: OTHER, aside: true });
    expect(world.starts).toHaveLength(1);
    expect(reportOn(runId)).toMatchObject({ verdict: 'drifted', aside: true, by: { via: 'cli' }, trigger: 'manual' });
    expect(world.store.objects.get(keys.reportPage(TARGET.name, runId))?.text).toContain(OTHER);
    expect(queue()).toMatchObject({ running: null, waiting: null });
  });

  it('is no verdict on the target: nothing opens, nothing pages, nothing is told', async () => {
    const before = await run(ordinary, '0001');
    const page = world.store.objects.get(keys.statePage(TARGET.name))?.text;
    const runId = await run(other, '0002', DRIFTED);
    expect(state()).toMatchObject({ last: { runId: before }, aside: { runId, verdict: 'drifted' }, findings: [] });
    expect(state()?.outbox).toEqual([]);
    expect(world.store.objects.get(keys.statePage(TARGET.name))?.text).toBe(page);
    expect([metric(world, 'drift'), metric(world, 'unknown'), world.eventLog]).toEqual([0, 0, []]);
  });

  it('resolves nothing either, and feeds no other target', async () => {
    await run(ordinary, '0001', DRIFTED);
    const events = world.eventLog.length;
    await run(other, '0002', { outputs: { vpc: '"vpc-1"' } });
    expect(state()?.findings).toHaveLength(1);
    expect(state()?.outputs).toEqual({});
    expect(state()?.lastInSync).toBeNull();
    expect([metric(world, 'drift'), world.eventLog.length]).toEqual([1, events]);
  });

  it('does not count as the look that staleness waits for', async () => {
    const runId = await run(ordinary, '0001');
    await sweep(world);
    world.clock.now = new Date(world.clock.now.getTime() + 3 * 3600_000);
    await run(other, '0002');
    await sweep(world);
    expect(state()).toMatchObject({ stale: true, last: { runId } });
  });

  it('that could not be looked at pages nobody', async () => {
    await run(ordinary, '0001');
    world.head.commit = new GitError('git did not answer');
    world.clock.now = new Date(world.clock.now.getTime() + 60_000);
    expect((await startRun(other, world)).runId).toBeNull();
    const ended = lastEnded();
    await finishRun(ended, world);
    const { runId } = ended;
    expect(state()).toMatchObject({ last: { verdict: 'in-sync' }, aside: { runId, verdict: 'unknown' } });
    expect([metric(world, 'unknown'), world.eventLog]).toEqual([0, []]);
  });

  it('is refused while the target is being checked, so that no trigger loses its place', async () => {
    const { runId } = await startRun(ordinary, world);
    expect(await said(other, world)).toBe(
      `prod/network is being checked (run ${runId}): ask for another commit when it is over`,
    );
    world.head.commit = 'd'.repeat(40);
    world.clock.now = new Date(world.clock.now.getTime() + 1000);
    await startRun({ ...ordinary, trigger: 'push' }, world);
    expect(queue()?.waiting?.commit).toBe(world.head.commit);
    await startRun(other, world);
    expect(queue()?.waiting?.commit).toBe(world.head.commit);
    expect(world.starts).toHaveLength(1);
  });

  it('lets a second one who asks for it join; what the ref asks for waits, though it be at the same commit', async () => {
    const first = await startRun(other, world);
    expect(await startRun({ ...other, seed: 'again' }, world)).toEqual({
      runId: first.runId,
      sentence: `joined run ${first.runId}, which looks at the same commit`,
    });
    world.head.commit = OTHER;
    expect(await startRun(ordinary, world)).toEqual({
      runId: queue()?.waiting?.runId,
      sentence: `waits for run ${first.runId} to end`,
    });
    expect(queue()).toMatchObject({ running: { aside: true }, waiting: { commit: OTHER } });
    expect(queue()?.waiting?.aside).toBeUndefined();
  });

  it('for which there is no room does not wait: whoever asked is told, and the target is free', async () => {
    world.builders.answer = { throttled: 'Cannot have more than 1 builds in queue' };
    const answer = await startRun(other, world);
    const ended = lastEnded();
    const { runId } = ended;
    // No run looks: whoever asked must not be told that one was started.
    expect(answer).toEqual({
      runId: null,
      sentence: `run ${runId} could not start: Cannot have more than 1 builds in queue`,
    });
    expect(queue()).toMatchObject({ running: null, waiting: null });
    await finishRun(ended, world);
    expect(reportOn(runId)).toMatchObject({ verdict: 'unknown', aside: true, reason: ended.failure });
    expect(state()?.last).toBeNull();
  });
});

describe('what a build says of itself', () => {
  it('is not that it looked aside, nor who asked for it: its verdict would be lost', async () => {
    const runId = await run(ordinary, '0001', { ...DRIFTED, aside: true, by: { actor: 'nobody' } });
    expect(state()).toMatchObject({ last: { runId, verdict: 'drifted' }, aside: null });
    expect(state()?.last?.by).toBeUndefined();
    expect(reportOn(runId)?.aside).toBeUndefined();
  });

  it('is not heard when a person retried it: the run that its variables name was judged', async () => {
    const runId = await run(ordinary, '0001');
    const before = [...world.store.objects].join();
    const sends = world.sent.length;
    expect(await finishRun(endOf(runId, '0002'), world)).toBe(
      `build ${buildArn('0002')} is not the one of run ${runId}: not judged`,
    );
    expect([[...world.store.objects].join(), world.sent.length]).toEqual([before, sends]);
  });

  it('is heard when the queue is gone, as a person may delete a damaged one', async () => {
    const { runId } = await startRun(ordinary, world);
    world.store.objects.delete(keys.queue(TARGET.name));
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(report(runId ?? '')));
    expect(await finishRun(endOf(runId ?? '', '0001'), world)).toMatch(/is in-sync/);
  });

  it('is not heard when its run never was in progress', async () => {
    world.builders.answer = { throttled: 'no room' };
    const { runId } = await startRun(ordinary, world);
    expect(await finishRun(endOf(runId ?? '', '0009'), world)).toMatch(/is not the one of run/);
    expect([reportOn(runId ?? ''), queue()?.waiting?.runId]).toEqual([null, runId]);
  });
});
