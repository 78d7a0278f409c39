import { Cron } from 'croner';

const RATE = /^rate\((\d{1,5}) (minute|minutes|hour|hours|day|days)\)$/;
const CRON = /^cron\(([^()]{1,200})\)$/;
const UNIT_SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;

/** A schedule that EventBridge Scheduler accepts. */
export type Schedule =
  | { readonly kind: 'rate'; readonly seconds: number }
  | { readonly kind: 'cron'; readonly expression: string };

/** What is wrong with a schedule, and what to write instead. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

/** Reads `rate(1 hour)` or `cron(0 8 ? * MON-FRI *)` (UTC). @throws ScheduleError */
export function parseSchedule(text: string): Schedule {
  const rate = RATE.exec(text);
  if (rate?.[1] !== undefined && rate[2] !== undefined) return parseRate(Number(rate[1]), rate[2]);
  const cron = CRON.exec(text);
  if (cron?.[1] !== undefined) return parseCron(cron[1].trim());
  throw new ScheduleError(`"${text}" is no schedule; write rate(1 hour) or cron(0 8 ? * MON-FRI *)`);
}

/**
 * When a run that should have come is overdue: the first time the schedule fires after `lastStart`, plus what a run may
 * take, plus a grace. Never for a schedule that does not fire again.
 */
export function staleAt(text: string, lastStart: Date, timeoutSeconds: number, graceSeconds: number): Date {
  const schedule = parseSchedule(text);
  const next =
    schedule.kind === 'rate'
      ? new Date(lastStart.getTime() + schedule.seconds * 1000)
      : cronOf(schedule.expression).nextRun(lastStart);
  return next === null
    ? new Date(8_640_000_000_000_000)
    : new Date(next.getTime() + (timeoutSeconds + graceSeconds) * 1000);
}

/** Whether a `cron(…)` in a time zone fired after one moment and not after another. @throws ScheduleError */
export function firedWithin(text: string, timezone: string, after: Date, until: Date): boolean {
  const next = cronOf(parseWindowStart(text), timezone).nextRun(after);
  return next !== null && next <= until;
}

/** The next times that a `cron(…)` in a time zone fires. @throws ScheduleError */
export function nextTimes(text: string, timezone: string, after: Date, count: number): readonly Date[] {
  return cronOf(parseWindowStart(text), timezone).nextRuns(count, after);
}

/** Whether this is the name of a time zone, such as Europe/Berlin; an offset is none. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function parseWindowStart(text: string): string {
  const schedule = parseSchedule(text);
  if (schedule.kind === 'cron') return schedule.expression;
  throw new ScheduleError(`a window starts at times, not at a rate; write cron(0 22 ? * SAT *), not ${text}`);
}

function parseRate(count: number, word: string): Schedule {
  const unit = word.replace(/s$/, '') as keyof typeof UNIT_SECONDS;
  if (count === 0) throw new ScheduleError('a rate must be at least 1; write rate(1 hour)');
  const right = count === 1 ? unit : `${unit}s`;
  if (word !== right) throw new ScheduleError(`AWS wants rate(${count} ${right}), not rate(${count} ${word})`);
  return { kind: 'rate', seconds: count * UNIT_SECONDS[unit] };
}

function parseCron(expression: string): Schedule {
  const fields = expression.split(/\s+/);
  if (fields.length !== 6) {
    throw new ScheduleError(
      `cron(${expression}) has ${fields.length} fields, AWS wants 6: minutes hours day-of-month month day-of-week year`,
    );
  }
  if (fields[2] !== '?' && fields[4] !== '?') {
    throw new ScheduleError(`cron(${expression}): one of day-of-month and day-of-week must be "?"`);
  }
  try {
    cronOf(expression);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ScheduleError(`cron(${expression}) is not valid: ${why}`, { cause });
  }
  return { kind: 'cron', expression };
}

/** AWS counts weekdays from 1 = Sunday, as Quartz does, and has no seconds. */
function cronOf(expression: string, timezone = 'UTC'): Cron {
  return new Cron(`0 ${expression}`, {
    alternativeWeekdays: true,
    sloppyRanges: true,
    timezone,
    mode: '7-part',
    paused: true,
  });
}
