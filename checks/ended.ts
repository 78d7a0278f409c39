/** Why a check ended before it was complete, in the words of every layer. */

/** @param step what was being done */
export function timedOut(timeoutSeconds: number, step: string): string {
  const [count, unit] =
    timeoutSeconds % 60 === 0 ? ([timeoutSeconds / 60, 'minute'] as const) : ([timeoutSeconds, 'second'] as const);
  return `timed out after ${count} ${unit}${count === 1 ? '' : 's'} in ${step}: raise the target's timeout, or find out what hangs`;
}

export function stopped(step: string): string {
  return `stopped in ${step}, before the check was complete`;
}
