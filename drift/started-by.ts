import type { AskedBy } from './run.ts';

/** Who or what started a run, for people: `push, alice`, `manual (console)`, `manual (cli), arn:aws:…`. */
export function startedByText(trigger: string, by: AskedBy | null | undefined): string {
  const via = by?.via === undefined ? '' : ` (${by.via})`;
  const who = by?.author ?? by?.actor;
  return `${trigger}${via}${who === undefined ? '' : `, ${who}`}`;
}
