import { KUBERNETES_FUNCTION } from './names.ts';

/** Why Lambda gave a function's event up, as it tells the failure destination. */
export interface FunctionFailure {
  /** `RetriesExhausted`: it ran and failed. `EventAgeExceeded`: it never got to run. */
  readonly condition: string;
  /** Absent when it did not run. */
  readonly errorType?: string | undefined;
  /** May hold anything: it is looked at, and never shown. */
  readonly errorMessage?: string | undefined;
}

/** By Lambda when the time was over, or by middy a moment before. */
const TIME_WAS_OVER = /Task timed out after [\d.]+ seconds|^\[AbortError\]: The operation was aborted/;
const { memoryMb, timeoutSeconds, maxEventAgeSeconds } = KUBERNETES_FUNCTION;

/**
 * One sentence that a person can act on. Lambda has no name for most of it: a process without memory is killed, or ends
 * itself when it is its heap that is full; a function whose time is over says so in its message only.
 */
export function functionProblem({ condition, errorType = '', errorMessage = '' }: FunctionFailure): string {
  if (condition === 'EventAgeExceeded') {
    return `the check could not be started for ${maxEventAgeSeconds / 60} minutes: Lambda had no room for its function; raise the account's limit of concurrent executions`;
  }
  if (/\.Timedout$/.test(errorType) || TIME_WAS_OVER.test(errorMessage)) {
    return `the check took longer than ${timeoutSeconds} s, which is all that its function has: split the target`;
  }
  if (errorType === 'Runtime.OutOfMemory' || /signal: (killed|aborted)/.test(errorMessage)) {
    return `the check ran out of memory (${memoryMb} MB): split the target, or raise KUBERNETES_FUNCTION.memoryMb and deploy`;
  }
  const kind = /^[\w.:-]{1,80}$/.test(errorType) ? errorType : 'without a name';
  return `the function failed (${kind}) before the check was complete; its log tells why`;
}
