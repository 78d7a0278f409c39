import fc from 'fast-check';
import { expect, it } from 'vitest';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { type PushedRun, tellStatus } from '#checks/statuses/tell.ts';
import { deployed, keys } from '#drift/names.ts';
import type { Queue } from '#drift/state/queue.ts';
import type { TargetState } from '#drift/state/state.ts';
import type { StatusRequest } from '#drift/statuses/request.ts';
import type { Ticket } from '#drift/ticket.ts';
import type { PushRange } from '#drift/webhook/changes.ts';
import { decide, touching } from '#drift/webhook/decide.ts';
import { buildArn, finding, metric, ROLE_ID, report, TARGET, testWorld } from './world.ts';

/** Commits are numbers that grow; this one is at the head of another branch. */
const OTHER = 9999;
const commitOf = (count: number): string => count.toString(16).padStart(40, '0');
const numberOf = (commit: string | null | undefined): number => Number.parseInt(commit ?? '0', 16);

interface End {
  readonly ok: boolean;
  readonly drift: boolean;
  /** Nobody tells of it. */
  readonly lost: boolean;
  readonly twice: boolean;
}
/** A push changes a module; or the root, which then calls these modules and no other. */
type Pushed = { readonly module: number } | { readonly calls: readonly number[] };
type Happening =
  | { readonly is: 'schedule' | 'manual' | 'aside' | 'sweep' }
  | { readonly is: 'push'; readonly pushed: Pushed }
  | { readonly is: 'deliver'; readonly which: number; readonly twice: boolean }
  | ({ readonly is: 'end' } & End)
  | { readonly is: 'room'; readonly room: boolean }
  | { readonly is: 'time'; readonly seconds: number };

const yes = fc.boolean();
const is = <T extends Happening['is']>(name: T): fc.Arbitrary<T> => fc.constant(name);
const module = fc.nat(1);
const pushed: fc.Arbitrary<Pushed> = fc.oneof(
  fc.record({ module }),
  fc.record({ calls: fc.uniqueArray(module, { maxLength: 2 }) }),
);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ is: is('push'), pushed }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constantFrom('schedule', 'manual', 'aside') }) },
  { weight: 2, arbitrary: fc.record({ is: is('sweep') }) },
  { weight: 8, arbitrary: fc.record({ is: is('deliver'), which: fc.nat(20), twice: yes }) },
  { weight: 3, arbitrary: fc.record({ is: is('end'), ok: yes, drift: yes, lost: yes, twice: yes }) },
  { weight: 2, arbitrary: fc.record({ is: is('room'), room: yes }) },
  { weight: 2, arbitrary: fc.record({ is: is('time'), seconds: fc.integer({ min: 1, max: 900 }) }) },
);
interface Build {
  readonly runId: string;
  readonly commit: string;
  status: string | null;
}
const SOURCE = {
  ...{ name: 'infra', url: 'https://git.example/acme/infra.git', ref: 'main' },
  ...{ webhook: { secret: 'git/webhook' }, statuses: { secret: 'git/statuses' } },
};
const HOOKED = { ...TARGET, source: SOURCE, allowOtherCommits: true } as const;
type Message = { readonly functionName: string; readonly payload: unknown };

/** A service whose messages come in any order, twice or never, whose builds find no room, and whose time passes. */
class Service {
  readonly world = {
    ...testWorld(HOOKED),
    changes: {
      between: async (_host: unknown, _url: string, { before, after }: PushRange) => this.changed(before, after),
    },
  };
  /** What each commit after the first has changed, and what the target is made of since. */
  readonly history: { readonly files: readonly string[]; readonly paths: readonly string[] }[] = [
    { files: [], paths: [TARGET.terraform.path] },
  ];
  /** What the git host shows of commits, and those of which it must show something. */
  readonly shown = new Map<string, string>();
  readonly toBeShown = new Set<string>();
  /** When a push was first told. */
  readonly told = new Map<number, string>();
  readonly pending: Message[] = [];
  readonly builds = new Map<string, Build>();
  tokens = new Map<string, string>();
  head = 1;
  room = true;
  /** The newest commit that somebody was told to be looked at. */
  promised = 0;

