import { closest } from 'fastest-levenshtein';
import * as z from 'zod';
import { isTimezone, nextTimes, ScheduleError } from '../schedule.ts';
import { duration, glob, text } from './scalars.ts';

const MAX_WINDOWS = 100;
const MAX_SECONDS = 7 * 86_400;
/** Any moment will do: whether it can be read is what is asked. */
const SOME_TIME = new Date('2024-01-01T00:00:00Z');
const START = 'write when it starts as cron(0 22 ? * SAT *)';

const timezone = z
  .string({ error: 'write a time zone, such as Europe/Berlin' })
  .superRefine((value, context) => {
    if (isTimezone(value)) return;
    const near = closest(value, Intl.supportedValuesOf('timeZone'));
    context.addIssue({ code: 'custom', message: `"${value}" is no time zone; did you mean "${near}"?` });
  })
  .default('UTC');

const start = z.string({ error: START }).superRefine((value, context) => {
  try {
    nextTimes(value, 'UTC', SOME_TIME, 1);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const window = z.strictObject({
  target: glob('a target, such as prod/network or prod/*').describe('Targets it is for; * is any text.'),
  start: start.describe('When it starts: cron(…), in the time zone.'),
  duration: duration
    .refine((seconds) => seconds >= 60 && seconds <= MAX_SECONDS, 'a window lasts 1m to 7d')
    .describe('How long it lasts, at most 7d.'),
  timezone: timezone.describe('Time zone of the start, such as Europe/Berlin. Default: UTC.'),
  reason: text('why: a reason').describe('Why.'),
});

/** `windows` as they are written. */
export const windowList = z
  .array(window, { error: 'write a list of windows: [{ target: …, start: …, duration: … }]' })
  .max(MAX_WINDOWS, `at most ${MAX_WINDOWS} windows are possible: use * in the target`)
  .default([])
  .describe('Maintenance: while one is open, drift and failed checks do not page; that no check comes still does.');
