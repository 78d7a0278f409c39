import { describe, expect, it } from 'vitest';
import { ticketSchema } from '#checks/kubernetes/ticket.ts';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { targetKey } from '#drift/fingerprint.ts';
import { functionProblem } from '#drift/function-failure.ts';
import { EVENTS, keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import { NO_RULES } from '#drift/rules/rule.ts';
import { type Queue, queueSchema } from '#drift/state/queue.ts';
import { newState, type TargetState } from '#drift/state/state.ts';
import type { KubernetesTicket } from '#drift/ticket.ts';
import { COMMIT, Crash, finding, metric, report, SHOP, said, type TestWorld, testWorld } from './world.ts';

const request: StartRequest = { target: SHOP.name, trigger: 'schedule', at: '2026-11-24T03:00:00Z' };
const FUNCTION = 'plumbline-kubernetes-prod';

const queue = (world: TestWorld): Queue | null => world.store.json<Queue>(keys.queue(SHOP.name));
const state = (world: TestWorld): TargetState | null => world.store.json<TargetState>(keys.state(SHOP.name));
const running = (world: TestWorld): NonNullable<Queue['running']> => {
  const found = queue(world)?.running;
  if (found === null || found === undefined) throw new Error('nothing runs');
  return found;
};
const minutesLater = (world: TestWorld, minutes: number): void => {
  world.clock.now = new Date(world.clock.now.getTime() + minutes * 60_000);
};
const shopReport = (runId: string, over: Partial<Report> = {}): Report =>
  report(runId, { target: SHOP.name, layer: 'kubernetes', tool: null, ...over });
const lastEnded = (world: TestWorld): RunEnded => {
  const payload = world.sent.at(-1)?.payload as { ended: RunEnded } | undefined;
  if (payload === undefined) throw new Error('nothing was sent');
  return payload.ended;
};
const judged = (world: TestWorld, runId: string): Report | null =>
  world.store.json<Report>(keys.report(SHOP.name, runId));

/** Starts a run and lets its function hand `left` over; the end that it tells of. */
async function runWith(world: TestWorld, left: Partial<Report> | string | null, at = request.at): Promise<RunEnded> {
  await startRun({ ...request, ...(at === undefined ? {} : { at }) }, world);
  const { runId, ticket } = running(world);
  const text = typeof left === 'string' ? left : JSON.stringify(shopReport(runId, left ?? {}));
  if (left !== null) await world.store.put(keys.functionInbox(ticket), text);
  return { target: SHOP.name, runId, ticket, build: null, function: { problem: null }, failure: null };
}
const drifted: Partial<Report> = { verdict: 'drifted', reason: '1 finding', findings: [finding('Deployment/a/b')] };

describe('starting a run of objects', () => {
  it('asks the function of its environment once, however often it is delivered', async () => {
    const world = testWorld(SHOP);
    expect(await said(request, world)).toMatch(new RegExp(`^started run \\S+ at ${COMMIT} as ${FUNCTION}$`));
    expect(await said(request, world)).toMatch(/^joined run/);
    const { runId, ticket, build } = running(world);
    expect(build).toBe(FUNCTION);
    expect(world.calls).toEqual([{ functionName: FUNCTION, payload: { target: SHOP.name, runId, ticket } }]);
    expect(world.starts).toEqual([]);
  });

  it('hands over a commit that a person named, where the target allows it, and says that it is aside', async () => {
    const target = { ...SHOP, allowOtherCommits: true } as const;
    const world = testWorld(target);
    const commit = 'b'.repeat(40);
    world.branches.add(commit);
    await startRun({ target: SHOP.name, trigger: 'manual', commit, by: { via: 'cli' } }, world);
    const written = world.store.json<KubernetesTicket>(keys.ticket(running(world).ticket));
    expect(written).toMatchObject({ target, run: { commit, aside: true, by: { via: 'cli' } } });
    expect(ticketSchema.parse(written)).toEqual(written);
  });

  it('hands over a ticket with all that the check needs, and an address that takes one report', async () => {
    const world = testWorld(SHOP);
    const ours = { target: 'prod/*', subject: '*', reason: 'scaled', managers: ['hpa'] };
    const others = [
      { ...ours, target: 'staging/*' },
      { target: 'prod/*', subject: 'Job/*', reason: 'no part of an object' },
    ];
    const config = { ...world.config, rules: { ...NO_RULES, ignore: [ours, ...others] } };
    const before = { ...newState(SHOP.name, world.now()), lastInSync: 'b'.repeat(40) };
    await world.store.put(keys.state(SHOP.name), JSON.stringify(before));
    await startRun(request, { ...world, config });
    const { runId, ticket } = running(world);
    const written = world.store.json<KubernetesTicket>(keys.ticket(ticket));
    expect(written).toMatchObject({
      run: { runId, target: SHOP.name, layer: 'kubernetes', commit: COMMIT },
      target: SHOP,
      rules: [ours],
      lastInSync: 'b'.repeat(40),
      fingerprintKey: targetKey('master', SHOP.name),
      // As long as the run may last: its own time and what Lambda may need to start it.
      upload: `https://results.example/inbox/kubernetes/${ticket}/report.json?for=${600 + 900}`,
    });
    expect(ticketSchema.parse(written)).toEqual(written);
  });

  it('goes on with the same run and ticket after a crash at any point', async () => {
    let deaths = 0;
    for (const after of [false, true]) {
      for (let acts = 0; acts < 5; acts += 1) {
        const world = testWorld(SHOP, after);
        world.fuse.left = acts;
        await expect(startRun(request, world)).rejects.toThrow(Crash);
        deaths += 1;
        world.fuse.left = Number.POSITIVE_INFINITY;
        await startRun(request, world);
        expect(new Set(world.calls.map((call) => JSON.stringify(call))).size).toBe(1);
        expect(running(world).build).toBe(FUNCTION);
      }
    }
    expect(deaths).toBe(10);
  });

  it('lets a throttled one wait, and starts it with another ticket', async () => {
    const world = testWorld(SHOP);
    world.callers.answer = { throttled: 'Lambda has no room' };
    expect(await said(request, world)).toMatch(/waits: Lambda has no room/);
    expect(queue(world)).toMatchObject({ running: null, waiting: { throttled: 'Lambda has no room' } });
    world.callers.answer = null;
    await sweep(world);
    const again = world.sent.at(-1)?.payload as StartRequest;
    await startRun(again, world);
    const [first, second] = world.calls.map(({ payload }) => payload as { runId: string; ticket: string });
    expect(second?.runId).toBe(first?.runId);
    expect(second?.ticket).not.toBe(first?.ticket);
  });

  it('does not start again what is long over, as when a schedule is delivered twice', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, {});
    await finishRun(ended, world);
    expect(await said(request, world)).toBe(`run ${ended.runId} was judged already`);
    expect(world.calls).toHaveLength(1);
    expect(queue(world)?.running).toBeNull();
  });

  it('still reads the queue of a deployment that knew builds only', () => {
    const build = 'arn:aws:codebuild:eu-west-1:111111111111:build/p:1';
    const asked = { runId: 'r', commit: COMMIT, trigger: 'schedule', seed: 's', at: 'a', deadline: 'd' };
    const stored = {
      schema: 'plumbline.queue/1',
      running: { ...asked, ticket: 't', claimedAt: 'c', build },
      waiting: null,
    };
    expect(queueSchema.parse(stored)).toEqual({ ...stored, judged: null });
  });
});

