import { chown, mkdir } from 'node:fs/promises';
import { BUILD_ENV, keys } from '#drift/names.ts';
import { type Report, reportText } from '#drift/report.ts';
import { isRunId, type Run } from '#drift/run.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import { type AskedRun, MAX_TICKET_BYTES, TICKET_NAME, type TerraformTicket as Ticket } from '#drift/ticket.ts';
import { type Identity, type RoleCredentials, RoleError } from '#services/aws/identity.ts';
import { cloneCommit } from '#services/git/clone.ts';
import {
  GitError,
  type ObjectStore,
  ObjectTooLarge,
  type S3StatePlace,
  SecretError,
  type Secrets,
  type StateWatch,
} from '#services/ports.ts';
import type { ProcessUser } from '#services/process.ts';
import { DamagedRecord, readRecord } from '#services/records.ts';
import type { ReleaseSource } from '#services/tools/release.ts';
import { proxySettings, toolEnvironment } from '../environment.ts';
import { NotReady } from '../not-ready.ts';
import { makeScratch } from '../scratch.ts';
import { assumeTargetRole } from '../target-role.ts';
import { checkTerraform } from './check.ts';
import { ticketSchema } from './ticket.ts';

export interface BuildWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: ObjectStore;
  readonly secrets: Secrets;
  readonly identity: Identity;
  /** Whom the tool runs as; absent when we are not root. */
  readonly user?: ProcessUser;
  /** Readable for that user. */
  readonly toolCache: string;
  /** Where terraform keeps providers between builds. */
  readonly providerCache: string;
  readonly openS3State: (place: S3StatePlace) => StateWatch;
  readonly releases?: ReleaseSource;
  /** Aborts when the build is stopped. */
  readonly signal: AbortSignal;
  /** A line of the build's log; never a value of the plan, never a secret. */
  readonly say: (line: string) => void;
  readonly now: () => Date;
}

/** The build was started in a way that no run asked for. */
export class NoRun extends Error {
  override readonly name = 'NoRun';
}

/**
 * What one build does: reads its ticket, fetches the commit, takes the target's role, checks, and leaves the report in
 * its inbox. Whatever goes wrong on the way, a report with the reason is left.
 * @returns whether the check was complete, drifted or not
 * @throws NoRun
 */
export async function runBuild(world: BuildWorld): Promise<boolean> {
  const asked = readRequest(world.env);
  const inbox = inboxOf(await world.identity.userId());
  const startedAt = world.now();
  world.say(`run ${asked.runId} of ${asked.target}`);
  const known: { ticket: Ticket | null } = { ticket: null };
  let report: Report;
  try {
    known.ticket = await readTicket(asked, world);
    report = await checkTicket(known.ticket, startedAt, world);
    if (world.signal.aborted) report = { ...report, reason: `the build was stopped: ${report.reason}` };
  } catch (error) {
    const reason = reasonOf(error, world.signal);
    world.say(error instanceof NotReady || reason === STOPPED ? reason : describe(error));
    report = {
      ...unknownReport(known.ticket?.run ?? runOf(asked, startedAt), reason, world.now()),
      startedAt: startedAt.toISOString(),
    };
  }
  await writeReport(inbox, report, world);
  world.say(`${report.verdict}: ${report.reason}`);
  const { exitCode = null } = report.tool ?? {};
  return (exitCode === 0 || exitCode === 2) && !world.signal.aborted;
}

const STOPPED = 'the build was stopped before the check was complete';

function readRequest(env: BuildWorld['env']): AskedRun {
  const [target, runId, ticket] = [BUILD_ENV.target, BUILD_ENV.runId, BUILD_ENV.ticket].map((name) => env[name] ?? '');
  if (!target || !runId || !ticket) {
    throw new NoRun(
      `${BUILD_ENV.target}, ${BUILD_ENV.runId} and ${BUILD_ENV.ticket} are not set: this build was started by hand; let the dispatch function start it`,
    );
  }
  if (!isRunId(runId)) throw new NoRun(`${BUILD_ENV.runId} is no run id: let the dispatch function start this build`);
  if (!TICKET_NAME.test(ticket)) {
    throw new NoRun(`${BUILD_ENV.ticket} is no ticket's name: let the dispatch function start this build`);
  }
  return { target, runId, ticket };
}

