import { keys } from '#drift/names.ts';
import { type Fleet, formFleet, tooFew } from '#drift/nodes/fleet.ts';
import { judgeLooks, lookAtStream, type StreamLook } from '#drift/nodes/judge.ts';
import type { Note } from '#drift/note.ts';
import { createRedactor } from '#drift/redact.ts';
import type { NodeSelect } from '#drift/target.ts';
import type { NodesTicket } from '#drift/ticket.ts';
import type { RoleCredentials } from '#services/aws/identity.ts';
import { changedFiles } from '#services/git/changed.ts';
import { type Commands, GitError, type Links, type Nodes } from '#services/ports.ts';
import {
  type BuildWorld,
  type Checked,
  fetchSource,
  isExplained,
  type OwnBuild,
  readToken,
  readValues,
  sourceOf,
} from '../build.ts';
import { NotReady } from '../not-ready.ts';
import { reportOf } from '../report.ts';
import { makeScratch, type Scratch } from '../scratch.ts';
import { assumeTargetRole } from '../target-role.ts';
import { askNodes } from './ask.ts';
import { packBundle } from './bundle.ts';
import { hiddenIn } from './hidden.ts';
import { inventoryOf } from './inventory.ts';
import { secretsOf, signLinks } from './links.ts';
import { bundleTexts, type NodeSecrets, type Prepared, prepare } from './prepare.ts';
import { oneTimeKey } from './vault.ts';

/** What a role may do with nodes. */
export interface NodesPorts {
  readonly nodes: Nodes;
  readonly commands: Commands;
}

export interface NodesBuildWorld extends BuildWorld {
  /** Signed by the build itself, in the bucket of `store`. */
  readonly links: Links;
  readonly openNodes: (credentials: RoleCredentials, region: string | undefined) => NodesPorts;
  /** Where ansible-core is kept between builds, for ansible-galaxy. */
  readonly ansibleCache: string;
}

/** Of a node's time: until its command has begun, and until its stream is read. */
const MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.2;
const MIN_EXECUTION_SECONDS = 20;
/** Nodes that are listed by name and not counted. */
const MAX_UNCOUNTED = 100;

/**
 * What a build of a nodes target does: packs what the playbook needs, hands it to the nodes, and judges what they say.
 * Nothing of the repository runs here. What it knows of secrets is in no report and in no line of the log.
 */
export async function buildNodes(
  ticket: NodesTicket,
  { startedAt, build }: { readonly startedAt: Date; readonly build: OwnBuild },
  world: NodesBuildWorld,
): Promise<Checked> {
  const hidden = new Hidden([ticket.fingerprintKey]);
  let last = '';
  const say = (line: string): void => {
    if (line !== last) world.say(hidden.redact(line));
    last = line;
  };
  const { target } = ticket;
  const left = (): number => target.timeoutSeconds * 1000 - (world.now().getTime() - startedAt.getTime());
  const scratch = await makeScratch(world.user);
  const check: Check = { ticket, build, startedAt, scratch, hidden, left, world: { ...world, say } };
  try {
    return await runCheck(check);
  } catch (error) {
    throw withoutSecrets(error, hidden);
  } finally {
    await scratch.remove();
  }
}

interface Check {
  readonly ticket: NodesTicket;
  readonly build: OwnBuild;
  readonly startedAt: Date;
  readonly scratch: Scratch;
  readonly hidden: Hidden;
  /** Milliseconds. */
  readonly left: () => number;
  readonly world: NodesBuildWorld;
}

