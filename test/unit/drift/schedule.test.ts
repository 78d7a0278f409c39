import { describe, expect, it } from 'vitest';
import { parseSchedule, ScheduleError, staleAt } from '#drift/schedule.ts';

describe('a schedule', () => {
  it.each([
    ['rate(1 hour)', { kind: 'rate', seconds: 3600 }],
    ['rate(15 minutes)', { kind: 'rate', seconds: 900 }],
    ['rate(2 days)', { kind: 'rate', seconds: 172_800 }],
    ['cron(0 8 ? * MON-FRI *)', { kind: 'cron', expression: '0 8 ? * MON-FRI *' }],
    ['cron(0/15 8-18 ? * 2-6 *)', { kind: 'cron', expression: '0/15 8-18 ? * 2-6 *' }],
  ])('%s is read', (text, expected) => expect(parseSchedule(text)).toEqual(expected));

  it.each([
    ['hourly', /write rate\(1 hour\)/],
    ['rate(0 hours)', /at least 1/],
    ['rate(1 hours)', /AWS wants rate\(1 hour\)/],
    ['rate(2 hour)', /AWS wants rate\(2 hours\)/],
    ['rate(1 week)', /is no schedule/],
    ['cron(0 8 * * *)', /has 5 fields, AWS wants 6/],
    ['cron(0 8 * * MON *)', /must be "\?"/],
    ['cron(61 8 ? * MON *)', /is not valid/],
    ['rate(1 hour); rm', /is no schedule/],
  ])('%s is refused with what to write instead', (text, remedy) => {
    expect(() => parseSchedule(text)).toThrow(ScheduleError);
    expect(() => parseSchedule(text)).toThrow(remedy);
  });
});

describe('a check is overdue', () => {
  const stale = (schedule: string, last: string): string => staleAt(schedule, new Date(last), 600, 300).toISOString();

  it.each([
    ['rate(1 hour)', '2026-11-24T03:00:00Z', '2026-11-24T04:15:00.000Z'],
    ['rate(1 day)', '2026-11-24T03:00:00Z', '2026-11-25T03:15:00.000Z'],
    ['cron(0 8 ? * MON-FRI *)', '2026-11-20T08:00:10Z', '2026-11-23T08:15:00.000Z'],
    ['cron(0 8 ? * 1 *)', '2026-11-22T08:00:10Z', '2026-11-29T08:15:00.000Z'],
    ['cron(30 23 L * ? *)', '2026-11-24T03:00:00Z', '2026-11-30T23:45:00.000Z'],
  ])('%s after %s at %s', (schedule, last, expected) => expect(stale(schedule, last)).toBe(expected));

  it('never, when the schedule does not fire again', () => {
    expect(staleAt('cron(0 8 1 1 ? 2025)', new Date('2026-11-24T03:00:00Z'), 600, 300).getTime()).toBe(8.64e15);
  });
});
