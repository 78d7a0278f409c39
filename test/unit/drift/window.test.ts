import { describe, expect, it } from 'vitest';
import { isTimezone } from '#drift/schedule.ts';
import { openWindow } from '#drift/window.ts';

const nightly = { start: 'cron(0 22 ? * SAT *)', durationSeconds: 4 * 3600, timezone: 'Europe/Berlin', reason: 'r' };

describe('a window', () => {
  it.each([
    ['before it starts', '2026-11-28T20:59:59Z', false],
    ['in winter, 22:00 in Berlin is 21:00 UTC', '2026-11-28T21:00:00Z', true],
    ['until it ends', '2026-11-29T00:59:59.999Z', true],
    ['when it ends', '2026-11-29T01:00:00Z', false],
    ['in summer, 22:00 in Berlin is 20:00 UTC', '2026-07-04T20:00:00Z', true],
    ['another day', '2026-11-27T22:00:00Z', false],
    ['over the night in which clocks go back, it lasts as long', '2026-10-25T00:00:00Z', false],
  ])('%s', (_name, now, open) => expect(openWindow([nightly], new Date(now)) !== null).toBe(open));

  it('may be once', () => {
    const once = { ...nightly, start: 'cron(0 8 5 12 ? 2026)', timezone: 'UTC' };
    expect(openWindow([once], new Date('2026-12-05T09:00:00Z'))).toBe(once);
    expect(openWindow([once], new Date('2027-12-05T09:00:00Z'))).toBeNull();
  });
});

describe('a time zone', () => {
  it.each([
    ['Europe/Berlin', true],
    ['UTC', true],
    ['Europe/Berln', false],
    ['+02:00', false],
    ['', false],
  ])('%j: %j', (name, expected) => expect(isTimezone(name)).toBe(expected));
});
