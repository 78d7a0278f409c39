import { describe, expect, it } from 'vitest';
import { finishRun } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { pushedRunSchema } from '#checks/statuses/tell.ts';
import { keys } from '#drift/names.ts';
import { reportSchema } from '#drift/report.ts';
import type { Source } from '#drift/target.ts';
import { buildArn, finding, metric, ROLE_ID, report, TARGET, type TestWorld, testWorld } from './world.ts';

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
