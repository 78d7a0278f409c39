import { logGroupLink } from '#drift/console.ts';
import { deployed, keys } from '#drift/names.ts';
import type { Note } from '#drift/note.ts';
import { usedTargets, variablesOf } from '#drift/outputs.ts';
import { renderReport } from '#drift/page/report-page.ts';
import { MAX_REPORT_BYTES, type Report, reportSchema } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import { advance } from '#drift/state/advance.ts';
import { conclude, type Ended, type Evidence } from '#drift/state/conclude.ts';
import { EMPTY_QUEUE, joinedFrom, MAX_QUEUE_BYTES, queueSchema, released, type Waiting } from '#drift/state/queue.ts';
import { MAX_STATE_BYTES, newState, stateSchema } from '#drift/state/state.ts';
import type { DeployedConfig, Target } from '#drift/target.ts';
import { configChangeSchema, configNote } from '#drift/webhook/config-file.ts';
import { type Functions, type Log, ObjectTooLarge } from '#services/ports.ts';
import { DamagedRecord, readRecord, updateRecord } from '#services/records.ts';
import { type AnnounceWorld, announce } from './announce.ts';
import { readRun } from './run-record.ts';
import type { StartRequest } from './start.ts';
import { askForStatus } from './status.ts';

const MAX_CHANGE_BYTES = 64 * 1024;

/** A run that is over. */
export interface RunEnded {
  readonly target: string;
  readonly runId: string;
  /** Name of the run's ticket, for whoever has no build to name: the function that compared, or `sweep`. */
  readonly ticket: string | null;
  readonly build: { readonly arn: string; readonly status: string; readonly log: string | null } | null;
  /** `problem`: why its end was a bad one. */
  readonly function: { readonly problem: string | null } | null;
  /** It could not be started, or never ended. */
  readonly failure: string | null;
}

export interface FinishWorld extends AnnounceWorld {
  readonly config: DeployedConfig;
  readonly functions: Functions;
  readonly dispatchFunction: string;
  /** CodeBuild project → unique id of its service role. */
  readonly buildRoles: Readonly<Record<string, string>>;
  readonly log: Log;
}

/**
 * Judges a run, once: report, then state with its outbox, then the announcements, then the queue. Each step finds out
 * for itself whether it was done before, so that the whole may be repeated after a crash at any point.
 * @returns one sentence that says what happened
 */
export async function finishRun(ended: RunEnded, world: FinishWorld): Promise<string> {
  const target = world.config.targets.find((candidate) => candidate.name === ended.target);
  if (target === undefined) return `there is no target ${ended.target} in the deployed config`;
  const run = await runThatEnded(ended, target, world);
  if (run === null) return `nobody asked for a run ${ended.runId} of ${ended.target}: not judged`;

  if (await isForeign(ended, world)) {
    const who = ended.build === null ? 'who says that it ended' : `build ${ended.build.arn}`;
    return `${who} is not the one of run ${ended.runId}: not judged`;
  }

  const report = await judgeOnce(run, ended, target, world);
  const state = await updateRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES, (current) =>
    advance(current ?? newState(target.name, world.now()), report, target, world.config.rules, world.now()),
  );
  await announce(state, target, world);
  if (report.aside === true || state.last?.runId === report.runId) await writePages(report, target, world);
  await tellOfEnd(report, target, world);
  await release(report, target, world);
  await startUsers(report, world);
  world.log.info('run judged', summary(report));
  return `run ${report.runId} of ${target.name} is ${report.verdict}: ${report.reason}`;
}

/**
 * The run as it was asked for. Of one that was claimed and lost before it was written down, which is a matter of some
 * milliseconds, only the queue tells: it would hold the target for ever if nobody could end it.
 */
async function runThatEnded(
  { target: name, runId, failure }: RunEnded,
  { layer }: Target,
  { store, config }: FinishWorld,
): Promise<Run | null> {
  const written = await readRun(name, runId, store);
  if (written !== null || failure === null) return written;
  const claimed = (await readRecord(store, keys.queue(name), queueSchema, MAX_QUEUE_BYTES))?.value.running;
  if (claimed?.runId !== runId) return null;
  const { trigger, by, aside, commit, claimedAt: requestedAt, deadline } = claimed;
  return {
    ...{ schema: 'plumbline.run/1', runId, target: name, layer, trigger, commit, requestedAt, deadline },
    ...(by === undefined ? {} : { by }),
    ...(aside === undefined ? {} : { aside }),
    config: { hash: config.hash, commit: config.commit },
  };
}

