import { targetKey } from '#drift/fingerprint.ts';
import { BUILD_ENV, deployed, keys } from '#drift/names.ts';
import { objectRules } from '#drift/rules/rule.ts';
import type { Run } from '#drift/run.ts';
import {
  EMPTY_QUEUE,
  joinedFrom,
  MAX_QUEUE_BYTES,
  queueSchema,
  type Running,
  started,
  throttled,
} from '#drift/state/queue.ts';
import type { DeployedConfig, SecretReference, Target } from '#drift/target.ts';
import type { AskedRun, KubernetesTicket, NodesTicket, TerraformTicket, Ticket } from '#drift/ticket.ts';
import type { Host } from '#drift/webhook/delivery.ts';
import type { Builds, Functions, ObjectStore, Secrets, Uploads } from '#services/ports.ts';
import { updateRecord } from '#services/records.ts';
import { readRun } from './run-record.ts';

/** How long a run may wait for its build's machine, or its function, on top of the target's own timeout. */
export const START_ALLOWANCE_SECONDS = 900;

export interface BeginWorld {
  readonly config: DeployedConfig;
  readonly store: ObjectStore;
  readonly builds: Builds;
  readonly functions: Functions;
  readonly uploads: Uploads;
  readonly secrets: Secrets;
  readonly fingerprintSecret: SecretReference;
  readonly bucket: string;
}

/** A run as `dispatch` knows it once its commit is resolved. */
export type Resolved = Run & { readonly commit: string };

type AnyTicket = Pick<Ticket, 'schema' | 'run' | 'fingerprintKey'>;

/** `worker`: ARN of the build, or name of the function. */
type Answer = { readonly worker: string } | { readonly throttled: string };

/** What became of a run that was claimed. */
export interface Begun {
  readonly sentence: string;
  /** There was no room for it: why. Null: it was started. */
  readonly throttled: string | null;
  /** Git host of a push that joined it before it was started. */
  readonly joinedFrom: Host | undefined;
}

/**
 * Starts what compares, a build or a function, for a run that has been claimed. Doing it again, after a crash at any
 * point, starts the same build; a function may be started twice, and then only one of them is judged.
 * @param lastInSync commit of the newest run that was in sync
 */
export async function beginRun(
  target: Target,
  wanted: Resolved,
  { running, lastInSync }: { readonly running: Running; readonly lastInSync: string | null },
  world: BeginWorld,
): Promise<Begun> {
  const run = await writeRun(wanted, world);
  const master = await world.secrets.read(world.fingerprintSecret);
  const any: AnyTicket = { schema: 'plumbline.ticket/1', run, fingerprintKey: targetKey(master, target.name) };
  const answer = await startWorker(target, any, { nonce: running.ticket, lastInSync }, world);
  const after = await updateRecord(world.store, keys.queue(target.name), queueSchema, MAX_QUEUE_BYTES, (current) => {
    const queue = current ?? EMPTY_QUEUE;
    return 'worker' in answer ? started(queue, run.runId, answer.worker) : throttled(queue, run, answer.throttled);
  });
  const said =
    'worker' in answer
      ? { sentence: `started run ${run.runId} at ${run.commit} as ${answer.worker}`, throttled: null }
      : { sentence: `run ${run.runId} waits: ${answer.throttled}`, throttled: answer.throttled };
  return { ...said, joinedFrom: joinedFrom(after, run.runId) };
}

function startWorker(
  target: Target,
  any: AnyTicket,
  { nonce, lastInSync }: { readonly nonce: string; readonly lastInSync: string | null },
  world: BeginWorld,
): Promise<Answer> {
  switch (target.layer) {
    case 'terraform':
      return startBuild({ ...any, target }, nonce, world);
    case 'nodes':
      return startBuild({ ...any, target, lastInSync }, nonce, world);
    case 'kubernetes':
      return startFunction({ ...any, target, lastInSync }, nonce, world);
  }
}

async function startBuild(ticket: TerraformTicket | NodesTicket, nonce: string, world: BeginWorld): Promise<Answer> {
  await writeTicket(ticket, nonce, world);
  const { run, target } = ticket;
  const answer = await world.builds.start({
    project: projectOf(target),
    token: run.runId,
    timeoutMinutes: Math.max(5, Math.ceil(target.timeoutSeconds / 60) + 5),
    environment: {
      [BUILD_ENV.target]: target.name,
      [BUILD_ENV.runId]: run.runId,
      [BUILD_ENV.ticket]: nonce,
      [BUILD_ENV.bucket]: world.bucket,
    },
  });
  return 'build' in answer ? { worker: answer.build } : answer;
}

async function startFunction(
  wanted: Omit<KubernetesTicket, 'rules' | 'upload'>,
  nonce: string,
  world: BeginWorld,
): Promise<Answer> {
  const { run, target } = wanted;
  // As long as the run may last: after its deadline nobody reads the report any more.
  const seconds = target.timeoutSeconds + START_ALLOWANCE_SECONDS;
  const upload = await world.uploads.link(keys.functionInbox(nonce), seconds);
  await writeTicket({ ...wanted, rules: objectRules(world.config.rules, target.name), upload }, nonce, world);
  const worker = projectOf(target);
  const asked: AskedRun = { target: target.name, runId: run.runId, ticket: nonce };
  return (await world.functions.start(worker, asked)) ?? { worker };
}

const projectOf = ({ layer, environment }: Target): string => deployed.project(layer, environment.name);

async function writeTicket(ticket: Ticket, nonce: string, { store }: BeginWorld): Promise<void> {
  await store.put(keys.ticket(nonce), JSON.stringify(ticket), 'application/json');
}

/**
 * Writes `run.json`; a retry, or a run that had to wait, goes on with what was written first. Of one that found no room
 * nothing was looked at yet: it looks at what is newest when there is room.
 */
async function writeRun(run: Resolved, world: BeginWorld): Promise<Resolved> {
  const key = keys.run(run.target, run.runId);
  if (await world.store.create(key, `${JSON.stringify(run)}\n`, 'application/json')) return run;
  const written = (await readRun(run.target, run.runId, world.store)) ?? run;
  const resolved = { ...written, commit: run.commit };
  if (written.commit !== run.commit) await world.store.put(key, `${JSON.stringify(resolved)}\n`, 'application/json');
  return resolved;
}
