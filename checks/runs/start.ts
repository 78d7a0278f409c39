import * as z from 'zod';
import { keys } from '#drift/names.ts';
import { OutputMissing, usedTargets, variablesOf, withOutputsIn } from '#drift/outputs.ts';
import { askedBySchema, COMMIT_ID, newRunId, type Run, TRIGGERS } from '#drift/run.ts';
import { claim, EMPTY_QUEUE, MAX_QUEUE_BYTES, queueSchema } from '#drift/state/queue.ts';
import { MAX_STATE_BYTES, stateSchema, type TargetState } from '#drift/state/state.ts';
import type { Source, Target } from '#drift/target.ts';
import { sinceSchema, unsurePushSchema } from '#drift/webhook/changes.ts';
import type { Host } from '#drift/webhook/delivery.ts';
import { GitError, type GitRemote, type Log, SecretError } from '#services/ports.ts';
import { readRecord, updateRecord } from '#services/records.ts';
import { type BeginWorld, beginRun, START_ALLOWANCE_SECONDS } from './begin.ts';
import type { RunEnded } from './finish.ts';
import { askForStatus } from './status.ts';
import { reasonAgainstPush, type UntouchedWorld } from './untouched.ts';

/** Asks for a run. `at` and `seed` make two deliveries of one request the same run. */
export const startRequestSchema = z
  .object({
    target: z.string().max(200),
    trigger: z.enum(TRIGGERS),
    /** The time it was asked for, ISO; default now. */
    at: z.iso.datetime({ offset: true }).optional(),
    seed: z.string().max(200).optional(),
    by: askedBySchema.optional(),
    /** Another commit than that of the source's ref, where the target allows it. */
    commit: z.string().regex(COMMIT_ID, 'is no commit: write all 40 hex digits').optional(),
    /** A push whose files nobody told. */
    push: unsurePushSchema.exactOptional(),
    /** What may have been pushed while a run looked that did not know of these paths yet. */
    since: sinceSchema.exactOptional(),
  })
  .readonly();
export type StartRequest = z.infer<typeof startRequestSchema>;

/** Clocks differ by far less. A run of the future would be newer than all that come until then, and no verdict would count. */
const MAX_AHEAD_MS = 60 * 60 * 1000;

/** What became of a request. */
export interface Started {
  /** The run that looks for it: its own, or the one that it joined or waits as. Null: none does. */
  readonly runId: string | null;
  readonly sentence: string;
}

export interface StartWorld extends BeginWorld {
  readonly git: GitRemote;
  readonly changes: UntouchedWorld['changes'];
  readonly recordFunction: string;
  readonly now: () => Date;
  /** A fresh string that cannot be guessed. */
  readonly random: () => string;
  readonly log: Log;
}

/**
 * Starts one run of one target: resolves the commit from git, claims the target, writes the run record, then starts
 * its build or function. Doing it twice with the same request is one run.
 */
