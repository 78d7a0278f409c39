import * as z from 'zod';
import { BUILD_ENV, keys } from '#drift/names.ts';
import { type Report, reportText } from '#drift/report.ts';
import { isRunId, type Run } from '#drift/run.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { SecretReference } from '#drift/target.ts';
import { type AskedRun, MAX_TICKET_BYTES, type NodesTicket, type TerraformTicket, TICKET_NAME } from '#drift/ticket.ts';
import { type Identity, type RoleCredentials, RoleError } from '#services/aws/identity.ts';
import { cloneCommit } from '#services/git/clone.ts';
import type { GitRequest } from '#services/git/tool.ts';
import { FleetError, GitError, type ObjectStore, ObjectTooLarge, SecretError, type Secrets } from '#services/ports.ts';
import type { ProcessUser } from '#services/process.ts';
import { DamagedRecord, readRecord } from '#services/records.ts';
import { proxySettings } from './environment.ts';
import { ticketSchema as nodesTicket } from './nodes/ticket.ts';
import { NotReady } from './not-ready.ts';
import { askAgain, type ByHandWorld, isOurs } from './people/by-hand.ts';
import { ticketSchema as terraformTicket } from './terraform/ticket.ts';

/** What builds of all layers work with. */
export interface BuildWorld extends ByHandWorld {
  readonly store: ObjectStore;
  readonly secrets: Secrets;
  readonly identity: Identity;
  /** Whom tools run as; absent when we are not root. */
  readonly user?: ProcessUser;
  /** Aborts when the build is stopped. */
  readonly signal: AbortSignal;
  /** A line of the build's log; never a value of what is compared, never a secret. */
  readonly say: (line: string) => void;
  readonly now: () => Date;
}

/** A build: its id names the folder of the bucket that it may write in, and no other. */
export interface OwnBuild {
  readonly roleId: string;
  readonly uuid: string;
}

/** How a layer checks the target of its ticket. */
export type CheckTicket<T> = (
  ticket: T,
  at: { readonly startedAt: Date; readonly build: OwnBuild },
) => Promise<Checked>;
export interface Checked {
  readonly report: Report;
  /** Whether it looked: then the report counts, whatever it found. */
  readonly complete: boolean;
}

export interface Layers {
  readonly terraform: CheckTicket<TerraformTicket>;
  readonly nodes: CheckTicket<NodesTicket>;
}

/** The build was started in a way that no run asked for. */
export class NoRun extends Error {
  override readonly name = 'NoRun';
}

const STOPPED = 'the build was stopped before the check was complete';

/**
 * What one build does: reads its ticket, lets the layer that it is for check, and leaves the report in its inbox.
 * Whatever goes wrong on the way, a report with the reason is left. One that a person started or retried asks for a run
 * instead.
 * @returns whether the check was complete, drifted or not
 * @throws NoRun
 */
export async function runBuild(world: BuildWorld, layers: Layers): Promise<boolean> {
  const asked = readRequest(world.env);
  if (!('runId' in asked)) return askAgain(asked.target, world);
  const build = ownBuild(await world.identity.userId());
  const startedAt = world.now();
  world.say(`run ${asked.runId} of ${asked.target}`);
  const known: { ticket: BuildTicket | null } = { ticket: null };
  let checked: Checked;
  try {
    const ticket = await readTicket(asked, world);
    if (ticket === null) return await askAgain(asked.target, world);
    known.ticket = ticket;
    checked = await checkTicket(ticket, { startedAt, build }, layers);
    if (world.signal.aborted) checked = stoppedLate(checked);
  } catch (error) {
    const reason = reasonOf(error, world.signal);
    world.say(error instanceof NotReady || reason === STOPPED ? reason : describe(error));
    const unknown = unknownReport(known.ticket?.run ?? runOf(asked, startedAt), reason, world.now());
    checked = { report: { ...unknown, startedAt: startedAt.toISOString() }, complete: false };
  }
  const { report } = checked;
  await writeReport(keys.inbox(build.roleId, build.uuid), report, world);
  world.say(`${report.verdict}: ${report.reason}`);
  return checked.complete;
}

/** The run that this build is for; the target alone when it was started by hand, for none. */
function readRequest(env: BuildWorld['env']): AskedRun | Pick<AskedRun, 'target'> {
  const [target, runId, ticket] = [BUILD_ENV.target, BUILD_ENV.runId, BUILD_ENV.ticket].map((name) => env[name] ?? '');
  if (!target) {
    throw new NoRun(
      `${BUILD_ENV.target} is not set: start the build with overrides, and set the environment variable ${BUILD_ENV.target} to what is to be checked, such as prod/network`,
    );
  }
  if (!runId || !ticket) return { target };
  if (!isRunId(runId)) throw new NoRun(`${BUILD_ENV.runId} is no run id: leave it out, and ${BUILD_ENV.ticket} too`);
  if (!TICKET_NAME.test(ticket)) {
    throw new NoRun(`${BUILD_ENV.ticket} is no ticket's name: leave it out, and ${BUILD_ENV.runId} too`);
  }
  return { target, runId, ticket };
}