describe('judging a run of objects', () => {
  it('believes what lies at the signed address of its own ticket, and frees the target', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, drifted);
    expect(await finishRun(ended, world)).toMatch(/is drifted: 1 finding$/);
    expect(metric(world, 'drift')).toBe(1);
    expect(judged(world, ended.runId)?.log).toMatch(/^https:\/\/eu-west-1\.console.*\$252Fkubernetes\$252Fprod$/);
    expect(queue(world)?.running).toBeNull();
    expect(world.store.objects.has(keys.ticket(ended.ticket ?? ''))).toBe(false);
  });

  it('is unknown whenever the report is missing, foreign, cut, or the function failed', async () => {
    const failed = (condition: string, errorType?: string, errorMessage?: string): string =>
      functionProblem({ condition, errorType, errorMessage });
    const killed = failed('RetriesExhausted', 'Runtime.ExitError', 'Runtime exited with error: signal: killed');
    const cases: readonly [string, Partial<Report> | string | null, string | null, RegExp][] = [
      ['no report', null, null, /^the function left no report$/],
      ['a cut one', '{"schema":', null, /not JSON/],
      ['another layer', { layer: 'terraform' }, null, /not of this run/],
      ['another target', { target: 'prod/other' }, null, /not of this run/],
      ['another commit', { commit: { checked: 'b'.repeat(40), lastInSync: null } }, null, /not of a/],
      ['killed', null, killed, /^the check ran out of memory \(1024 MB\): split the target, or raise/],
      ['late', null, failed('RetriesExhausted', 'Sandbox.Timedout'), /^the check took longer than 900 s.*: split/],
      ['never begun', null, failed('EventAgeExceeded'), /^the check could not be started for 10 minutes: .*raise/],
      [
        'crashed with a report',
        {},
        failed('RetriesExhausted', 'TypeError', 'a: secret'),
        /^the function failed \(TypeE/,
      ],
    ];
    for (const [name, left, problem, reason] of cases) {
      const world = testWorld(SHOP);
      await finishRun({ ...(await runWith(world, left)), function: { problem } }, world);
      expect(state(world)?.last?.verdict, name).toBe('unknown');
      expect(state(world)?.last?.reason, name).toMatch(reason);
      expect(metric(world, 'unknown'), name).toBe(1);
      expect(
        world.eventLog.map((event) => event.name),
        name,
      ).toEqual([EVENTS.checkFailed]);
      expect(queue(world)?.running, name).toBeNull();
    }
  });

  it('shows what a failed function had found until then, as unconfirmed', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, drifted);
    await finishRun({ ...ended, function: { problem: 'the function failed' } }, world);
    const found = judged(world, ended.runId);
    expect(found).toMatchObject({ verdict: 'unknown', reason: 'the function failed', findings: [] });
    expect(found?.unconfirmed).toHaveLength(1);
  });

  it('is ended by nobody who does not know its ticket', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, drifted);
    await world.store.put(keys.functionInbox('foreign'), JSON.stringify(shopReport(ended.runId)));
    const foreign: readonly Partial<RunEnded>[] = [
      { ticket: 'foreign' },
      { ticket: null },
      { ticket: null, function: null, failure: 'given up' },
      { ticket: 'foreign', function: { problem: 'failed' } },
    ];
    for (const claim of foreign) {
      expect(await finishRun({ ...ended, ...claim }, world)).toMatch(/is not the one of run .*: not judged$/);
    }
    expect(judged(world, ended.runId)).toBeNull();
    expect(running(world).runId).toBe(ended.runId);
    await finishRun(ended, world);
    expect(state(world)?.last?.verdict).toBe('drifted');
  });

  it('ends the run of no other target', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, drifted);
    const other = { ...SHOP, name: 'prod/other' };
    const both = { ...world, config: { ...world.config, targets: [SHOP, other] } };
    await startRun({ ...request, target: other.name }, both);
    expect(await finishRun({ ...ended, target: other.name }, both)).toMatch(/^nobody asked for a run/);
    const theirs = world.store.json<Queue>(keys.queue(other.name))?.running;
    const claim = { ...ended, target: other.name, runId: theirs?.runId ?? '' };
    expect(await finishRun(claim, both)).toMatch(/not judged$/);
    expect(world.store.objects.has(keys.report(other.name, claim.runId))).toBe(false);
  });

  it('judges once, however often its end is told and by whomever', async () => {
    const world = testWorld(SHOP);
    const ended = await runWith(world, drifted);
    await finishRun(ended, world);
    const before = [state(world), judged(world, ended.runId), world.eventLog.length];
    const late = { problem: 'the check took longer than 900 s' };
    for (const again of [ended, { ...ended, function: late }, { ...ended, ticket: 'foreign' }]) {
      expect(await finishRun(again, world)).toMatch(/is drifted/);
      expect([state(world), judged(world, ended.runId), world.eventLog.length]).toEqual(before);
    }
  });

  it('does not judge a run by the ticket of its first, throttled start', async () => {
    const world = testWorld(SHOP);
    world.callers.answer = { throttled: 'no room' };
    await startRun(request, world);
    const first = world.calls[0]?.payload as { runId: string; ticket: string };
    await world.store.put(keys.functionInbox(first.ticket), JSON.stringify(shopReport(first.runId)));
    const claim = { ...first, target: SHOP.name, build: null, function: { problem: null }, failure: null };
    expect(await finishRun(claim, world)).toMatch(/not judged$/);
    expect(queue(world)?.waiting?.runId).toBe(first.runId);
  });

  it('loses nothing, wherever record dies', async () => {
    const straight = testWorld(SHOP);
    await finishRun(await runWith(straight, drifted), straight);
    let deaths = 0;
    for (const after of [false, true]) {
      for (let acts = 0; acts < 20; acts += 1) {
        const world = testWorld(SHOP, after);
        const ended = await runWith(world, drifted);
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
        expect(queue(world)?.running).toBeNull();
      }
    }
    expect(deaths).toBeGreaterThanOrEqual(16);
  });
});

