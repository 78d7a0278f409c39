import { keys, METRICS } from '#drift/names.ts';
import { tick } from '#drift/state/advance.ts';
import { confirmationDue, unacknowledgedFindings } from '#drift/state/paging.ts';
import {
  byFunction,
  MAX_QUEUE_BYTES,
  type Queue,
  queueSchema,
  type Running,
  type Waiting,
} from '#drift/state/queue.ts';
import { MAX_STATE_BYTES, newState, stateSchema, type TargetState } from '#drift/state/state.ts';
import type { Target } from '#drift/target.ts';
import type { Builds, DeadLetters, MetricDatum } from '#services/ports.ts';
import { readRecord, updateRecord } from '#services/records.ts';
import { announce, targetMetrics } from './announce.ts';
import { type FinishWorld, type RunEnded, startRequest } from './finish.ts';
import type { StartRequest } from './start.ts';

export interface SweepWorld extends FinishWorld {
  readonly builds: Builds;
  readonly deadLetters: DeadLetters;
  readonly recordFunction: string;
}

/** A run that was claimed but has no build or function yet is left to its own retries for this long. */
const START_PATIENCE_MS = 10 * 60 * 1000;
/** A build's end is asked for only when its event had this long to arrive. */
const EVENT_PATIENCE_MS = 2 * 60 * 1000;
/** Targets looked at side by side. */
const WIDTH = 20;

/**
 * What time does, for every target: staleness, graces, runs that never ended, starts that waited, announcements that
 * were left over; both metrics again; last the heartbeat, only if all of it could be done.
 * @returns one sentence that says what happened
 */
export async function sweep(world: SweepWorld): Promise<string> {
  const failed: string[] = [];
  const targets = [...world.config.targets];
  const worker = async (): Promise<void> => {
    for (let target = targets.shift(); target !== undefined; target = targets.shift()) {
      const { name } = target;
      await tend(target, world).catch(async (error: unknown) => {
        failed.push(name);
        world.log.error('target could not be swept', { target: name, error: String(error) });
        await world.metrics.publish([{ name: METRICS.unknown, target: name, value: 1 }], world.now());
      });
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  const dead = (await world.deadLetters.depths()).filter((letter) => letter.messages > 0);
  for (const letter of dead) world.log.error('dead letters', { queue: letter.queue, messages: letter.messages });
  if (failed.length > 0) throw new Error(`could not sweep ${failed.join(', ')}: no heartbeat`);
  await world.metrics.publish([{ name: METRICS.heartbeat, value: 1 } satisfies MetricDatum], world.now());
  return `swept ${world.config.targets.length} targets`;
}

async function tend(target: Target, world: SweepWorld): Promise<void> {
  const queue = await readRecord(world.store, keys.queue(target.name), queueSchema, MAX_QUEUE_BYTES);
  if (queue !== null) await tendQueue(target, queue.value, world);
  const state = await tendState(target, world);
  await announce(state, target, world);
  if (queue?.value.running == null) await confirm(state, target, world);
  if (queue?.value.running !== undefined && queue.value.running !== null) await correct(state, target, world);
}

async function tendState(target: Target, world: SweepWorld): Promise<TargetState> {
  return updateRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES, (current) => {
    const state = current ?? newState(target.name, world.now());
    const next = tick(state, target, world.now());
    return current !== null && JSON.stringify(next) === JSON.stringify(current) ? current : next;
  });
}

/** Asks for the second look that new drift needs before it pages; asking twice is one run. */
async function confirm(state: TargetState, target: Target, world: SweepWorld): Promise<void> {
  const now = world.now();
  const due = confirmationDue(state, unacknowledgedFindings(state, target, now), target);
  if (due === null || now < due) return;
  const request: StartRequest = {
    target: target.name,
    trigger: 'confirm',
    at: due.toISOString(),
    seed: state.last?.runId ?? '',
  };
  await world.functions.send(world.dispatchFunction, request);
}

/** A run that was judged while the old figures were being sent must not be shown as it was before. */
async function correct(sent: TargetState, target: Target, world: SweepWorld): Promise<void> {
  const state = await readRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES);
  if (state === null || state.value.last?.runId === sent.last?.runId) return;
  const now = world.now();
  await world.metrics.publish(targetMetrics(state.value, target, now), now);
}

async function tendQueue(target: Target, queue: Queue, world: SweepWorld): Promise<void> {
  if (queue.running !== null) {
    const ended = await runEnded(target, queue.running, world);
    if (ended !== null) await world.functions.send(world.recordFunction, { source: 'plumbline', ended });
    return;
  }
  if (queue.waiting === null) return;
  const { throttled, deadline } = queue.waiting;
  if (throttled !== null && world.now() >= new Date(deadline)) {
    const ended = neverStarted(target, queue.waiting, throttled);
    await world.functions.send(world.recordFunction, { source: 'plumbline', ended });
    return;
  }
  // One that only waited for another has not been tried yet, however long that took.
  await world.functions.send(world.dispatchFunction, startRequest(target.name, queue.waiting));
}

function neverStarted(target: Target, { runId, at }: Waiting, reason: string): RunEnded {
  const failure = `throttled since ${at}: ${reason}`;
  return { target: target.name, runId, ticket: null, build: null, function: null, failure };
}

/** Whether a run in progress is over in truth; null while it may still end on its own. */
async function runEnded(target: Target, running: Running, world: SweepWorld): Promise<RunEnded | null> {
  const age = world.now().getTime() - Date.parse(running.claimedAt);
  const { runId, ticket, build: arn } = running;
  const about = { target: target.name, runId, ticket, build: null, function: null };
  if (arn === null) {
    if (age < START_PATIENCE_MS) return null;
    const what = target.layer === 'kubernetes' ? 'function' : 'build';
    return { ...about, failure: `its ${what} could not be started since ${running.claimedAt}` };
  }
  const late = world.now() >= new Date(running.deadline);
  if (byFunction(running)) {
    // Whatever becomes of a function, Lambda tells `record`; there is nobody to ask.
    const failure = `the function ${arn} told of no end until the deadline ${running.deadline}`;
    return late ? { ...about, function: { problem: null }, failure } : null;
  }
  if (age < EVENT_PATIENCE_MS) return null;
  const build = await world.builds.describe(arn);
  if (build?.ended === true) {
    return { ...about, build: { arn, status: build.status, log: build.log }, failure: null };
  }
  if (!late) return null;
  const what = build === null ? 'is no longer known to CodeBuild' : `is still ${build.status}`;
  return {
    ...about,
    build: { arn, status: build?.status ?? 'GONE', log: build?.log ?? null },
    failure: `the build ${what} after its deadline ${running.deadline}`,
  };
}