/** IAM lets a build write where its own session's name says (drift/names.ts). */
function inboxOf(userId: string): string {
  const match = /^([A-Za-z0-9]+):AWSCodeBuild-([A-Za-z0-9-]+)$/.exec(userId);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new NoRun(`${userId} is no build: this command runs in builds of the deployed service only`);
  }
  return keys.inbox(match[1], match[2]);
}

async function readTicket(asked: AskedRun, { store }: BuildWorld): Promise<Ticket> {
  let record: Awaited<ReturnType<typeof readRecord<Ticket>>>;
  try {
    record = await readRecord(store, keys.ticket(asked.ticket), ticketSchema, MAX_TICKET_BYTES);
  } catch (error) {
    if (!(error instanceof DamagedRecord || error instanceof ObjectTooLarge)) throw error;
    // The ticket's name is all that protects it: the message must not hold it.
    throw new NotReady('the ticket of this build is damaged: start the check again', { cause: error });
  }
  if (record === null) throw new NotReady('the ticket of this build is gone: the run is over, or was judged already');
  const ticket = record.value;
  if (ticket.run.target !== asked.target || ticket.run.runId !== asked.runId || ticket.target.name !== asked.target) {
    throw new NotReady(`the ticket of this build is for run ${ticket.run.runId} of ${ticket.run.target}`);
  }
  return ticket;
}

async function checkTicket(ticket: Ticket, startedAt: Date, world: BuildWorld): Promise<Report> {
  const { run, target, fingerprintKey } = ticket;
  const { env, signal, user, now } = world;
  const left = (): number => target.timeoutSeconds * 1000 - (now().getTime() - startedAt.getTime());
  const token = await readToken(ticket, world);
  const secrets = await readVariables(ticket, world);
  const scratch = await makeScratch(user);
  try {
    const folder = await scratch.makeFolder('repository');
    world.say(`fetching ${run.commit} of ${target.source?.url}`);
    await fetchSource(ticket, token, { folder, home: await scratch.makeFolder('home') }, left(), world);
    const credentials = await assumeTargetRole(ticket, world.identity);
    let last = '';
    return await checkTerraform({
      target,
      run,
      source: { folder, disposable: true },
      fingerprintKey,
      environment: {
        ...toolEnvironment(env, 'service'),
        ...roleEnvironment(credentials, target.environment.region),
        TF_PLUGIN_CACHE_DIR: await ownFolder(world.providerCache, user),
      },
      secrets,
      hidden: [
        fingerprintKey,
        credentials.secretAccessKey,
        credentials.sessionToken,
        ...(token === null ? [] : [token]),
      ],
      ...(user === undefined ? {} : { user }),
      toolCache: world.toolCache,
      openS3State: world.openS3State,
      ...(world.releases === undefined ? {} : { releases: world.releases }),
      signal,
      progress: (step) => {
        const name = step.split(': ')[0] ?? step;
        if (name !== last) world.say(name);
        last = name;
      },
      now,
      timeoutMs: left(),
    });
  } finally {
    await scratch.remove();
  }
}

/** Terraform wants its cache to exist; it runs as another user than we do. */
async function ownFolder(folder: string, user: ProcessUser | undefined): Promise<string> {
  await mkdir(folder, { recursive: true });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}

async function readToken({ target }: Ticket, { secrets }: BuildWorld): Promise<string | null> {
  if (target.source?.token === undefined) return null;
  return secrets.read(target.source.token);
}

async function readVariables({ target }: Ticket, { secrets }: BuildWorld): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, reference] of Object.entries(target.terraform.env)) values[name] = await secrets.read(reference);
  return values;
}

async function fetchSource(
  { run, target }: Ticket,
  token: string | null,
  folders: { readonly folder: string; readonly home: string },
  timeoutMs: number,
  { env, signal, user }: BuildWorld,
): Promise<void> {
  const { source } = target;
  if (source === undefined) throw new NotReady(`${target.name} has no source: it can only be checked locally`);
  const caFile = env['GIT_SSL_CAINFO'] ?? env['SSL_CERT_FILE'];
  await cloneCommit({
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
  });
}

function roleEnvironment(credentials: RoleCredentials, region: string | undefined): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    ...(region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  };
}

/** One sentence; for what we cannot explain, the kind of error: its text may hold what the log must not. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return STOPPED;
  const explained = [NotReady, GitError, SecretError, RoleError].some((kind) => error instanceof kind);
  if (explained && error instanceof Error) return error.message;
  return `the check could not be made (${error instanceof Error ? error.name : 'an unknown error'}): the build's log tells more`;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'an unknown error';
}

/** A run of which only the name is known: the ticket could not be read. */
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
