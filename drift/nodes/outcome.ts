import { type NodeAnswer, readNodeAnswer } from './node-answer.ts';

/** What SSM says that a command has come to on one node. Nobody but SSM can say for whom it speaks. */
export interface CommandOutcome {
  /** The node's id. */
  readonly node: string;
  /** Of the command on this node: `InProgress`, `Success`, `TimedOut`, … */
  readonly status: string;
  /** More closely: `DeliveryTimedOut`, `ExecutionTimedOut`, `Undeliverable`, … */
  readonly details: string;
  /** The beginning of what it printed. */
  readonly output: string;
}

/** The largest stream that is read. */
export const MAX_STREAM_BYTES = 32 * 1024 * 1024;

/** What a stream has to be, to the byte, to be this node's; or why there is none. */
export type NodeWord =
  | { readonly stream: { readonly sha256: string; readonly size: number }; readonly answer: NodeAnswer }
  | { readonly reason: string };

const UNTOLD =
  'its command ended without a word that can be trusted: look at its output in Run Command, or deploy the stack again';

const SENTENCES: Readonly<Record<string, string>> = {
  Failed: 'its command failed without saying why: look at its output in Run Command, and whether the node has Python 3',
  DeliveryTimedOut: 'the command did not reach it in time: look whether its SSM agent runs',
  ExecutionTimedOut: "the check took longer on it than its time: find out what hangs, or raise the target's timeout",
  TimedOut: "the check took longer on it than its time: find out what hangs, or raise the target's timeout",
  Cancelled: 'the command was cancelled before it had ended on this node: check again',
  Undeliverable: 'SSM could not deliver the command: look whether the node is still there and its SSM agent runs',
  Terminated: 'SSM gave the command up before it came to this node: check again',
  InvalidPlatform: 'the command does not run on its platform: select Linux nodes only',
  AccessDenied: 'this role may not send the command to it: deploy the stack of this environment again',
};
/** Words for a command that goes on. */
const GOING_ON = new Set(['Pending', 'InProgress', 'Delayed', 'Cancelling']);
const WAITING = new Set(['Pending', 'Delayed']);
const AFTER_ALL =
  "it had not ended when the check had no time left: find out what hangs, or raise the target's timeout";
const NEVER_BEGAN = 'the command did not begin on it in time: look whether its SSM agent runs';

export const SILENT = 'SSM has no word of what the command came to on this node: look whether its SSM agent runs';

/** Some answers of SSM have blanks in them: `Delivery Timed Out`. */
const detailsOf = ({ status, details }: CommandOutcome): string => (details || status).replaceAll(' ', '');

/** Whether it is the last word of the command on this node. */
export const hasEnded = (outcome: CommandOutcome): boolean => !GOING_ON.has(detailsOf(outcome));

/** Whether nothing has happened on this node yet. */
export const isWaiting = (outcome: CommandOutcome): boolean => WAITING.has(detailsOf(outcome));

/** What an outcome says of the node's stream. Only a command that ended well speaks of one. */
export function wordOf(outcome: CommandOutcome): NodeWord {
  const details = detailsOf(outcome);
  const answer = readNodeAnswer(outcome.output);
  if (details === 'Success') return ofSuccess(answer);
  if (details === 'Failed' && answer !== null && answer.problem !== null) return { reason: problemOf(answer) };
  if (isWaiting(outcome)) return { reason: NEVER_BEGAN };
  if (!hasEnded(outcome)) return { reason: AFTER_ALL };
  const sentence = Object.hasOwn(SENTENCES, details) ? SENTENCES[details] : undefined;
  return { reason: sentence ?? `SSM says "${details.slice(0, 60)}" of the command on this node: check again` };
}

const problemOf = ({ problem, left }: NodeAnswer): string =>
  left === null ? `${problem}` : `${problem}; ${leftText(left)}`;

/** What is to be done about a folder of a run that is still there. */
export const leftText = (folder: string): string => `a folder of the run is left on the node: remove ${folder}`;

function ofSuccess(answer: NodeAnswer | null): NodeWord {
  if (answer === null) return { reason: UNTOLD };
  const { sha256, size, problem } = answer;
  if (problem !== null) return { reason: problemOf(answer) };
  if (sha256 === null || size === null) return { reason: UNTOLD };
  if (size > MAX_STREAM_BYTES) return { reason: 'its stream is larger than 32 MiB: check fewer tasks in one playbook' };
  return { stream: { sha256, size }, answer };
}
