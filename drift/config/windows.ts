import { globMatches } from '../rules/glob.ts';
import { nextTimes } from '../schedule.ts';
import type { Window } from '../window.ts';
import type { Mistake } from './mistake.ts';
import type { ConfigFile } from './schema.ts';

type WindowFile = ConfigFile['windows'][number];

/** Any moment will do: how often a window starts is looked at, not when. */
const SOME_TIME = new Date('2024-01-01T00:00:00Z');
const SAMPLE = 12;

/** The windows that are for a target. */
export function windowsOf(target: string, windows: readonly WindowFile[]): readonly Window[] {
  return windows
    .filter((window) => globMatches(window.target, target))
    .map(({ start, duration, timezone, reason }) => ({ start, durationSeconds: duration, timezone, reason }));
}

/** A window that never closes silences a target for good. */
export function windowMistakes(windows: readonly WindowFile[]): readonly Mistake[] {
  return windows.flatMap((window, index) => {
    if (!neverCloses(window)) return [];
    const message =
      'lasts until the next one starts, so that it never closes; make it shorter, or write observe: true at the target';
    return [{ path: ['windows', index, 'duration'], message }];
  });
}

function neverCloses({ start, duration, timezone }: WindowFile): boolean {
  const times = nextTimes(start, timezone, SOME_TIME, SAMPLE).map((time) => time.getTime());
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return gaps.length === SAMPLE - 1 && Math.max(...gaps) <= duration * 1000;
}