async function runCheck(check: Check): Promise<Checked> {
  const { ticket, scratch, hidden, left, world } = check;
  const { nodes: wanted, environment } = ticket.target;
  const { select } = wanted;
  if (select === undefined) throw new NotReady(`${ticket.target.name} selects no nodes: write nodes.select and deploy`);
  const secrets = await readSecrets(check);
  const root = await scratch.makeFolder('repository');
  const { changed, notes } = await fetchWithHistory(check, root);
  const prepared = await prepare(root, wanted, secrets, { ...world, scratch, left });
  const credentials = await assumeTargetRole(ticket, world.identity);
  hidden.add(credentials.secretAccessKey, credentials.sessionToken);
  const ports = world.openNodes(credentials, environment.region);
  world.say('looking for the nodes');
  const found = await ports.nodes.find(select);
  const fleet = formFleet(found, { select, settleSeconds: wanted.settleSeconds, now: world.now() });
  world.say(
    `nodes: ${fleet.nodes.length} to be asked, ${fleet.unreached.length} unreached, ${fleet.uncounted.length} not counted`,
  );
  const looks = new Map<string, StreamLook>();
  const context = { fingerprintKey: ticket.fingerprintKey, nodes: fleet.nodes.length };
  const asked: Asked = { prepared, secrets, fleet, select, ports };
  const answers = await handOver(check, asked, (stream) => {
    looks.set(stream.node, lookAtStream({ ...stream, name: stream.node }, context));
  });
  // Streams come in no order; a report has one.
  const seen = fleet.nodes.flatMap(({ name }) => looks.get(name) ?? []);
  return judge(check, { fleet, looks: seen, changed, unreached: answers.unreached, notes, paths: prepared.paths });
}

/** Secret values, each of which is hidden from now on. */
async function readSecrets({ ticket, hidden, world }: Check): Promise<NodeSecrets> {
  const { secretVars, vaultPassword: where } = ticket.target.nodes;
  const variables = await readValues(secretVars, world.secrets);
  if (where !== undefined && 'file' in where) {
    throw new NotReady(
      `the service cannot read the file ${where.file}: name a secret in nodes.vaultPassword and deploy`,
    );
  }
  const vaultPassword = where === undefined ? null : await world.secrets.read(where);
  hidden.add(...Object.values(variables), ...(vaultPassword === null ? [] : [vaultPassword]));
  return { variables, vaultPassword };
}

/** The files of the commit, and which of them are not as they were when the target was last in sync. */
async function fetchWithHistory(
  { ticket, scratch, hidden, left, world }: Check,
  folder: string,
): Promise<{ readonly changed: readonly string[] | null; readonly notes: readonly Note[] }> {
  const token = await readToken(ticket, world);
  if (token !== null) hidden.add(token);
  const home = await scratch.makeFolder('home');
  await fetchSource(sourceOf(ticket, token, { folder, home }, left(), world), world);
  const { lastInSync } = ticket;
  if (lastInSync === null) return { changed: null, notes: [] };
  try {
    const request = sourceOf(ticket, token, { folder, home }, left(), world);
    return { changed: await changedFiles(request, lastInSync), notes: [] };
  } catch (error) {
    // It would only have told causes.
    if (!(error instanceof GitError) || world.signal.aborted) throw error;
    const text = `what changed in git since the target was last in sync is not known, so that causes are unclear: ${error.message}`;
    return { changed: null, notes: [{ kind: 'cause', text }] };
  }
}

interface Asked {
  readonly prepared: Prepared;
  readonly secrets: NodeSecrets;
  readonly fleet: Fleet;
  readonly select: NodeSelect;
  readonly ports: NodesPorts;
}

