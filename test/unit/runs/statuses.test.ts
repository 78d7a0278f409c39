import { describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { pushedRunSchema, tellStatus } from '#checks/statuses/tell.ts';
import { keys } from '#drift/names.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import type { StatusRequest } from '#drift/statuses/request.ts';
import type { Source } from '#drift/target.ts';
import { buildArn, COMMIT, finding, metric, ROLE_ID, report, TARGET, type TestWorld, testWorld } from './world.ts';

const SOURCE: Source = {
  ...{ name: 'infra', url: 'https://git.example/acme/infra.git', ref: 'main' },
  statuses: { secret: 'git/statuses' },
};
const NOTED = { ...TARGET, source: SOURCE };
const PUSH: StartRequest = {
  ...{ target: TARGET.name, trigger: 'push', at: '2026-11-24T03:00:00Z', seed: 'github f2467dea' },
  by: { host: 'github', delivery: 'f2467dea', author: 'alice' },
};
const asked = (world: TestWorld) => world.sent.filter(({ functionName }) => functionName === 'plumbline-commit-status');

/** A run that ended well, with drift that its commit explains. */
async function judged(world: TestWorld, request: StartRequest): Promise<string> {
  const runId = /run (\S+)/.exec((await startRun(request, world)).sentence)?.[1] ?? '';
  const drift = {
    verdict: 'drifted',
    reason: '1 finding',
    findings: [finding('sg.web', { cause: 'pending' })],
  } as const;
  await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(report(runId, { ...drift, trigger: 'push' })));
  const build = { arn: buildArn('0001'), status: 'SUCCEEDED', log: null };
  await finishRun({ target: TARGET.name, runId, ticket: null, build, function: null, failure: null }, world);
  return runId;
}

describe('a run that a push asked for', () => {
  it('has the git host told when it starts, and when it is judged', async () => {
    const world = testWorld(NOTED);
    const runId = await judged(world, PUSH);
    expect(asked(world).map(({ payload }) => payload)).toEqual(Array(2).fill({ target: TARGET.name, runId }));
    expect(pushedRunSchema.safeParse(asked(world)[0]?.payload).success).toBe(true);
  });

  it('is not displaced by a schedule while it waits: the host would never be told', async () => {
    const world = testWorld(NOTED);
    const first = await startRun({ target: TARGET.name, trigger: 'schedule', at: '2026-11-24T02:59:00Z' }, world);
    world.head.commit = 'b'.repeat(40);
    const { runId } = await startRun(PUSH, world);
    const schedule = { target: TARGET.name, trigger: 'schedule', at: '2026-11-24T03:01:00Z' } as const;
    expect((await startRun(schedule, world)).runId).toBe(runId);
    const build = { arn: buildArn('0001'), status: 'FAILED', log: null };
    const ended = { target: TARGET.name, runId: first.runId ?? '', ticket: null, function: null, failure: null };
    await finishRun({ ...ended, build }, world);
    await startRun(world.sent.at(-1)?.payload as StartRequest, world);
    expect(asked(world).map(({ payload }) => payload)).toEqual([{ target: TARGET.name, runId }]);
  });

  it('pages what its commit explains only when its grace has passed', async () => {
    const world = testWorld(NOTED);
    await judged(world, PUSH);
    expect(metric(world, 'drift')).toBe(0);
  });

  it('has nobody told as long as there is no room for it: a newer one may take its place, and it is never judged', async () => {
    const world = testWorld(NOTED);
    const room = world.builders.answer;
    world.builders.answer = { throttled: 'no room' };
    await startRun(PUSH, world);
    world.builders.answer = room;
    expect(asked(world)).toEqual([]);
    const newer = { ...PUSH, at: '2026-11-24T03:05:00Z', seed: 'github 8ce6c4c1' };
    const { runId } = await startRun(newer, world);
    expect(asked(world)).toMatchObject([{ payload: { runId } }]);
    expect(world.store.json(keys.queue(TARGET.name))).toMatchObject({ running: { runId }, waiting: null });
  });

  it('starts though the git host cannot be told of that', async () => {
    const world = testWorld(NOTED);
    const errors: string[] = [];
    const broken = {
      ...world,
      functions: { ...world.functions, send: () => Promise.reject(new Error('Lambda is away')) },
      log: { ...world.log, error: (message: string) => void errors.push(message) },
    };
    expect((await startRun(PUSH, broken)).sentence).toMatch(/^started run/);
    expect(errors).toEqual(['commit status not asked for']);
  });

  it.each([
    ['its source does not want that', TARGET, PUSH],
    ['the schedule asked for it', NOTED, { ...PUSH, trigger: 'schedule' } as const],
    ['a person asked for it', NOTED, { ...PUSH, trigger: 'manual' } as const],
  ])('nobody is told when %s', async (_what, target, request) => {
    const world = testWorld(target);
    await judged(world, request);
    expect(asked(world)).toEqual([]);
  });
});