  constructor() {
    const { world } = this;
    world.head.commit = commitOf(this.head);
    world.branches.add(commitOf(OTHER));
    world.builds.start = async ({ token, environment }) => {
      if (!this.room) return { throttled: 'no room' };
      const build = this.tokens.get(token) ?? buildArn(`b${this.builds.size}`);
      const commit = world.store.json<Ticket>(keys.ticket(environment['TICKET'] ?? ''))?.run.commit ?? '';
      if (!this.builds.has(build)) this.builds.set(build, { runId: token, commit, status: null });
      this.tokens.set(token, build);
      return { build };
    };
    world.builds.describe = async (arn) => {
      const status = this.builds.get(arn)?.status;
      return status === undefined ? null : { ended: status !== null, status: status ?? 'IN_PROGRESS', log: arn };
    };
  }

  get state(): TargetState | null {
    return this.world.store.json<TargetState>(keys.state(TARGET.name));
  }
  get queue(): Queue | null {
    return this.world.store.json<Queue>(keys.queue(TARGET.name));
  }
  get isQuiet(): boolean {
    const isFree = (this.queue?.running ?? null) === null && (this.queue?.waiting ?? null) === null;
    return isFree && this.pending.length === 0 && [...this.builds.values()].every(({ status }) => status !== null);
  }

  paths(commit: string | null | undefined): readonly string[] {
    return this.history[numberOf(commit) - 1]?.paths ?? [];
  }
  changed(before: string, after: string): readonly string[] {
    return this.history.slice(numberOf(before), numberOf(after)).flatMap(({ files }) => files);
  }

  push(what: Pushed): void {
    const { path } = TARGET.terraform;
    const [files, paths] =
      'module' in what
        ? [[`modules/${what.module}/main.tf`], this.paths(commitOf(this.head))]
        : [[`${path}/main.tf`], [path, ...what.calls.map((called) => `modules/${called}`)]];
    this.history.push({ files, paths });
    this.head += 1;
    this.world.head.commit = commitOf(this.head);
    this.pending.push({ functionName: 'webhook', payload: this.head });
  }

  /** Asks for what a push touches, as the newest verdict remembers it. */
  async hear(pushed: number): Promise<void> {
    const [before, after] = [commitOf(pushed - 1), commitOf(pushed)];
    const push = { urls: [SOURCE.url], ref: 'refs/heads/main', before, after, files: this.changed(before, after) };
    const paths = this.state?.paths ?? null;
    const { targets } = await decide(
      { ...push, mayBeForced: false, author: null },
      [SOURCE],
      [HOOKED],
      async () => paths,
    );
    const at = this.told.get(pushed) ?? this.world.clock.now.toISOString();
    this.told.set(pushed, at);
    const by = { host: 'github', delivery: String(pushed) } as const;
    if (targets.length > 0) this.ask({ trigger: 'push', at, seed: `github ${pushed}`, by });
  }

  pass(milliseconds: number): string {
    this.world.clock.now = new Date(this.world.clock.now.getTime() + milliseconds);
    return this.world.clock.now.toISOString();
  }

  ask(request: Omit<StartRequest, 'target'>): void {
    this.pending.push({ functionName: 'dispatch', payload: { target: TARGET.name, ...request } });
  }

  async show(run: PushedRun): Promise<void> {
    const send = async ({ url, body }: StatusRequest): Promise<void> => {
      this.shown.set(url.split('/').at(-1) ?? '', (JSON.parse(body) as { state: string }).state);
    };
    await tellStatus(run, { ...this.world, statuses: { send }, region: 'eu-west-1' });
  }

  /** That run looks at what was pushed, at its own commit, or at what is newest when its turn has come. */
  promise(runId: string, { by }: StartRequest): void {
    const { running, waiting } = this.queue ?? {};
    if (by?.host !== undefined && running?.runId === runId) this.toBeShown.add(running.commit);
    const own = running?.runId === runId ? numberOf(running.commit) : 0;
    // One that was asked for before the run in progress has nothing to look for when that is judged.
    const newest = waiting?.runId === runId && runId > (running?.runId ?? '') ? this.head : 0;
    this.promised = Math.max(this.promised, own, newest, Number(by?.delivery ?? 0));
  }

  async handle({ functionName, payload }: Message): Promise<void> {
    const before = this.state?.last?.runId ?? '';
    if (functionName === 'dispatch') {
      const request = payload as StartRequest;
      const { runId } = await startRun(request, this.world);
      if (runId !== null && request.commit === undefined) this.promise(runId, request);
    } else if (functionName === 'webhook') {
      await this.hear(payload as number);
    } else if (functionName === deployed.function('commit-status')) {
      await this.show(payload as PushedRun);
    } else {
      await finishRun((payload as { ended: RunEnded }).ended, this.world);
    }
    this.pending.push(...this.world.sent.splice(0));
    const { last } = this.state ?? {};
    expect((last?.runId ?? '') >= before, 'a newer verdict stands').toBe(true);
    expect(numberOf(last?.commit), 'what looked aside is no verdict').not.toBe(OTHER);
  }

