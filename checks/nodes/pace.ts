/** How far a command is, and how long we look at it already. Times are milliseconds. */
export interface Course {
  readonly elapsed: number;
  /** Since the number of nodes that have ended was seen to change. */
  readonly unchanged: number;
  /** That is left for waiting. */
  readonly left: number;
  /** Nodes that were asked, and how many commands have ended. */
  readonly asked: number;
  readonly completed: number;
  /** Questions that were put already. */
  readonly questions: number;
}

const SECOND = 1_000;
/** Nodes that are asked about every second at first: somebody may wait, and it is one call. */
const FEW = 50;
/** More nodes may take one call of SSM for every 50 of a thousand: to send, to follow, and to cancel what is left. */
const MAX_QUESTIONS = 18;
const FIRST_OF_MANY = 5 * SECOND;

/**
 * How long to wait before SSM is asked again how a command is. A few nodes: a second, and longer the longer it takes
 * (3 % of the time). Many: half of what the rest will take when it goes on as until now, at most as long as it took until
 * now; however it goes, the questions last until the time is over.
 */
export function pauseBefore(course: Course): number {
  const { elapsed, unchanged, left, asked, completed, questions } = course;
  if (asked <= FEW) return Math.min(left, Math.max(SECOND, elapsed / 30));
  if (questions === 0) return Math.min(left, FIRST_OF_MANY);
  const rest = completed === 0 ? elapsed : (elapsed * Math.max(0, asked - completed)) / completed;
  const wanted = Math.min(Math.max(rest / 2, unchanged / 2, SECOND), Math.max(elapsed, SECOND));
  // Each of those that remain may wait twice as long as the one before.
  const least = left / (2 ** Math.max(1, MAX_QUESTIONS - questions) - 1);
  return Math.min(left, Math.max(wanted, least));
}
