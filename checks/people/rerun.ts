import pLimit from 'p-limit';
import * as z from 'zod';
import { keys } from '#drift/names.ts';
import type { Asked, RerunRequest } from '#drift/rerun.ts';
import type { AskedBy } from '#drift/run.ts';
import { tick } from '#drift/state/advance.ts';
import { isWatched, MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { DeployedConfig, Target } from '#drift/target.ts';
import { FunctionError, type Functions, type Log, type ObjectStore } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';
import type { StartRequest } from '../runs/start.ts';

export interface RerunWorld {
  readonly config: Pick<DeployedConfig, 'targets'>;
  readonly store: Pick<ObjectStore, 'read'>;
  readonly functions: Pick<Functions, 'ask'>;
  readonly dispatchFunction: string;
  /** The console's page of an object of the results bucket. */
  readonly linkTo: (key: string) => string;
  readonly now: () => Date;
  /** A fresh string. */
  readonly random: () => string;
  /** Milliseconds until whoever asked must have been answered. */
  readonly msLeft: () => number;
  readonly log: Log;
}

/** Targets that are asked for side by side: a young account runs ten functions at once, this one included. */
const WIDTH = 8;

/** As long as `dispatch` may take, and a little: an answer that comes too late tells nobody what was started. */
const LONGEST_ASK_MS = 65_000;

const startedSchema = z.object({ runId: z.string().nullable(), sentence: z.string() });

/**
 * Starts what a person asks for, and says what became of each target. It can ask `dispatch` for a look at what a
 * schedule looks at, and for nothing else; that one decides whether another commit may be checked. What goes wrong with
 * one target takes no other with it.
 */
export async function rerun(request: RerunRequest, world: RerunWorld): Promise<readonly Asked[]> {
  const names = await namesOf(request, world);
  const by: AskedBy = {
    ...(request.actor === undefined ? {} : { actor: request.actor }),
    ...(request.via === undefined ? {} : { via: request.via }),
  };
  return pLimit(WIDTH).map(names, (name) => askFor(name, by, request.commit, world));
}

async function namesOf(request: RerunRequest, world: RerunWorld): Promise<readonly string[]> {
  if ('target' in request) return [request.target];
  if ('targets' in request) return [...new Set(request.targets)];
  const { targets } = world.config;
  const stale = await pLimit(WIDTH).map(targets, (target) => isStale(target, world));
  return targets.flatMap(({ name }, index) => (stale[index] ? [name] : [])).sort();
}

/** The service will meet soon what it has not met yet. */
async function isStale(target: Target, { store, now, log }: RerunWorld): Promise<boolean> {
  try {
    const state = await readRecord(store, keys.state(target.name), stateSchema, MAX_STATE_BYTES);
    return state !== null && tick(state.value, target, now()).stale;
  } catch (error) {
    // A look too many does no harm.
    log.warn('state could not be read', { target: target.name, error: String(error) });
    return isWatched(target);
  }
}

async function askFor(name: string, by: AskedBy, commit: string | undefined, world: RerunWorld): Promise<Asked> {
  if (!world.config.targets.some((target) => target.name === name)) {
    return { target: name, runId: null, sentence: `there is no target ${name} in the deployed config`, link: null };
  }
  if (world.msLeft() < LONGEST_ASK_MS) {
    const sentence = `${name} was not asked for, as the others took all the time: ask again`;
    return { target: name, runId: null, sentence, link: world.linkTo(keys.statePage(name)) };
  }
  const request: StartRequest = {
    ...{ target: name, trigger: 'manual', at: world.now().toISOString(), seed: world.random() },
    ...(Object.keys(by).length === 0 ? {} : { by }),
    ...(commit === undefined ? {} : { commit }),
  };
  const { runId, sentence } = await askDispatch(request, world);
  world.log.info('asked for', { target: name, runId, by, commit: commit ?? null, sentence });
  const key = runId === null ? keys.statePage(name) : keys.reportPage(name, runId);
  return { target: name, runId, sentence, link: world.linkTo(key) };
}

async function askDispatch(
  request: StartRequest,
  { functions, dispatchFunction, log }: RerunWorld,
): Promise<z.infer<typeof startedSchema>> {
  try {
    return startedSchema.parse(await functions.ask(dispatchFunction, request));
  } catch (error) {
    log.error('could not be asked for', { target: request.target, error: String(error) });
    const why = error instanceof FunctionError ? error.message : 'the log of this function tells why';
    return { runId: null, sentence: `${request.target} could not be started: ${why}` };
  }
}
