import { z } from 'zod';
import { targetKey } from '#drift/fingerprint.ts';
import { BUILD_ENV, deployed, keys } from '#drift/names.ts';
import { OutputMissing, usedTargets, withOutputs } from '#drift/outputs.ts';
import { newRunId, type Run, runSchema, TRIGGERS } from '#drift/run.ts';
import {
  claim,
  EMPTY_QUEUE,
  MAX_QUEUE_BYTES,
  queueSchema,
  type Running,
  started,
  throttled,
} from '#drift/state/queue.ts';
import { MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { DeployedConfig, SecretReference, Target, TerraformTarget } from '#drift/target.ts';
import type { Ticket } from '#drift/ticket.ts';
import {
  type Builds,
  type Functions,
  GitError,
  type GitRemote,
  type Log,
  type ObjectStore,
  SecretError,
  type Secrets,
} from '#services/ports.ts';
import { readRecord, updateRecord } from '#services/records.ts';
import type { RunEnded } from './finish.ts';

/** How long a run may wait for its build's machine, on top of the target's own timeout. */
export const START_ALLOWANCE_SECONDS = 900;
const MAX_RUN_BYTES = 64 * 1024;

/** Asks for a run. `at` and `seed` make two deliveries of one request the same run. */
export const startRequestSchema = z
  .object({
    target: z.string().max(200),
    trigger: z.enum(TRIGGERS),
    /** The time it was asked for, ISO; default now. */
    at: z.iso.datetime({ offset: true }).optional(),
    seed: z.string().max(200).optional(),
  })
  .readonly();
export type StartRequest = z.infer<typeof startRequestSchema>;

export interface StartWorld {
  readonly config: DeployedConfig;
  readonly store: ObjectStore;
  readonly builds: Builds;
  readonly git: GitRemote;
  readonly secrets: Secrets;
  readonly functions: Functions;
  readonly recordFunction: string;
  readonly fingerprintSecret: SecretReference;
  readonly bucket: string;
  readonly now: () => Date;
  /** A fresh string that cannot be guessed. */
  readonly random: () => string;
  readonly log: Log;
}

/** A run as `dispatch` knows it once its commit is resolved. */
type Resolved = Run & { readonly commit: string };

/**
 * Starts one run of one target: resolves the commit from git, claims the target, writes the run record, then starts
 * the build. Doing it twice with the same request starts one build.
 * @returns one sentence that says what happened
 */
export async function startRun(request: StartRequest, world: StartWorld): Promise<string> {
  const target = world.config.targets.find((candidate) => candidate.name === request.target);
  if (target === undefined) return `there is no target ${request.target} in the deployed config`;
  if (target.retired) return `${target.name} is retired: it is no longer checked`;
  if (!target.enabled) return `${target.name} is paused (enabled: false)`;
  const { source } = target;
  if (source === undefined) return `${target.name} has no source: it can only be checked locally`;

  const now = world.now();
  const at = request.at === undefined ? now : new Date(request.at);
  const seed = request.seed ?? request.at ?? world.random();
  const runId = newRunId(at, target.name, request.trigger, seed);
  const deadline = new Date(now.getTime() + (target.timeoutSeconds + START_ALLOWANCE_SECONDS) * 1000).toISOString();
  const run: Run = {
    schema: 'plumbline.run/1',
    runId,
    target: target.name,
    layer: target.layer,
    trigger: request.trigger,
    commit: null,
    requestedAt: now.toISOString(),
    deadline,
    config: { hash: world.config.hash, commit: world.config.commit },
  };

  let commit: string;
  let complete: Target;
  try {
    complete = await insertOutputs(target, world);
    const token = source.token === undefined ? null : await world.secrets.read(source.token);
    commit = await world.git.head(source, token);
  } catch (error) {
    if (!(error instanceof GitError || error instanceof SecretError || error instanceof OutputMissing)) throw error;
    return fail(run, error.message, world);
  }

  if (complete.layer !== 'terraform') return fail(run, 'the service starts no check of a cluster yet', world);
  const key = keys.queue(target.name);
  const ask = { runId, commit, trigger: request.trigger, seed, at: at.toISOString(), deadline };
  const nonce = world.random();
  let outcome = claim(EMPTY_QUEUE, ask, nonce, now);
  await updateRecord(world.store, key, queueSchema, MAX_QUEUE_BYTES, (current) => {
    outcome = claim(current ?? EMPTY_QUEUE, ask, nonce, now);
    return outcome.kind === 'join' && current !== null ? current : 'queue' in outcome ? outcome.queue : EMPTY_QUEUE;
  });
  if (outcome.kind === 'join') return `joined run ${outcome.running.runId}, which looks at the same commit`;
  if (outcome.kind === 'wait') return `waits for run ${outcome.running.runId} to end`;
  return startBuild(complete, { ...run, commit: outcome.running.commit }, outcome.running, world);
}

/** The target with what it uses of others, as they were seen last. @throws OutputMissing */
async function insertOutputs(target: Target, { store }: StartWorld): Promise<Target> {
  if (target.layer !== 'terraform') return target;
  const texts = Object.entries(target.terraform.vars).map(([name, value]) => [name, String(value)] as const);
  const outputs = new Map<string, Readonly<Record<string, string>>>();
  for (const name of usedTargets(target.terraform.vars)) {
    const state = await readRecord(store, keys.state(name), stateSchema, MAX_STATE_BYTES);
    outputs.set(name, state?.value.outputs ?? {});
  }
  const known = (name: string, output: string): string | null => outputs.get(name)?.[output] ?? null;
  const vars = Object.fromEntries(texts.map(([name, text]) => [name, withOutputs(text, known)]));
  return { ...target, terraform: { ...target.terraform, vars } };
}

async function startBuild(
  target: TerraformTarget,
  wanted: Resolved,
  running: Running,
  world: StartWorld,
): Promise<string> {
  const run = await writeRun(wanted, world);
  const master = await world.secrets.read(world.fingerprintSecret);
  const ticket: Ticket = {
    schema: 'plumbline.ticket/1',
    run,
    target,
    fingerprintKey: targetKey(master, target.name),
  };
  await world.store.put(keys.ticket(running.ticket), JSON.stringify(ticket), 'application/json');
  const project = deployed.project(target.layer, target.environment.name);
  const answer = await world.builds.start({
    project,
    token: run.runId,
    timeoutMinutes: Math.max(5, Math.ceil(target.timeoutSeconds / 60) + 5),
    environment: {
      [BUILD_ENV.target]: target.name,
      [BUILD_ENV.runId]: run.runId,
      [BUILD_ENV.ticket]: running.ticket,
      [BUILD_ENV.bucket]: world.bucket,
    },
  });
  await updateRecord(world.store, keys.queue(target.name), queueSchema, MAX_QUEUE_BYTES, (current) => {
    const queue = current ?? EMPTY_QUEUE;
    return 'build' in answer ? started(queue, run.runId, answer.build) : throttled(queue, run.runId, answer.throttled);
  });
  return 'build' in answer
    ? `started run ${run.runId} at ${run.commit} as ${answer.build}`
    : `run ${run.runId} waits: ${answer.throttled}`;
}

/** Writes `run.json` once; a retry, or a run that had to wait, goes on with what was written first. */
async function writeRun(run: Resolved, world: StartWorld): Promise<Resolved> {
  const key = keys.run(run.target, run.runId);
  if (await world.store.create(key, `${JSON.stringify(run)}\n`, 'application/json')) return run;
  const written = await readRecord(world.store, key, runSchema, MAX_RUN_BYTES);
  return { ...(written?.value ?? run), commit: written?.value.commit ?? run.commit };
}

/** A run that cannot even start is judged like any other: `record` gives the verdict. */
async function fail(run: Run, reason: string, world: StartWorld): Promise<string> {
  await world.store.create(keys.run(run.target, run.runId), `${JSON.stringify(run)}\n`, 'application/json');
  const ended: RunEnded = { target: run.target, runId: run.runId, build: null, failure: reason };
  await world.functions.send(world.recordFunction, { source: 'plumbline', ended });
  world.log.warn('run could not start', { target: run.target, runId: run.runId, reason });
  return `run ${run.runId} could not start: ${reason}`;
}
