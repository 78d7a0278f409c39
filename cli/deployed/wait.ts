import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '#drift/overview.ts';
import type { Asked } from '#drift/rerun.ts';
import type { Verdict } from '#drift/verdict.ts';
import { safeLine } from '../output/safe.ts';
import { type Terminal, UsageError } from '../terminal.ts';
import type { Service } from './service.ts';

/** Between two looks, and how often one may fail in a row. */
export const EVERY_MS = 3_000;
const FAILURES = 5;
/** Longer than any run may take, with the time that it may wait for its machine and for another one. */
const MAX_WAIT_MS = 3 * 60 * 60 * 1000;

/** A run that was started or joined. */
export type Started = Asked & { readonly runId: string };

/** A run that was asked for, and its end. */
export interface Ended {
  readonly target: string;
  readonly runId: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly link: string | null;
}

/**
 * How the run ended that was asked for, as its target stands now; null: it has not. A run that waited may never have
 * come because a newer one did: that one speaks for it.
 */
export function endOf({ target, runId, link }: Started, row: Row): Ended | null {
  const about = { target, runId, link };
  if (row.running?.runId === runId || row.waiting?.runId === runId) return null;
  if (row.aside?.runId === runId) return { ...about, verdict: row.aside.verdict, reason: row.aside.reason };
  if (row.lastRun === null || row.lastRun.runId < runId) return null;
  const { verdict } = row.lastRun;
  // What stands is more than the last run when something is open that it did not look at.
  return { ...about, verdict, reason: row.verdict === verdict ? row.reason : `the run is ${verdict}; ${row.reason}` };
}

/** What becomes of the run meanwhile; null: nothing that is known. */
function stepOf({ runId }: Started, { running, waiting, verdict, lastRun, reason }: Row): string | null {
  // Such a row knows of no run; a person may mend the record meanwhile.
  if (verdict === 'unknown' && lastRun === null) return reason;
  if (running?.runId === runId) return 'is being looked at';
  if (waiting?.runId !== runId) return null;
  return waiting.throttled === null ? 'waits for the run before' : `waits: ${waiting.throttled}`;
}

/** The ends of runs, as far as they came; on stderr what is still waited for. The runs go on whoever stops waiting. */
export async function waitFor(
  runs: readonly Started[],
  terminal: Terminal,
  service: Pick<Service, 'status'>,
  everyMs: number,
): Promise<readonly Ended[]> {
  const until = Date.now() + MAX_WAIT_MS;
  const left = new Map(runs.map((one) => [one.target, one]));
  const ended: Ended[] = [];
  const steps = new Map<string, string>();
  let failures = 0;
  while (left.size > 0) {
    if (terminal.signal.aborted) {
      terminal.err(`no longer waiting for ${left.size}: what was started goes on, \`plumbline status\` tells of it`);
      return ended;
    }
    if (Date.now() > until) {
      terminal.err(`no verdict within ${MAX_WAIT_MS / 3600_000} hours on ${names(left)}: is the service alive?`);
      return ended;
    }
    try {
      const { targets, missing } = await service.status([...left.keys()]);
      failures = 0;
      for (const name of missing) {
        left.delete(name);
        terminal.err(`${safeLine(name)}: is no longer in the deployed config, so that its run gets no verdict`);
      }
      for (const row of targets) {
        const asked = left.get(row.target);
        if (asked === undefined) continue;
        const end = endOf(asked, row);
        if (end === null) {
          const step = stepOf(asked, row);
          if (step === null || step === steps.get(row.target)) continue;
          steps.set(row.target, step);
          terminal.err(`${safeLine(row.target)}: ${safeLine(step)}`);
          continue;
        }
        left.delete(row.target);
        ended.push(end);
        terminal.err(`${safeLine(end.target)}: ${end.verdict} (${ended.length} of ${runs.length})`);
      }
    } catch (error) {
      if (terminal.signal.aborted) continue;
      if (!(error instanceof UsageError)) throw error;
      failures += 1;
      const message = safeLine(error.message);
      if (failures >= FAILURES) {
        terminal.err(`no longer waiting for ${names(left)}: ${message}`);
        return ended;
      }
      terminal.err(`looking again: ${message}`);
    }
    if (left.size > 0) await sleep(everyMs, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
  return ended;
}

const names = (left: ReadonlyMap<string, unknown>): string => [...left.keys()].map(safeLine).join(', ');