/** IAM lets a build write where its own session's name says (drift/names.ts). */
function ownBuild(userId: string): OwnBuild {
  const match = /^([A-Za-z0-9]+):AWSCodeBuild-([A-Za-z0-9-]+)$/.exec(userId);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new NoRun(`${userId} is no build: this command runs in builds of the deployed service only`);
  }
  return { roleId: match[1], uuid: match[2] };
}

type BuildTicket = TerraformTicket | NodesTicket;

/** The ticket itself says which layer it is for: what the environment says, a build can be given by anybody. */
const buildTicket: z.ZodType<BuildTicket> = z.union([terraformTicket, nodesTicket]);

/** Null: it is gone, and a person started this build or retried it. @throws NotReady */
async function readTicket(asked: AskedRun, { store, env }: BuildWorld): Promise<BuildTicket | null> {
  let record: Awaited<ReturnType<typeof readRecord<BuildTicket>>>;
  try {
    record = await readRecord(store, keys.ticket(asked.ticket), buildTicket, MAX_TICKET_BYTES);
  } catch (error) {
    if (!(error instanceof DamagedRecord || error instanceof ObjectTooLarge)) throw error;
    // The ticket's name is all that protects it: the message must not hold it.
    throw new NotReady('the ticket of this build is damaged: start the check again', { cause: error });
  }
  if (record === null && !isOurs(env)) return null;
  if (record === null) throw new NotReady('the ticket of this build is gone: the run is over, or was judged already');
  const ticket = record.value;
  if (ticket.run.target !== asked.target || ticket.run.runId !== asked.runId || ticket.target.name !== asked.target) {
    throw new NotReady(`the ticket of this build is for run ${ticket.run.runId} of ${ticket.run.target}`);
  }
  return ticket;
}

function checkTicket(
  ticket: BuildTicket,
  at: { readonly startedAt: Date; readonly build: OwnBuild },
  layers: Layers,
): Promise<Checked> {
  return isForNodes(ticket) ? layers.nodes(ticket, at) : layers.terraform(ticket, at);
}

const isForNodes = (ticket: BuildTicket): ticket is NodesTicket => ticket.target.layer === 'nodes';

const stoppedLate = ({ report }: Checked): Checked => ({
  report: { ...report, reason: `the build was stopped: ${report.reason}` },
  complete: false,
});

/** One sentence; for what we cannot explain, the kind of error: its text may hold what the log must not. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return STOPPED;
  if (isExplained(error)) return error.message;
  return `the check could not be made (${error instanceof Error ? error.name : 'an unknown error'}): the build's log tells more`;
}

/** Whether its message is a sentence for a report. */
export const isExplained = (error: unknown): error is NotReady | GitError | SecretError | RoleError | FleetError =>
  [NotReady, GitError, SecretError, RoleError, FleetError].some((kind) => error instanceof kind);

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'an unknown error';
}

/** A run of which only the name is known: the ticket could not be read. Nor is the layer, which such a report may miss. */
function runOf({ target, runId }: AskedRun, startedAt: Date): Run {
  const at = startedAt.toISOString();
  return {
    schema: 'plumbline.run/1',
    runId,
    target,
    layer: 'terraform',
    trigger: 'manual',
    commit: null,
    requestedAt: at,
    deadline: at,
    config: { hash: '', commit: null },
  };
}

async function writeReport(key: string, report: Report, { store, say }: BuildWorld): Promise<void> {
  // Only this very build can write there: a report that is there already is ours, from a request that S3 answered twice.
  if (!(await store.create(key, reportText(report), 'application/json'))) say('the report was there already');
}

/** The token of the target's source; null: it has none. */
export async function readToken({ target }: BuildTicket, { secrets }: BuildWorld): Promise<string | null> {
  if (target.source?.token === undefined) return null;
  return secrets.read(target.source.token);
}

/** Values that a config names, by the names that it gives them. */
export async function readValues(
  references: Readonly<Record<string, SecretReference>>,
  secrets: Secrets,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const [name, reference] of Object.entries(references)) values[name] = await secrets.read(reference);
  return values;
}

/** Where and with what the source of a ticket is fetched. `folders` belong to the tool's user. @throws NotReady */
export function sourceOf(
  { run, target }: BuildTicket,
  token: string | null,
  folders: { readonly folder: string; readonly home: string },
  timeoutMs: number,
  { env, signal, user }: BuildWorld,
): GitRequest {
  const { source } = target;
  if (source === undefined) throw new NotReady(`${target.name} has no source: it can only be checked locally`);
  const caFile = env['GIT_SSL_CAINFO'] ?? env['SSL_CERT_FILE'];
  return {
    url: source.url,
    commit: run.commit,
    ref: source.ref,
    token,
    ...folders,
    path: env['PATH'] ?? '',
    ...(caFile === undefined ? {} : { caFile }),
    proxies: proxySettings(env),
    timeoutMs,
    signal,
    ...(user === undefined ? {} : { user }),
  };
}

/** Puts the files of the ticket's commit into a folder. @throws NotReady, GitError */
export async function fetchSource(clone: GitRequest, { say }: BuildWorld): Promise<void> {
  say(`fetching ${clone.commit} of ${clone.url}`);
  await cloneCommit(clone);
}

/** What a process needs to act as a role. */
export function roleEnvironment(credentials: RoleCredentials, region: string | undefined): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    ...(region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  };
}
