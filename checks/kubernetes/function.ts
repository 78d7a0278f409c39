import { keys } from '#drift/names.ts';
import { type Report, reportText } from '#drift/report.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import { type AskedRun, type KubernetesTicket, MAX_TICKET_BYTES } from '#drift/ticket.ts';
import { type Identity, RoleError } from '#services/aws/identity.ts';
import type { FetchedCommit, FetchRequest } from '#services/git/fetch.ts';
import {
  type Functions,
  GitError,
  type Log,
  ObjectHidden,
  type ObjectStore,
  SecretError,
  type Secrets,
} from '#services/ports.ts';
import { readRecord } from '#services/records.ts';
import type { RenderTools } from '#services/render/request.ts';
import { UploadFailed } from '#services/upload.ts';
import { NotReady } from '../not-ready.ts';
import type { RunEnded } from '../runs/finish.ts';
import { assumeTargetRole } from '../target-role.ts';
import type { KubernetesChecker } from './request.ts';
import { ticketSchema } from './ticket.ts';

/** Kept of the function's own time: to hand the report over, and to tell `record`. */
const MARGIN_MS = 60_000;

export interface FunctionWorld {
  readonly store: Pick<ObjectStore, 'read'>;
  readonly secrets: Secrets;
  readonly identity: Pick<Identity, 'assume'>;
  readonly fetchCommit: (request: FetchRequest) => Promise<FetchedCommit>;
  readonly check: KubernetesChecker;
  /** Writes once to a signed address; false: there was a report already. */
  readonly upload: (address: string, text: string) => Promise<boolean>;
  readonly functions: Pick<Functions, 'send'>;
  readonly recordFunction: string;
  /** Fetched commits, kept from run to run. */
  readonly cache: string;
  readonly tools: RenderTools;
  readonly log: Log;
  readonly now: () => Date;
}

/** The ticket is not one that a check can be made from; the message does not hold its name, which is all that protects it. */
export class DamagedTicket extends Error {
  override readonly name = 'DamagedTicket';
}

/**
 * What the function does: reads its ticket, checks, hands the report over, and tells `record`. What can be explained is
 * the reason of an `unknown` report; anything else is thrown, and Lambda tells `record`.
 * @param remainingMs what is left of the function's own time
 * @returns one sentence that says what happened
 */
export async function runFunction(asked: AskedRun, remainingMs: () => number, world: FunctionWorld): Promise<string> {
  const ticket = await readTicket(asked, world);
  if (ticket === null) {
    await tellRecord(asked, 'its ticket was gone before the check began', world);
    return 'the ticket is gone: the run is over, or was judged already';
  }
  const startedAt = world.now();
  const own = startedAt.getTime() + Math.min(ticket.target.timeoutSeconds * 1000, remainingMs() - MARGIN_MS);
  const left = (): number => Math.max(1, own - world.now().getTime());
  let report: Report;
  try {
    report = await checkTicket(ticket, left, world);
  } catch (error) {
    const explained = [NotReady, GitError, SecretError, RoleError].some((kind) => error instanceof kind);
    if (!explained || !(error instanceof Error)) throw error;
    const unknown = unknownReport(ticket.run, error.message, world.now());
    report = { ...unknown, startedAt: startedAt.toISOString() };
  }
  const handed = await handOver(ticket, report, world);
  await tellRecord(asked, handed.problem, world);
  return `run ${asked.runId} is ${report.verdict}${handed.remark}: ${report.reason}`;
}

async function handOver(
  { upload }: KubernetesTicket,
  report: Report,
  world: FunctionWorld,
): Promise<{ readonly problem: string | null; readonly remark: string }> {
  try {
    const first = await world.upload(upload, reportText(report));
    return { problem: null, remark: first ? '' : ', and its report was there already' };
  } catch (error) {
    if (!(error instanceof UploadFailed)) throw error;
    return { problem: error.message, remark: `, and ${error.message}` };
  }
}

async function readTicket(asked: AskedRun, { store }: FunctionWorld): Promise<KubernetesTicket | null> {
  let ticket: KubernetesTicket | null;
  try {
    ticket = (await readRecord(store, keys.ticket(asked.ticket), ticketSchema, MAX_TICKET_BYTES))?.value ?? null;
  } catch (error) {
    // May not know which tickets there are, so that S3 does not tell it that one is gone.
    if (error instanceof ObjectHidden) return null;
    throw new DamagedTicket(`the ticket cannot be read (${error instanceof Error ? error.name : 'unknown error'})`);
  }
  if (ticket === null) return null;
  const { run, target } = ticket;
  if (run.target !== asked.target || run.runId !== asked.runId || target.name !== asked.target) {
    throw new DamagedTicket(`the ticket is for run ${run.runId} of ${run.target}`);
  }
  return ticket;
}

async function checkTicket(ticket: KubernetesTicket, left: () => number, world: FunctionWorld): Promise<Report> {
  const { run, target, rules, fingerprintKey, lastInSync } = ticket;
  const { source, environment } = target;
  if (source === undefined) throw new NotReady(`${target.name} has no source: it can only be checked locally`);
  const token = source.token === undefined ? null : await world.secrets.read(source.token);
  // Nobody stops a function from outside.
  const { signal } = new AbortController();
  const fetched = (commit: string): Promise<FetchedCommit> =>
    world.fetchCommit({
      ...{ url: source.url, ref: source.ref, token, cache: world.cache, signal },
      ...{ commit, timeoutMs: left() },
    });
  const { cluster } = environment;
  if (cluster === undefined)
    throw new NotReady(`environment ${environment.name} has no cluster: complete it and deploy`);
  const credentials = 'eks' in cluster ? await assumeTargetRole(ticket, world.identity) : null;
  const kubeconfig = 'eks' in cluster ? null : await readKubeconfig(cluster.kubeconfig, environment.name, world);
  world.log.info('fetching', { commit: run.commit, url: source.url });
  const { folder } = await fetched(run.commit);
  const secrets = [token, kubeconfig, credentials?.secretAccessKey, credentials?.sessionToken];
  return world.check({
    ...{ target, run, rules, kubeconfig, fingerprintKey, credentials, signal },
    source: { folder },
    before: lastInSync === null ? null : () => fetched(lastInSync),
    hidden: [fingerprintKey, ticket.upload, ...secrets.filter((value) => typeof value === 'string')],
    tools: world.tools,
    timeoutMs: left(),
    progress: (step) => world.log.info('progress', { step }),
    now: world.now,
  });
}

type Kubeconfig = Extract<NonNullable<KubernetesTicket['target']['environment']['cluster']>, { kubeconfig: unknown }>;

async function readKubeconfig(
  where: Kubeconfig['kubeconfig'],
  environment: string,
  { secrets }: FunctionWorld,
): Promise<string> {
  if (typeof where !== 'string') return secrets.read(where);
  throw new NotReady(
    `the service cannot read the file ${where} of environment ${environment}: name a secret and deploy`,
  );
}

async function tellRecord(asked: AskedRun, problem: string | null, world: FunctionWorld): Promise<void> {
  const ended: RunEnded = { ...asked, build: null, function: { problem }, failure: null };
  await world.functions.send(world.recordFunction, { source: 'plumbline', ended });
}