/** Packs, uploads, asks; what was uploaded is gone afterwards, whatever happened. */
async function handOver(
  { ticket, build, hidden, left, world }: Check,
  { prepared, secrets, fleet, select, ports }: Asked,
  take: Parameters<typeof askNodes>[2],
): ReturnType<typeof askNodes> {
  if (fleet.nodes.length === 0) return { unreached: [] };
  const key = oneTimeKey();
  hidden.add(key);
  const inboxOf = (id: string): string => keys.nodeInbox(build.roleId, build.uuid, id);
  const bundleKey = keys.bundle(build.roleId, build.uuid);
  const inboxes = new Map(fleet.nodes.map(({ id }) => [id, inboxOf(id)]));
  const links = await signLinks({ bundle: bundleKey, nodes: inboxes, leftMs: left(), now: world.now() }, world.links);
  hidden.add(...[links.bundle, ...Object.values(links.nodes)].flatMap(secretsOf));
  const texts = await bundleTexts({
    run: prepared.run,
    links: links.nodes,
    names: Object.fromEntries(fleet.nodes.map(({ id, name }) => [id, name])),
    inventory: inventoryOf(fleet.members),
    secrets,
    key,
  });
  const bundle = await packBundle({ texts, trees: prepared.trees });
  world.say(`handing over ${bundle.bytes.length} bytes`);
  try {
    // Only this very build can write there: what is there already is ours, from a request that S3 answered twice.
    await world.store.create(bundleKey, bundle.bytes, 'application/gzip');
    return await askNodes(
      {
        ...{ fleet, select, inboxOf, left },
        concurrency: ticket.target.nodes.concurrency,
        parameters: {
          BundleUrl: links.bundle,
          BundleSha256: bundle.sha256,
          Key: key,
          RunId: ticket.run.runId,
          ExecutionSeconds: String(executionSeconds(left())),
        },
        runId: ticket.run.runId,
        signal: world.signal,
        progress: world.say,
      },
      { commands: ports.commands, store: world.store },
      take,
    );
  } finally {
    await world.store.delete(bundleKey).catch((error: unknown) => {
      world.say(`the bundle could not be deleted (${error instanceof Error ? error.name : 'unknown error'})`);
    });
  }
}

/** So much that what a node hands over can still be read. @throws NotReady */
function executionSeconds(leftMs: number): number {
  const seconds = Math.floor((leftMs - Math.min(MARGIN_MS, leftMs * MARGIN_SHARE)) / 1000);
  if (seconds >= MIN_EXECUTION_SECONDS) return seconds;
  throw new NotReady("no time was left to ask the nodes: raise the target's timeout");
}

interface Found {
  readonly fleet: Fleet;
  readonly looks: readonly StreamLook[];
  readonly changed: readonly string[] | null;
  readonly unreached: Fleet['unreached'];
  readonly notes: readonly Note[];
  readonly paths: readonly string[];
}

function judge({ ticket, startedAt, hidden, world }: Check, found: Found): Checked {
  const { target, run } = ticket;
  const { fleet, looks, changed } = found;
  const failure = tooFew(fleet, target.nodes.minNodes);
  const {
    nodes: _,
    toolVersion,
    ...judgement
  } = judgeLooks(
    {
      looks,
      unreached: [...fleet.unreached, ...found.unreached],
      ...(failure === null ? {} : { failure }),
      changed,
    },
    { target: target.name, severity: target.severity, minCoverage: target.minCoverage },
  );
  const notes = [...judgement.notes, ...found.notes, ...uncountedNotes(fleet)];
  const report = reportOf({
    ...{ target, run, startedAt, endedAt: world.now() },
    judgement: hiddenIn(hidden.values)({ ...judgement, notes }),
    tool: { name: 'ansible-core', version: toolVersion, exitCode: null },
    notes: [],
    paths: found.paths,
  });
  // Nodes that could not be asked are a matter of coverage, which rules of the config may settle.
  return { report, complete: true };
}

function uncountedNotes({ uncounted }: Fleet): readonly Note[] {
  const notes = uncounted.slice(0, MAX_UNCOUNTED).map(({ node, reason }) => {
    return { kind: 'uncounted', subject: node, text: `not counted: ${reason}` };
  });
  const more = uncounted.length - notes.length;
  return more === 0 ? notes : [...notes, { kind: 'uncounted', text: `${more} more nodes are not counted` }];
}

/** All that no report and no log may hold; there is more of it as a check goes on. */
class Hidden {
  readonly values: string[];
  #redact: (text: string) => string;

  constructor(values: readonly string[]) {
    this.values = [...values];
    this.#redact = createRedactor(values);
  }

  add(...values: readonly string[]): void {
    this.values.push(...values);
    this.#redact = createRedactor(this.values);
  }

  readonly redact = (text: string): string => this.#redact(text);
}

/** AWS says in its errors what it was asked. */
function withoutSecrets(error: unknown, { redact }: Hidden): unknown {
  if (!(error instanceof Error)) return error;
  if (isExplained(error)) return new NotReady(redact(error.message), { cause: error });
  return Object.assign(new Error(redact(error.message), { cause: error }), { name: error.name });
}