/**
 * Whether somebody only claims that the run ended: a build that a person started with its variables, or whoever may
 * call `record` and does not know the ticket. What has been judged is not judged anew, whoever says it again.
 */
async function isForeign(ended: RunEnded, world: FinishWorld): Promise<boolean> {
  const queue = await readRecord(world.store, keys.queue(ended.target), queueSchema, MAX_QUEUE_BYTES);
  const running = queue?.value.running ?? null;
  if (running?.runId === ended.runId) {
    if (ended.build === null) return ended.ticket !== running.ticket;
    return running.build !== null && running.build !== ended.build.arn;
  }
  // What never started has no worker to be mistaken for. A queue that a person has deleted tells of nobody.
  if (ended.function === null && (ended.build === null || queue === null)) return false;
  const judged = await readReport(ended, world);
  // A build that a person retries has the variables of the one that was judged, and another log.
  return judged === null || isOther(judged.log, ended.build?.log ?? null);
}

const isOther = (judged: string | null, log: string | null): boolean =>
  judged !== null && log !== null && judged !== log;

async function readReport({ target, runId }: RunEnded, { store }: FinishWorld): Promise<Report | null> {
  return (await readRecord(store, keys.report(target, runId), reportSchema, MAX_REPORT_BYTES))?.value ?? null;
}

/** The report as it was judged first; only if there is none yet, it is judged now. */
async function judgeOnce(run: Run, ended: RunEnded, target: Target, world: FinishWorld): Promise<Report> {
  const key = keys.report(run.target, run.runId);
  const before = await readReport(ended, world);
  if (before !== null) return before;
  const state = await readRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES);
  const evidence = await readEvidence(ended, world);
  const judged = conclude(
    run,
    endOf(ended, target),
    evidence,
    target,
    state?.value ?? null,
    world.config.rules,
    world.now(),
  );
  const note = await noteOnConfig(world);
  const report = note === null ? judged : { ...judged, notes: [...judged.notes, note] };
  if (await world.store.create(key, `${JSON.stringify(report)}\n`, 'application/json')) return report;
  const faster = await readReport(ended, world);
  if (faster === null) throw new Error(`${key} was there and is gone`);
  return faster;
}

/** That what counts is not what git says of us; what cannot be read of it changes no verdict. */
async function noteOnConfig({ store, config }: FinishWorld): Promise<Note | null> {
  try {
    const change = await readRecord(store, keys.configChange, configChangeSchema, MAX_CHANGE_BYTES);
    return change === null ? null : configNote(change.value, config);
  } catch (error) {
    if (error instanceof DamagedRecord || error instanceof ObjectTooLarge) return null;
    throw error;
  }
}

/** How the run ended, whatever compared. */
function endOf({ build, function: compared, failure }: RunEnded, { layer, environment }: Target): Ended {
  if (build !== null) {
    const problem = `the build ended ${build.status} before the check was complete; its log tells why`;
    return { worker: { problem: build.status === 'SUCCEEDED' ? null : problem, log: build.log }, failure };
  }
  if (compared === null) return { worker: null, failure };
  const { name, region } = environment;
  const log = region === undefined ? null : logGroupLink(region, deployed.logGroup(layer, name));
  return { worker: { problem: compared.problem, log }, failure };
}

async function readEvidence(ended: RunEnded, world: FinishWorld): Promise<Evidence> {
  const inbox = inboxOf(ended, world.buildRoles);
  if ('missing' in inbox) return inbox;
  try {
    const object = await world.store.read(inbox.key, MAX_REPORT_BYTES);
    if (object !== null) return { text: object.text };
    return { missing: `the ${ended.build === null ? 'function' : 'build'} left no report` };
  } catch (error) {
    if (!(error instanceof ObjectTooLarge)) throw error;
    return { missing: `the report is larger than ${MAX_REPORT_BYTES} bytes` };
  }
}

