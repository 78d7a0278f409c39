import { once } from 'node:events';
import { deployed } from '#drift/names.ts';
import type { Fleet, NodeReason } from '#drift/nodes/fleet.ts';
import { type CommandOutcome, SILENT, wordOf } from '#drift/nodes/outcome.ts';
import type { NodeSelect } from '#drift/target.ts';
import type { Commands, ObjectStore } from '#services/ports.ts';
import { stopped } from '../ended.ts';
import { NotReady } from '../not-ready.ts';
import { type Clock, follow, REAL_CLOCK } from './follow.ts';
import { type AskedStream, type NodeStreamRead, readStreams } from './join.ts';

export interface AskRequest {
  readonly fleet: Fleet;
  readonly select: NodeSelect;
  /** Nodes at the same time: `50`, `10%`. */
  readonly concurrency: string;
  /** Of our document (drift/nodes/document.ts). */
  readonly parameters: Readonly<Record<string, string>>;
  /** Key of the object that the signed address of a node leads to. */
  readonly inboxOf: (nodeId: string) => string;
  readonly runId: string;
  /** Milliseconds that are left for all of it. */
  readonly left: () => number;
  readonly signal: AbortSignal;
  readonly progress: (step: string) => void;
}

export interface AskWorld {
  readonly commands: Commands;
  readonly store: Pick<ObjectStore, 'read'>;
  /** @default the real one */
  readonly clock?: Clock;
}

export interface Answers {
  /** Of those who were asked (`fleet.nodes`), all from whom no stream came that could be trusted. */
  readonly unreached: readonly NodeReason[];
}

/** A node that can be reached begins at once; what is waited for longer is a node whose agent SSM takes for alive. */
export const DELIVERY_SECONDS = 120;
/** Kept for the list of outcomes and for the streams, of a check that runs out of time. */
const JOIN_MS = 20_000;
const JOIN_SHARE = 0.1;
/** In the words of a report and of the build's log. */
const STEP = 'asking the nodes';

/**
 * Asks nodes to look at themselves, waits, and hands over the stream of each node that SSM vouches for. One node neither
 * holds up nor speaks for another: who has no outcome or no stream is unreached, with the reason. What has not ended
 * when this returns or throws is cancelled.
 * @param take is given each stream once, in no order; nothing of it is kept
 * @throws FleetError when AWS refuses the whole, NotReady when the signal aborts
 */
export async function askNodes(
  request: AskRequest,
  world: AskWorld,
  take: (stream: NodeStreamRead) => void,
): Promise<Answers> {
  const { fleet, signal } = request;
  if (fleet.nodes.length === 0) return { unreached: [] };
  throwIfStopped(signal);
  const outcomes = await outcomesOf(request, world);
  throwIfStopped(signal);
  const unreached: NodeReason[] = [];
  const streams: AskedStream[] = [];
  for (const node of fleet.nodes) {
    const outcome = outcomes.get(node.id);
    const word = outcome === undefined ? { reason: SILENT } : wordOf(outcome);
    if ('reason' in word) unreached.push({ node: node.name, reason: word.reason });
    else streams.push({ node: node.name, key: request.inboxOf(node.id), ...word });
  }
  request.progress(`${STEP}: reading ${streams.length} streams`);
  unreached.push(...(await readStreams(streams, { ...request, store: world.store }, take)));
  throwIfStopped(signal);
  return { unreached };
}

/** Sends, follows, and takes back what has not ended, however it ends. */
async function outcomesOf(
  request: AskRequest,
  { commands, clock = REAL_CLOCK }: AskWorld,
): Promise<ReadonlyMap<string, CommandOutcome>> {
  const { fleet, left, signal, progress, select, parameters, concurrency } = request;
  const kept = Math.min(JOIN_MS, left() * JOIN_SHARE);
  const waiting = (): number => left() - kept;
  if (waiting() <= 0) throw new NotReady("no time was left to ask the nodes: raise the target's timeout");
  const nodes = fleet.nodes.map(({ id }) => id);
  const ids = await commands.send({
    ...{ document: deployed.nodeDocument, nodes, select, parameters, concurrency },
    deliverySeconds: fitsAtOnce(nodes.length, concurrency) ? DELIVERY_SECONDS : waiting() / 1000,
    comment: `plumbline ${request.runId}`,
  });
  let ended = false;
  const over = new AbortController();
  try {
    const course = { asked: new Set(nodes), patienceMs: DELIVERY_SECONDS * 1000 };
    const told = (done: number): void => progress(`${STEP}: ${done} of ${nodes.length} have ended`);
    const following = follow(ids, course, { commands, clock, left: waiting, signal, told });
    // A stopped build has some seconds: it does not wait for a call that AWS answers late.
    const result = await Promise.race([following, once(signal, 'abort', { signal: over.signal }).then(throwStopped)]);
    ended = result.ended;
    return result.outcomes;
  } finally {
    over.abort();
    if (!ended) await takeBack(ids, commands, progress);
  }
}

/** A command that cannot be cancelled ends by its own time limit; what it comes to is not waited for. */
async function takeBack(ids: readonly string[], commands: Commands, progress: (step: string) => void): Promise<void> {
  await commands.cancel(ids).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : 'for no known reason';
    progress(`${STEP}: the commands could not be cancelled (${why}); their own time limit ends them`);
  });
}

/** SSM gives a command up as a whole when its delivery time is over: nodes that wait for their turn need more. */
function fitsAtOnce(nodes: number, concurrency: string): boolean {
  return concurrency === '100%' || (!concurrency.endsWith('%') && Number(concurrency) >= nodes);
}

function throwStopped(): never {
  throw new NotReady(stopped(STEP));
}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throwStopped();
}