  async end({ ok, drift, lost, twice }: End): Promise<void> {
    const [arn, build] = [...this.builds].find(([, { status }]) => status === null) ?? [];
    if (arn === undefined || build === undefined) return;
    const { runId, commit } = build;
    const status = ok ? 'SUCCEEDED' : 'FAILED';
    build.status = status;
    const now = this.pass(1);
    const found = drift ? ({ verdict: 'drifted', findings: [finding(`sg.${commit}`)] } as const) : {};
    const paths = this.paths(commit);
    const about = { commit: { checked: commit, lastInSync: null }, startedAt: now, endedAt: now, paths };
    const left = JSON.stringify(report(runId, { ...about, ...found }));
    if (ok) await this.world.store.put(keys.inbox(ROLE_ID, arn.split(':').at(-1) ?? ''), left);
    const ended = { target: TARGET.name, runId, ticket: null, function: null, failure: null };
    const message = { functionName: 'record', payload: { ended: { ...ended, build: { arn, status, log: arn } } } };
    if (!lost) this.pending.push(message);
    if (twice) this.pending.push(message);
  }

  async sweep(): Promise<void> {
    await sweep(this.world);
    this.pending.push(...this.world.sent.splice(0));
  }

  async act(happened: Happening): Promise<void> {
    const at = this.pass(1);
    switch (happened.is) {
      case 'push':
        return this.push(happened.pushed);
      case 'schedule':
        // The time that it was due, which may be a minute ago.
        return this.ask({ trigger: 'schedule', at: `${at.slice(0, 17)}00.000Z` });
      case 'manual':
        return this.ask({ trigger: 'manual', at, seed: at });
      case 'aside':
        return this.ask({ trigger: 'manual', at, seed: at, commit: commitOf(OTHER) });
      case 'deliver': {
        const [message] = this.pending.splice(happened.which % Math.max(1, this.pending.length), 1);
        if (message !== undefined) await this.handle(message);
        if (message !== undefined && happened.twice) await this.handle(message);
        return;
      }
      case 'end':
        return this.end(happened);
      case 'sweep':
        return this.sweep();
      case 'room':
        this.room = happened.room;
        return;
      case 'time':
        this.pass(happened.seconds * 1000);
        // CodeBuild forgets tokens after five minutes.
        this.tokens.clear();
    }
  }

  /** Until nothing is left to be done. */
  async settle(): Promise<void> {
    this.room = true;
    for (let rounds = 0; rounds < 60; rounds += 1) {
      for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) await this.handle(next);
      await this.end({ ok: true, drift: false, lost: false, twice: false });
      if (this.isQuiet) return;
      this.pass(5 * 60_000);
      await this.sweep();
    }
  }
}

it('whatever comes in whatever order: the target is free in the end, and its verdict of the newest commit asked for', async () => {
  const property = fc.asyncProperty(
    yes,
    fc.array(happening, { minLength: 5, maxLength: 60 }),
    async (known, events) => {
      const service = new Service();
      if (known) {
        service.ask({ trigger: 'manual' });
        await service.settle();
      }
      for (const happened of events) await service.act(happened);
      await service.settle();
      expect(service.isQuiet, JSON.stringify(service.queue)).toBe(true);
      if (service.promised === 0) return;
      expect([...service.shown.values()], 'a status that nobody ends').not.toContain('pending');
      expect([...service.shown.keys()]).toEqual(expect.arrayContaining([...service.toBeShown]));
      const { last, paged, paths } = service.state ?? {};
      expect(numberOf(last?.commit)).toBeGreaterThanOrEqual(service.promised);
      // What could not be seen is seen by the next run, whatever it is made of.
      const missed = paths == null ? [] : service.changed(last?.commit ?? '', commitOf(service.head));
      expect(touching(missed)(paths ?? []), 'nothing that it is made of was pushed since').toBe(false);
      expect(metric(service.world, 'drift')).toBe(paged?.length);
    },
  );
  await fc.assert(property, { numRuns: 500 });
}, 60_000);
