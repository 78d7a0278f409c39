import { firedWithin } from './schedule.ts';

/** A time of maintenance: nothing that is found or fails in it pages, until it ends; that no check comes still does. */
export interface Window {
  /** `cron(…)`, in the time zone. */
  readonly start: string;
  readonly durationSeconds: number;
  readonly timezone: string;
  readonly reason: string;
}

/** The window that is open; its first moment belongs to it, the one that it ends at does not. */
export function openWindow(windows: readonly Window[], now: Date): Window | null {
  const open = windows.find(({ start, durationSeconds, timezone }) =>
    firedWithin(start, timezone, new Date(now.getTime() - durationSeconds * 1000), now),
  );
  return open ?? null;
}
