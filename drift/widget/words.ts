import { CAUSES } from '../cause.ts';
import type { Row } from '../overview.ts';
import { startedByText } from '../started-by.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `3 min`, `2 h`, `5 days`: the largest unit that fits. */
export function duration(seconds: number): string {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} days`;
}

/** `2026-11-24 03:00 UTC`; a text that is no time stays as it is. */
export function moment(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `41 of 42 (97 %)`: never rounded up to all of it. */
export function coverageText({ compared, total }: Row): string {
  if (compared === null || total === null) return '';
  const percent = total === 0 ? '' : ` (${Math.floor((compared / total) * 100)} %)`;
  return `${compared} of ${total}${percent}`;
}

/** `3: 2 out-of-band, 1 pending`. */
export function findingsText({ findings, causes }: Row): string {
  const named = CAUSES.flatMap((cause) => (causes[cause] === undefined ? [] : [`${causes[cause]} ${cause}`]));
  return named.length === 0 ? String(findings) : `${findings}: ${named.join(', ')}`;
}

/** Who or what started the last run: `push, alice`, `manual (console)`. */
export function startedBy({ trigger, by }: Row): string {
  return trigger === null ? '' : startedByText(trigger, by);
}

/** What a run of a commit that somebody named came to; it is no verdict on the target. */
export function asideText({ aside }: Row): string {
  return aside === null ? '' : `beside it, commit ${aside.commit?.slice(0, 12) ?? 'not known'}: ${aside.verdict}`;
}