export async function startRun(request: StartRequest, world: StartWorld): Promise<Started> {
  const target = world.config.targets.find((candidate) => candidate.name === request.target);
  if (target === undefined) return refused(`there is no target ${request.target} in the deployed config`);
  if (target.retired) return refused(`${target.name} is retired: it is no longer checked`);
  if (!target.enabled) return refused(`${target.name} is paused (enabled: false)`);
  const { source } = target;
  if (source === undefined) return refused(`${target.name} has no source: it can only be checked locally`);
  if (request.commit !== undefined) {
    const reason = reasonAgainst(target, source);
    if (reason !== null) return refused(reason);
  }

  const { host } = request.by ?? {};
  if (request.push !== undefined && host !== undefined) {
    const reason = await reasonAgainstPush(target.name, request.push, { host, source }, world);
    if (reason !== null) return refused(reason);
  }

  const now = world.now();
  const at = request.at === undefined ? now : new Date(request.at);
  if (at.getTime() > now.getTime() + MAX_AHEAD_MS) return refused(`${request.at} is yet to come: leave "at" out`);
  const seed = request.seed ?? request.at ?? world.random();
  const runId = newRunId(at, target.name, request.trigger, seed);
  const deadline = new Date(now.getTime() + (target.timeoutSeconds + START_ALLOWANCE_SECONDS) * 1000).toISOString();
  const run: Run = {
    schema: 'plumbline.run/1',
    runId,
    target: target.name,
    layer: target.layer,
    trigger: request.trigger,
    ...(request.by === undefined ? {} : { by: request.by }),
    commit: null,
    requestedAt: now.toISOString(),
    deadline,
    config: { hash: world.config.hash, commit: world.config.commit },
  };

  const known = target.layer !== 'terraform' ? await readState(target.name, world) : null;
  // It takes seconds: what asked for it may be delivered again when it is long over.
  if (known?.last?.runId === runId || known?.aside?.runId === runId) {
    return { runId, sentence: `run ${runId} was judged already` };
  }

  let found: Found | null;
  let complete: Target;
  try {
    complete = await insertOutputs(target, world);
    found = await findCommit(source, request.commit, world);
  } catch (error) {
    if (!(error instanceof GitError || error instanceof SecretError || error instanceof OutputMissing)) throw error;
    return fail(request.commit === undefined ? run : { ...run, ...ASIDE }, error.message, world);
  }
  if (found === null) {
    return refused(`no branch or tag of ${source.url} is at ${request.commit}: push one that is, then ask again`);
  }

  const { commit, aside } = found;
  const reason = await reasonAgainstSince(request, commit, source, world);
  if (reason !== null) return refused(reason);
  const { trigger } = request;
  const by = request.by === undefined ? {} : { by: request.by };
  const ask = { runId, commit, trigger, ...by, ...aside, seed, at: at.toISOString(), deadline };
  const nonce = world.random();
  let outcome = claim(EMPTY_QUEUE, ask, nonce, now);
  await updateRecord(world.store, keys.queue(target.name), queueSchema, MAX_QUEUE_BYTES, (current) => {
    const queue = current ?? EMPTY_QUEUE;
    outcome = claim(queue, ask, nonce, now);
    return 'queue' in outcome ? outcome.queue : queue;
  });
  if (outcome.kind === 'over') {
    return { runId: outcome.judged, sentence: `run ${outcome.judged} was judged already, which is not older` };
  }
  if (outcome.kind === 'busy') {
    return refused(`${target.name} is being checked (run ${outcome.by.runId}): ask for another commit when it is over`);
  }
  const { running } = outcome;
  if (outcome.kind === 'join') {
    // One that is about to be started tells of itself as soon as there is room for it.
    const isPending = trigger === 'push' && running.joinedFrom !== undefined && running.build !== null;
    if (isPending) await tell({ target: target.name, ...running }, running.joinedFrom, source, world);
    return { runId: running.runId, sentence: `joined run ${running.runId}, which looks at the same commit` };
  }
  if (outcome.kind === 'wait') {
    return { runId: outcome.waiting.runId, sentence: `waits for run ${running.runId} to end` };
  }
  const claimed = { ...run, ...aside, commit: running.commit };
  const begun = await beginRun(complete, claimed, { running, lastInSync: known?.lastInSync ?? null }, world);
  // One for which there was no room may lose its place to a newer one and have no verdict: nobody would end what is
  // pending.
  if (begun.throttled === null) await tell(claimed, begun.joinedFrom, source, world);
  // It has no place among those that wait.
  if (claimed.aside === true && begun.throttled !== null) return fail(claimed, begun.throttled, world);
  return { runId, sentence: begun.sentence };
}

/** The verdict's own status is told in any case; a check never fails for want of this one. */
async function tell(
  run: Pick<Run, 'target' | 'runId' | 'trigger' | 'aside'>,
  joinedFrom: Host | undefined,
  source: Source,
  world: StartWorld,
): Promise<void> {
  await askForStatus(run, joinedFrom, source, world.functions).catch((error: unknown) => {
    world.log.error('commit status not asked for', { target: run.target, runId: run.runId, error: String(error) });
  });
}