describe('the sweep', () => {
  it('waits for a function until the deadline, asks CodeBuild for nothing, and then says unknown', async () => {
    const world = testWorld(SHOP);
    const asked: string[] = [];
    const describe = async (build: string): Promise<null> => {
      asked.push(build);
      return null;
    };
    const builds = { ...world.builds, describe };
    const { runId, ticket } = await runWith(world, drifted);
    minutesLater(world, 24);
    await sweep({ ...world, builds });
    expect(world.sent).toEqual([]);
    minutesLater(world, 2);
    await sweep({ ...world, builds });
    const ended = lastEnded(world);
    expect(ended).toMatchObject({ target: SHOP.name, runId, ticket, build: null });
    expect(asked).toEqual([]);
    await finishRun(ended, world);
    expect(state(world)?.last).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^the function plumbline-kubernetes-prod told of no end until the deadline/),
    });
    expect(judged(world, runId)?.unconfirmed).toHaveLength(1);
    expect(queue(world)?.running).toBeNull();
  });

  it('says unknown of a run whose function never started', async () => {
    const world = testWorld(SHOP);
    await runWith(world, null);
    const claimed = { ...queue(world), running: { ...running(world), build: null } };
    await world.store.put(keys.queue(SHOP.name), JSON.stringify(claimed));
    minutesLater(world, 9);
    await sweep(world);
    expect(world.sent).toEqual([]);
    minutesLater(world, 2);
    await sweep(world);
    await finishRun(lastEnded(world), world);
    expect(state(world)?.last?.reason).toMatch(/^its function could not be started since/);
    expect(queue(world)?.running).toBeNull();
  });
});