describe('a push that joins a run of the same commit, which somebody else started', () => {
  const MANUAL = {
    target: TARGET.name,
    trigger: 'manual',
    at: '2026-11-24T02:59:00Z',
    by: { actor: 'carol' },
  } as const;
  const SCHEDULE = { target: TARGET.name, trigger: 'schedule', at: '2026-11-24T02:59:00Z' } as const;
  const GITLAB = { ...PUSH, seed: 'gitlab 1', by: { host: 'gitlab', delivery: '1' } } as const;
  /** What the git host is told, in the order in which that was asked for. */
  const told = async (world: TestWorld): Promise<unknown[]> => {
    const sent: unknown[] = [];
    const send = async ({ url, body }: StatusRequest): Promise<void> => {
      sent.push([new URL(url).pathname, (JSON.parse(body) as { state: string }).state]);
    };
    for (const { payload } of asked(world).splice(0)) {
      await tellStatus(pushedRunSchema.parse(payload), { ...world, statuses: { send }, region: 'eu-west-1' });
    }
    world.sent.length = 0;
    return sent;
  };
  const PATH = `/api/v3/repos/acme/infra/statuses/${COMMIT}`;
  const endOf = (runId: string | null, status = 'SUCCEEDED'): RunEnded => ({
    ...{ target: TARGET.name, runId: runId ?? '', ticket: null, function: null, failure: null },
    build: { arn: buildArn('0001'), status, log: null },
  });
  /** The sweep finds that the run in progress can end no more. */
  const giveUp = async (world: TestWorld): Promise<void> => {
    await sweep(world);
    const lost = world.sent.splice(0).flatMap(({ functionName, payload }) => {
      return functionName === 'record' ? [(payload as { ended: RunEnded }).ended] : [];
    });
    for (const ended of lost) await finishRun(ended, world);
  };
  const leave = (world: TestWorld, runId: string | null, over: Partial<Report> = {}) =>
    world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(report(runId ?? '', over)));

  it.each([
    ['a schedule', SCHEDULE, {}, 'success'],
    ['a person', MANUAL, {}, 'success'],
    ['a person, and there is drift', MANUAL, { verdict: 'drifted', findings: [finding('sg.web')] }, 'failure'],
    ['a schedule, and it could not look', SCHEDULE, { verdict: 'unknown', reason: 'no plan' }, 'error'],
  ] as const)('has its host told when it joins, and what came of it: %s', async (_what, request, over, word) => {
    const world = testWorld(NOTED);
    const { runId } = await startRun(request, world);
    expect(await told(world)).toEqual([]);
    expect((await startRun(PUSH, world)).sentence).toMatch(/^joined run/);
    expect(await told(world)).toEqual([[PATH, 'pending']]);
    await leave(world, runId, over as Partial<Report>);
    await finishRun(endOf(runId), world);
    expect(await told(world)).toEqual([[PATH, word]]);
    // Who really started it stays in its record.
    expect(world.store.json<Run>(keys.run(TARGET.name, runId ?? ''))?.trigger).toBe(request.trigger);
    expect(world.store.json<Run>(keys.run(TARGET.name, runId ?? ''))?.by).toEqual(
      'by' in request ? request.by : undefined,
    );
  });

  it('is told that of a run whose build died, or that the sweep gave up', async () => {
    const world = testWorld(NOTED);
    const { runId } = await startRun(SCHEDULE, world);
    await startRun(PUSH, world);
    await finishRun(endOf(runId, 'FAILED'), world);
    expect(await told(world)).toEqual(Array(2).fill([PATH, 'error']));
    const second = await startRun({ ...SCHEDULE, at: '2026-11-24T03:01:00Z' }, world);
    await startRun({ ...PUSH, at: '2026-11-24T03:02:00Z', seed: 'github 2' }, world);
    expect(await told(world)).toEqual([[PATH, 'pending']]);
    world.clock.now = new Date(world.clock.now.getTime() + 2 * 3600_000);
    await giveUp(world);
    expect(world.store.json<TargetState>(keys.state(TARGET.name))?.last).toMatchObject({
      ...{ runId: second.runId, verdict: 'unknown' },
    });
    expect(await told(world)).toEqual([[PATH, 'error']]);
  });

  it.each([false, true])(
    'is told the end though `record` dies at any point and is tried again (after: %s)',
    async (after) => {
      for (let acts = 0; ; acts += 1) {
        const world = testWorld(NOTED, after);
        const { runId } = await startRun(SCHEDULE, world);
        await startRun(PUSH, world);
        await told(world);
        await leave(world, runId);
        world.fuse.left = acts;
        const died = await finishRun(endOf(runId), world).then(
          () => false,
          () => true,
        );
        world.fuse.left = Number.POSITIVE_INFINITY;
        await finishRun(endOf(runId), world);
        const said = await told(world);
        expect(said.length, `died at act ${acts}`).toBeGreaterThanOrEqual(1);
        expect(new Set(said.map(String)), `died at act ${acts}`).toEqual(new Set([`${PATH},success`]));
        if (!died) break;
      }
    },
  );

  it('is told of a run that was being started when it has started, and not before', async () => {
    const world = testWorld(NOTED);
    const { start } = world.builds;
    const meanwhile = async (answer: Awaited<ReturnType<typeof start>>, push: StartRequest) => {
      world.builds.start = async () => {
        expect((await startRun(push, world)).sentence).toMatch(/^joined run/);
        expect(asked(world)).toEqual([]);
        return answer;
      };
      const { runId } = await startRun(SCHEDULE, world);
      world.builds.start = start;
      return runId;
    };
    const runId = await meanwhile({ throttled: 'no room' }, PUSH);
    expect(await told(world)).toEqual([]);
    // There is room, and git has moved.
    world.head.commit = 'b'.repeat(40);
    await startRun(SCHEDULE, world);
    expect(await told(world)).toEqual([[PATH.replace(COMMIT, 'b'.repeat(40)), 'pending']]);
    await finishRun(endOf(runId, 'FAILED'), world);
    expect(await told(world)).toEqual([[PATH.replace(COMMIT, 'b'.repeat(40)), 'error']]);
  });

  it('is told what the verdict is when it joins a run that was just judged', async () => {
    const world = testWorld(NOTED);
    const { runId } = await startRun(SCHEDULE, world);
    await leave(world, runId);
    // The report is written, and the target is not free yet.
    world.fuse.left = 1;
    await expect(finishRun(endOf(runId), world)).rejects.toThrow();
    world.fuse.left = Number.POSITIVE_INFINITY;
    await startRun(PUSH, world);
    expect(await told(world)).toEqual([[PATH, 'success']]);
  });

  it('is told the end of a run that was lost before it was written down', async () => {
    const world = testWorld(NOTED);
    world.fuse.left = 1;
    await expect(startRun(SCHEDULE, world)).rejects.toThrow();
    world.fuse.left = Number.POSITIVE_INFINITY;
    await startRun(PUSH, world);
    expect(await told(world)).toEqual([]);
    world.clock.now = new Date(world.clock.now.getTime() + 3600_000);
    await giveUp(world);
    expect(await told(world)).toEqual([[PATH, 'error']]);
  });

  it('leaves a run that a push started to the host of that', async () => {
    const world = testWorld(NOTED);
    const { runId } = await startRun(PUSH, world);
    await told(world);
    await startRun({ ...GITLAB, at: '2026-11-24T03:00:01Z' }, world);
    expect([await told(world), world.store.json<Queue>(keys.queue(TARGET.name))?.running?.joinedFrom]).toEqual([
      [],
      undefined,
    ]);
    await finishRun(endOf(runId, 'FAILED'), world);
    expect(await told(world)).toEqual([[PATH, 'error']]);
  });

  it.each([
    ['its source wants no statuses', TARGET, PUSH],
    ['a schedule joins', NOTED, { ...SCHEDULE, at: '2026-11-24T03:00:00Z' }],
    ['a person joins', NOTED, { ...PUSH, trigger: 'manual' }],
  ] as const)('nobody is told where %s', async (_what, target, request) => {
    const world = testWorld(target);
    const { runId } = await startRun(MANUAL, world);
    expect((await startRun(request, world)).sentence).toMatch(/^joined run/);
    await finishRun(endOf(runId, 'FAILED'), world);
    expect(asked(world)).toEqual([]);
  });

  it('nobody is told of a commit that somebody named, whoever joins', async () => {
    const world = testWorld({ ...NOTED, allowOtherCommits: true });
    const commit = 'b'.repeat(40);
    world.branches.add(commit);
    const { runId } = await startRun({ ...MANUAL, commit }, world);
    expect((await startRun({ ...PUSH, commit }, world)).sentence).toMatch(/^joined run/);
    await finishRun(endOf(runId, 'FAILED'), world);
    expect(asked(world)).toEqual([]);
  });
});

describe('a config that was changed in git', () => {
  const change = { commit: 'f'.repeat(40), path: 'plumbline.yaml', deployed: { hash: 'c'.repeat(64), commit: null } };
  const notesAfter = async (written: string | null): Promise<readonly (string | undefined)[]> => {
    const world = testWorld();
    if (written !== null) await world.store.put(keys.configChange, written);
    const runId = await judged(world, PUSH);
    const { notes } = reportSchema.parse(world.store.json(keys.report(TARGET.name, runId)));
    return notes.map(({ text }) => text);
  };

  it('is a note in every report until something is deployed', async () => {
    expect(await notesAfter(JSON.stringify(change))).toEqual([
      `plumbline.yaml was changed in ${change.commit}: a deployment is due, and until then the config from before counts`,
    ]);
    const deployed = { ...change, deployed: { hash: 'd'.repeat(64), commit: null } };
    expect(await notesAfter(JSON.stringify(deployed))).toEqual([]);
  });

  it('changes no verdict when what is known of it cannot be read', async () => {
    expect(await notesAfter(null)).toEqual([]);
    expect(await notesAfter('{')).toEqual([]);
  });
});