const refused = (sentence: string): Started => ({ runId: null, sentence });

/** Why another commit may not be checked; null: it may. */
function reasonAgainst({ name, layer, allowOtherCommits }: Target, { ref }: Source): string | null {
  if (layer === 'nodes') return `${name} is of nodes, where a playbook runs as root: only ${ref} is checked, ever`;
  if (allowOtherCommits === true) return null;
  return `${name} is checked at ${ref} only: the config may allow another commit with allowOtherCommits: true`;
}

/** Why there is nothing to look for since a commit that was looked at; null: there is, or nobody can tell. */
async function reasonAgainstSince(
  { target, since, by }: StartRequest,
  head: string,
  source: Source,
  world: StartWorld,
): Promise<string | null> {
  if (since === undefined) return null;
  const { commit: before, paths } = since;
  if (before === head) return `${source.ref} is still at ${head}, which was looked at`;
  if (by?.host === undefined) return null;
  const reason = await reasonAgainstPush(target, { before, after: head, paths }, { host: by.host, source }, world);
  return reason === null ? null : `${reason}, but for what it was known to be made of before`;
}

const ASIDE = { aside: true } as const;

/** The commit to look at; `aside`: somebody named it, and the source's ref is elsewhere. */
interface Found {
  readonly commit: string;
  readonly aside: Pick<Run, 'aside'>;
}

/** Null: the repository has no branch or tag at the commit that was named. @throws GitError, SecretError */
async function findCommit(source: Source, named: string | undefined, world: StartWorld): Promise<Found | null> {
  const token = source.token === undefined ? null : await world.secrets.read(source.token);
  const commit = await world.git.head(source, token);
  if (named === undefined || named === commit) return { commit, aside: {} };
  return (await world.git.isHead(source, named, token)) ? { commit: named, aside: ASIDE } : null;
}

async function readState(target: string, { store }: StartWorld): Promise<TargetState | null> {
  return (await readRecord(store, keys.state(target), stateSchema, MAX_STATE_BYTES))?.value ?? null;
}

/** The target with what it uses of others, as they were seen last. @throws OutputMissing */
async function insertOutputs(target: Target, world: StartWorld): Promise<Target> {
  if (target.layer === 'kubernetes') return target;
  const vars = variablesOf(target);
  const outputs = new Map<string, Readonly<Record<string, string>>>();
  for (const name of usedTargets(vars)) outputs.set(name, (await readState(name, world))?.outputs ?? {});
  const known = (name: string, output: string): string | null => outputs.get(name)?.[output] ?? null;
  const complete = (of: (value: unknown) => unknown): Readonly<Record<string, unknown>> =>
    Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, withOutputsIn(of(value), known)]));
  return target.layer === 'terraform'
    ? { ...target, terraform: { ...target.terraform, vars: complete(String) } }
    : { ...target, nodes: { ...target.nodes, extraVars: complete((value) => value) } };
}

/** A run that cannot even start is judged like any other: `record` gives the verdict. Whoever asked must not wait for it. */
async function fail(run: Run, reason: string, world: StartWorld): Promise<Started> {
  await world.store.create(keys.run(run.target, run.runId), `${JSON.stringify(run)}\n`, 'application/json');
  // It has a ticket when it was claimed before, by an attempt that went no further.
  const queue = await readRecord(world.store, keys.queue(run.target), queueSchema, MAX_QUEUE_BYTES);
  const running = queue?.value.running;
  const ticket = running?.runId === run.runId ? running.ticket : null;
  const about = { target: run.target, runId: run.runId, ticket };
  const ended: RunEnded = { ...about, build: null, function: null, failure: reason };
  await world.functions.send(world.recordFunction, { source: 'plumbline', ended });
  world.log.warn('run could not start', { target: run.target, runId: run.runId, by: run.by ?? null, reason });
  return refused(`run ${run.runId} could not start: ${reason}`);
}
