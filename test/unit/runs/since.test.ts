import { beforeEach, describe, expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRequestSchema, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import type { Target } from '#drift/target.ts';
import { decide } from '#drift/webhook/decide.ts';
import { buildArn, Crash, ROLE_ID, report, said, TARGET, type TestWorld, testWorld } from './world.ts';

const SOURCE = {
  ...{ name: 'infra', url: 'https://git.example/infra.git', ref: 'main' },
  webhook: { secret: 'git/webhook' },
};
const HOOKED: Target = { ...TARGET, source: SOURCE };
const BEFORE = ['modules/vpc', 'terraform/network'];
const AFTER = ['modules/new', 'modules/vpc', 'terraform/network'];
const FIRST = '1'.repeat(40);
const SECOND = '2'.repeat(40);
const PUSH: StartRequest = {
  ...{ target: TARGET.name, trigger: 'push', seed: 'github 1' },
  by: { host: 'github', delivery: '1', author: 'alice' },
};

let world: TestWorld;
let asked: unknown[];
/** What git says of the second push. */
let files: readonly string[];
function serve(target: Target = HOOKED, dieAfterAct = false): void {
  const base = testWorld(target, dieAfterAct);
  const between = async (...question: unknown[]) => {
    asked.push(question);
    return files;
  };
  world = { ...base, changes: { between } };
}
beforeEach(() => {
  [asked, files] = [[], ['modules/new/main.tf']];
  serve();
});

const state = (): TargetState | null => world.store.json<TargetState>(keys.state(TARGET.name));
const queue = (): Queue | null => world.store.json<Queue>(keys.queue(TARGET.name));
const looks = (): StartRequest[] =>
  world.sent.flatMap(({ functionName, payload }) => {
    const request = payload as StartRequest;
    return functionName === 'dispatch' && request.since !== undefined ? [request] : [];
  });

let builds = 0;
/** Starts a run, and a minute later its build leaves a report; nobody has judged that yet. */
async function look(request: StartRequest, over: Partial<Report>): Promise<RunEnded> {
  builds += 1;
  const uuid = `b${builds}`;
  world.builders.answer = { build: buildArn(uuid) };
  world.clock.now = new Date(world.clock.now.getTime() + 60_000);
  const { runId, sentence } = await startRun({ at: world.clock.now.toISOString(), ...request }, world);
  if (runId === null) throw new Error(sentence);
  const run = world.store.json<Run>(keys.run(TARGET.name, runId));
  const left = report(runId, { commit: { checked: run?.commit ?? null, lastInSync: null }, ...over });
  await world.store.put(keys.inbox(ROLE_ID, uuid), JSON.stringify(left));
  world.clock.now = new Date(world.clock.now.getTime() + 60_000);
  const build = { arn: buildArn(uuid), status: 'SUCCEEDED', log: null };
  return { target: TARGET.name, runId, ticket: null, build, function: null, failure: null };
}

/** A run that remembers `BEFORE`, then one of the first push, during which git has moved to the second. */
async function pushedMeanwhile(request = PUSH, paths: readonly string[] = AFTER): Promise<RunEnded> {
  await finishRun(await look({ target: TARGET.name, trigger: 'schedule' }, { paths: BEFORE }), world);
  world.sent.length = 0;
  world.head.commit = FIRST;
  const ended = await look(request, { paths });
  world.head.commit = SECOND;
  return ended;
}

describe('a push that touches only what a run in progress newly finds the target to be made of', () => {
  it('starts nothing when it comes, and is looked at when that run is judged', async () => {
    const ended = await pushedMeanwhile();
    const push = {
      ...{ urls: [SOURCE.url], ref: 'refs/heads/main', before: FIRST, after: SECOND },
      ...{ files, mayBeForced: false, author: 'bob' },
    };
    const { targets } = await decide(push, [SOURCE], [HOOKED], async () => state()?.paths ?? null);
    expect(targets).toEqual([]);
    await finishRun(ended, world);
    expect(looks()).toEqual([
      {
        ...{ target: TARGET.name, trigger: 'push', at: world.clock.now.toISOString(), seed: ended.runId },
        ...{ by: { host: 'github' }, since: { commit: FIRST, paths: ['modules/new'] } },
      },
    ]);
    const [request = PUSH] = looks();
    expect(startRequestSchema.parse(request)).toEqual(request);
    world.sent.length = 0;
    await finishRun(await look(request, { paths: AFTER }), world);
    expect(state()?.last).toMatchObject({ commit: SECOND, trigger: 'push', by: { host: 'github' } });
    expect(asked).toEqual([['github', SOURCE.url, expect.objectContaining({ before: FIRST, after: SECOND }), null]]);
    // The paths are those of before: it ends here.
    expect([looks(), queue()?.running, queue()?.waiting]).toEqual([[], null, null]);
  });

  it('is one run, however often that is said', async () => {
    const ended = await pushedMeanwhile();
    await finishRun(ended, world);
    const [request = PUSH] = looks();
    const { runId } = await startRun(request, world);
    expect(await said(request, world)).toMatch(new RegExp(`^joined run ${runId}`));
    world.clock.now = new Date(world.clock.now.getTime() + 60_000);
    await finishRun(ended, world);
    expect(looks()).toHaveLength(1);
  });

  it.each([false, true])(
    'is not missed when `record` dies at any point and is tried again (after: %s)',
    async (after) => {
      let deaths = 0;
      for (let acts = 0; ; acts += 1) {
        serve(HOOKED, after);
        const ended = await pushedMeanwhile();
        world.fuse.left = acts;
        const died = await finishRun(ended, world).then(
          () => false,
          (error: unknown) => error instanceof Crash,
        );
        world.fuse.left = Number.POSITIVE_INFINITY;
        if (!died) break;
        deaths += 1;
        world.clock.now = new Date(world.clock.now.getTime() + 60_000);
        await finishRun(ended, world);
        expect(looks().length, `died at act ${acts}`).toBeGreaterThanOrEqual(1);
        expect(new Set(looks().map((request) => JSON.stringify(request))).size, `died at act ${acts}`).toBe(1);
        expect(state()?.outbox).toEqual([]);
      }
      expect(deaths).toBeGreaterThanOrEqual(6);
    },
  );

  it('is asked for by the sweep when nobody tries that again', async () => {
    const ended = await pushedMeanwhile();
    // Report and state are written.
    world.fuse.left = 2;
    await expect(finishRun(ended, world)).rejects.toThrow(Crash);
    world.fuse.left = Number.POSITIVE_INFINITY;
    await sweep(world);
    expect(looks()).toHaveLength(1);
    expect(state()?.outbox).toEqual([]);
  });
});

describe('nothing is looked at', () => {
  const told = async (over: Partial<StartRequest> = {}): Promise<string> => {
    await finishRun(await pushedMeanwhile(), world);
    const [request = PUSH] = looks();
    return said({ ...request, ...over }, world);
  };
  const isIdle = (): void => expect([queue()?.running, queue()?.waiting]).toEqual([null, null]);

  it('when nothing was pushed meanwhile', async () => {
    const ended = await pushedMeanwhile();
    world.head.commit = FIRST;
    await finishRun(ended, world);
    const [request = PUSH] = looks();
    expect(await startRun(request, world)).toEqual({
      runId: null,
      sentence: `main is still at ${FIRST}, which was looked at`,
    });
    isIdle();
  });

  it('when git says that nothing of the new was touched', async () => {
    files = ['docs/a.md', 'modules/newer/main.tf', 'modules/vpc/main.tf'];
    expect(await told()).toBe(
      `nothing that prod/network is made of was changed between ${FIRST} and ${SECOND}, but for what it was known to be made of before`,
    );
    isIdle();
  });

  it.each([
    ['paused', { enabled: false }],
    ['retired', { retired: true }],
  ])('of a target that is %s by then', async (what, over) => {
    await finishRun(await pushedMeanwhile(), world);
    const [request = PUSH] = looks();
    const config = { ...world.config, targets: [{ ...HOOKED, ...over }] };
    expect(await said(request, { ...world, config })).toContain(what);
    isIdle();
  });

  it.each([
    ['the paths are those of before', HOOKED, BEFORE],
    ['they became fewer, or lie below those', HOOKED, ['modules/vpc/nested', 'terraform/network/']],
    ['the source tells of no pushes', TARGET, AFTER],
  ])('where %s', async (_what, target, paths) => {
    serve(target);
    await finishRun(await pushedMeanwhile(PUSH, paths), world);
    expect(world.sent).toEqual([]);
  });

  it('after a first run, or one that could not look: until then every push counted', async () => {
    await finishRun({ ...(await look(PUSH, {})), failure: 'lost' }, world);
    await finishRun(await look({ ...PUSH, seed: '2' }, { paths: AFTER }), world);
    expect([looks(), state()?.paths]).toEqual([[], AFTER]);
  });

  it('after a run that looked aside', async () => {
    serve({ ...HOOKED, allowOtherCommits: true });
    await finishRun(await look(PUSH, { paths: BEFORE }), world);
    world.branches.add(SECOND);
    await finishRun(await look({ target: TARGET.name, trigger: 'manual', commit: SECOND }, { paths: AFTER }), world);
    expect([looks(), state()?.paths]).toEqual([[], BEFORE]);
  });
});

describe('whatever is new is looked at', () => {
  it('and all, once, when the run could not look: it may have stopped at what is new', async () => {
    await finishRun({ ...(await pushedMeanwhile()), failure: 'lost' }, world);
    expect(looks()).toMatchObject([{ since: { commit: FIRST, paths: ['.'] } }]);
    const [request = PUSH] = looks();
    world.head.commit = '3'.repeat(40);
    await finishRun({ ...(await look(request, {})), failure: 'lost' }, world);
    expect(looks(), 'from then on every push counts').toHaveLength(1);
  });

  it('where no git host is known that could tell', async () => {
    await finishRun(await pushedMeanwhile({ target: TARGET.name, trigger: 'schedule' }), world);
    const [request = PUSH] = looks();
    expect(request.by).toBeUndefined();
    expect(await said(request, world)).toMatch(/^started run/);
    expect([asked, queue()?.running?.commit]).toEqual([[], SECOND]);
  });

  it('where the paths are too long to be sent', async () => {
    const long = Array.from({ length: 400 }, (_, at) => `modules/${'x'.repeat(400)}/${at}`);
    await finishRun(await pushedMeanwhile(PUSH, [...BEFORE, ...long]), world);
    expect(looks()).toMatchObject([{ since: { commit: FIRST, paths: ['.'] } }]);
  });

  it('where a folder was known in part', async () => {
    await finishRun(await pushedMeanwhile(PUSH, ['modules', 'terraform/network']), world);
    expect(looks()).toMatchObject([{ since: { commit: FIRST, paths: ['modules'] } }]);
  });
});

describe('a push that waits for the end of that run', () => {
  it('keeps its place: its host waits for the status of the commit', async () => {
    const ended = await pushedMeanwhile();
    const second = { ...PUSH, seed: 'github 2', by: { host: 'github', delivery: '2', author: 'bob' } } as const;
    const { runId } = await startRun({ ...second, at: world.clock.now.toISOString() }, world);
    world.clock.now = new Date(world.clock.now.getTime() + 60_000);
    // What is to be looked at is asked for before the target is free.
    const functions = {
      ...world.functions,
      send: async (name: string, payload: unknown): Promise<void> => {
        await world.functions.send(name, payload);
        const request = payload as StartRequest;
        if (request.since !== undefined) expect((await startRun(request, world)).runId).toBe(runId);
      },
    };
    await finishRun(ended, { ...world, functions });
    expect(looks()).toHaveLength(1);
    expect(queue()).toMatchObject({ running: null, waiting: { runId, by: { author: 'bob' } } });
    expect(world.sent.at(-1)).toMatchObject({ functionName: 'dispatch', payload: { seed: 'github 2' } });
  });
});
