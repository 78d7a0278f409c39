import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandOutcome, hasEnded, isWaiting } from '#drift/nodes/outcome.ts';
import type { CommandProgress, Commands } from '#services/ports.ts';
import { pauseBefore } from './pace.ts';

/** Tests bring their own: a check may wait for minutes. */
export interface Clock {
  /** Milliseconds since some moment. */
  readonly now: () => number;
  /** Ends early, and without an error, when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
};

export interface Followed {
  /** Ids of the nodes that were asked. */
  readonly asked: ReadonlySet<string>;
  /** When so many milliseconds have gone by without any node ending, one that has not begun is not waited for any more. */
  readonly patienceMs: number;
}

export interface FollowWorld {
  readonly commands: Pick<Commands, 'progress' | 'outcomes'>;
  readonly clock: Clock;
  /** Milliseconds that may go by waiting. */
  readonly left: () => number;
  readonly signal: AbortSignal;
  /** Nodes that have ended. */
  readonly told: (nodes: number) => void;
}

export interface FollowResult {
  /** Whether nothing is left that could be cancelled. */
  readonly ended: boolean;
  /** The newest one of each node that was asked; of others there is none. */
  readonly outcomes: ReadonlyMap<string, CommandOutcome>;
}

/** An ended command whose outcomes are not all listed yet is asked for so many times more. */
const MORE_LISTINGS = 3;
const LISTING_MS = 1_000;
/** So few nodes, or this part of them, may be looked at one by one before the others have ended. */
const FEW_MISSING = 50;
const SMALL_PART = 0.1;

/**
 * Waits until every node that was asked has an outcome, until those that have none will not get one, or until the time
 * is over. How far the commands are is one call of SSM, whatever the number of nodes; the outcomes are listed when that
 * says that they are there.
 */
export async function follow(ids: readonly string[], course: Followed, world: FollowWorld): Promise<FollowResult> {
  const { commands, clock, left, signal, told } = world;
  const { asked } = course;
  const begin = clock.now();
  let last: CommandProgress = { ended: false, completed: 0, total: 0 };
  let changedAt = begin;
  let needed = asked.size;
  let listedAt = -1;
  for (let questions = 0; ; questions += 1) {
    const now = clock.now();
    const elapsed = now - begin;
    const pause = { elapsed, unchanged: now - changedAt, left: Math.max(0, left()), asked: needed, questions };
    await clock.sleep(pauseBefore({ ...pause, completed: last.completed }), signal);
    if (signal.aborted) return { ended: false, outcomes: new Map() };
    if (left() <= 0) return { ended: false, outcomes: await list(ids, asked, commands) };
    const progress = await commands.progress(ids);
    const isSame = progress.completed === last.completed && progress.total === last.total;
    if (!isSame) {
      changedAt = clock.now();
      told(Math.min(progress.completed, asked.size));
    }
    last = progress;
    if (progress.ended) return { ended: true, outcomes: await listAll(ids, progress.total, asked, world) };
    const missing = needed - progress.completed;
    const isLate = clock.now() - changedAt >= course.patienceMs && progress.completed !== listedAt;
    if (missing > 0 && !(isLate && missing <= Math.max(FEW_MISSING, asked.size * SMALL_PART))) continue;
    const outcomes = await list(ids, asked, commands);
    listedAt = progress.completed;
    const open = [...asked].filter((id) => !isOver(outcomes.get(id)));
    if (open.length === 0 || (isLate && open.every((id) => hasNotBegun(outcomes.get(id))))) {
      return { ended: false, outcomes };
    }
    // Others have ended, whom nobody asked: at least as many more have to end as are open.
    needed = progress.completed + open.length;
  }
}

const isOver = (outcome: CommandOutcome | undefined): boolean => outcome !== undefined && hasEnded(outcome);
const hasNotBegun = (outcome: CommandOutcome | undefined): boolean =>
  outcome === undefined || isWaiting(outcome) || hasEnded(outcome);

async function list(
  ids: readonly string[],
  asked: ReadonlySet<string>,
  commands: FollowWorld['commands'],
): Promise<Map<string, CommandOutcome>> {
  const outcomes = new Map<string, CommandOutcome>();
  for await (const outcome of commands.outcomes(ids)) {
    if (!asked.has(outcome.node)) continue;
    const before = outcomes.get(outcome.node);
    if (before === undefined || !hasEnded(before)) outcomes.set(outcome.node, outcome);
  }
  return outcomes;
}

/** The list of outcomes may be behind the command itself. */
async function listAll(
  ids: readonly string[],
  total: number,
  asked: ReadonlySet<string>,
  { commands, clock, left, signal }: FollowWorld,
): Promise<ReadonlyMap<string, CommandOutcome>> {
  let outcomes = await list(ids, asked, commands);
  const isBehind = (): boolean => {
    const over = [...outcomes.values()].filter(hasEnded).length;
    return over < Math.min(total, asked.size);
  };
  for (let more = 0; more < MORE_LISTINGS && isBehind() && left() > LISTING_MS && !signal.aborted; more += 1) {
    await clock.sleep(LISTING_MS, signal);
    outcomes = await list(ids, asked, commands);
  }
  return outcomes;
}