/**
 * Where the worker can write and nobody else: a build, `…:build/<project>:<uuid>`, by its role and id; a function by the
 * address in its ticket.
 */
function inboxOf(
  { build, function: compared, ticket }: RunEnded,
  buildRoles: FinishWorld['buildRoles'],
): { readonly key: string } | { readonly missing: string } {
  if (build === null) {
    return compared === null || ticket === null
      ? { missing: 'there was no build' }
      : { key: keys.functionInbox(ticket) };
  }
  const [project, uuid] = build.arn.split(':build/')[1]?.split(':') ?? [];
  const role = project === undefined ? undefined : buildRoles[project];
  if (role === undefined || uuid === undefined) return { missing: `the build ${build.arn} is none of ours` };
  return { key: keys.inbox(role, uuid) };
}

/** For people; derived from the report, so written again without harm. */
async function writePages(report: Report, target: Target, world: FinishWorld): Promise<void> {
  const page = renderReport(report);
  await world.store.put(keys.reportPage(target.name, report.runId), page, 'text/html; charset=utf-8');
  if (report.aside !== true) await world.store.put(keys.statePage(target.name), page, 'text/html; charset=utf-8');
}

/**
 * Before the target is freed: only the queue knows of a push that joined the run, and this may be repeated. A push that
 * joins from now on finds the report.
 */
async function tellOfEnd(report: Report, { name, source }: Target, world: FinishWorld): Promise<void> {
  if (source?.statuses === undefined) return;
  const queue = await readRecord(world.store, keys.queue(name), queueSchema, MAX_QUEUE_BYTES);
  await askForStatus(report, joinedFrom(queue?.value ?? EMPTY_QUEUE, report.runId), source, world.functions);
}

/** Frees the target and lets the next waiting run start. */
async function release(report: Report, target: Target, world: FinishWorld): Promise<void> {
  let next: Waiting | null = null;
  let ticket: string | null = null;
  await updateRecord(world.store, keys.queue(target.name), queueSchema, MAX_QUEUE_BYTES, (current) => {
    const queue = current ?? EMPTY_QUEUE;
    const after = released(queue, report);
    ticket = queue.running?.runId === report.runId ? queue.running.ticket : null;
    next = after.running === null ? after.waiting : null;
    const isSame = after.running === queue.running && after.waiting === queue.waiting && after.judged === queue.judged;
    return isSame && current !== null ? current : after;
  });
  if (ticket !== null) await world.store.delete(keys.ticket(ticket));
  if (next !== null) await world.functions.send(world.dispatchFunction, startRequest(target.name, next));
}

/** What could not start for want of an output of this target need not wait for its schedule. */
async function startUsers(report: Report, world: FinishWorld): Promise<void> {
  if (report.aside === true || Object.keys(report.outputs ?? {}).length === 0) return;
  for (const target of world.config.targets) {
    if (!usedTargets(variablesOf(target)).has(report.target)) continue;
    const state = await readRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES);
    const last = state?.value.last ?? null;
    if (last?.verdict !== 'unknown' || last.commit !== null) continue;
    // The same request, however often this is repeated.
    const { trigger, runId: seed, endedAt: at } = report;
    const request: StartRequest = { target: target.name, trigger, at, seed };
    await world.functions.send(world.dispatchFunction, request);
  }
}

/** The request that a waiting run was, asked for again. */
export function startRequest(target: string, waiting: Waiting): StartRequest {
  const { trigger, at, seed, by } = waiting;
  return { target, trigger, at, seed, ...(by === undefined ? {} : { by }) };
}

/** What the shipped Logs Insights queries look for. */
function summary(report: Report): Readonly<Record<string, unknown>> {
  return {
    target: report.target,
    runId: report.runId,
    trigger: report.trigger,
    by: report.by ?? null,
    aside: report.aside ?? false,
    commit: report.commit.checked,
    verdict: report.verdict,
    findings: report.findings.length + (report.unlisted ?? 0),
    acknowledged: report.findings.filter(({ acknowledged }) => acknowledged !== null).length,
    compared: report.coverage.compared,
    total: report.coverage.total,
    exitCode: report.tool?.exitCode ?? null,
    seconds: (Date.parse(report.endedAt) - Date.parse(report.startedAt)) / 1000,
  };
}
