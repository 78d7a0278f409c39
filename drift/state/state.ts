import * as z from 'zod';
import { CAUSES } from '../cause.ts';
import { CHANGES } from '../finding.ts';
import { EVENTS } from '../names.ts';
import { bindingsSchema } from '../rules/bindings.ts';
import { askedBySchema } from '../run.ts';
import { SEVERITIES, type Target } from '../target.ts';
import { VERDICTS } from '../verdict.ts';
import { HOSTS } from '../webhook/delivery.ts';
import { openWindow } from '../window.ts';

const EVENT_NAMES = [
  EVENTS.driftOpened,
  EVENTS.driftChanged,
  EVENTS.driftResolved,
  EVENTS.checkFailed,
  EVENTS.checkRecovered,
] as const;

/** A finding that is open: seen by the newest run that looked at its subject. */
export const openFindingSchema = z
  .object({
    subject: z.string(),
    path: z.string().optional(),
    change: z.enum(CHANGES),
    cause: z.enum(CAUSES),
    fingerprint: z.string(),
    valueHash: z.string().nullable(),
    severity: z.enum(SEVERITIES),
    firstSeen: z.string(),
    /** A person knows of it: it stays listed and does not page. */
    acknowledged: z.boolean(),
    /** The last moment that the acknowledgement holds; after it the finding pages without a new run. */
    acknowledgedUntil: z.string().nullable().default(null),
    /** A second run has found it too. */
    confirmed: z.boolean().default(true),
    /** How often one of its sides was another than at the look before, with the same commit. */
    flips: z.number().int().nonnegative().default(0),
    /** Of the declared side as it is shown; null: from a state of before. */
    declaredHash: z.string().nullable().default(null),
  })
  .readonly();
export type OpenFinding = z.infer<typeof openFindingSchema>;

/**
 * Something that happened and must be told: an event on the bus, the alarm raised anew, or what may have been pushed
 * unseen while the run looked.
 */
export const transitionSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('event'),
    id: z.string(),
    name: z.enum(EVENT_NAMES),
    detail: z.record(z.string(), z.unknown()),
  }),
  z.object({ kind: z.literal('re-page'), id: z.string(), reason: z.string() }),
  z.object({
    kind: z.literal('look'),
    id: z.string(),
    runId: z.string(),
    at: z.string(),
    /** That git can be asked at; null: nobody knows one. */
    host: z.enum(HOSTS).nullable(),
    /** The commit that the run looked at. */
    since: z.string(),
    /** What the target was not known to be made of before. */
    paths: z.array(z.string()).readonly(),
  }),
]);
export type Transition = z.infer<typeof transitionSchema>;

/** The newest judged run, as the state remembers it. */
export const judgedRunSchema = z
  .object({
    runId: z.string(),
    trigger: z.string(),
    by: askedBySchema.exactOptional(),
    commit: z.string().nullable(),
    startedAt: z.string(),
    endedAt: z.string(),
    verdict: z.enum(VERDICTS),
    reason: z.string(),
    log: z.string().nullable(),
    compared: z.number(),
    total: z.number(),
    /** End of the first of the runs in a row that had this verdict; null: from a state of before. */
    since: z.string().nullable().default(null),
    /** Coverage is below the target's `minCoverage`. */
    incomplete: z.boolean(),
  })
  .readonly();

/** `state/<target>.json`: the latest verdict, what is open, and the outbox of what is not announced yet. */
export const stateSchema = z
  .object({
    schema: z.literal('plumbline.state/1'),
    target: z.string(),
    /** Since when the service expects runs on this schedule; staleness counts from here until the first one. */
    since: z.string(),
    /** The schedule that `since` speaks of; null while paused or without one. */
    schedule: z.string().nullable(),
    last: judgedRunSchema.nullable(),
    /** The newest run of a commit that somebody named: for whoever asked, no verdict on the target. */
    aside: judgedRunSchema.nullable().default(null),
    /** Commit of the newest run that was in sync. */
    lastInSync: z.string().nullable(),
    findings: z.array(openFindingSchema).readonly(),
    /** Outputs as the newest run that could look saw them, each as JSON text. */
    outputs: z.record(z.string(), z.string()).readonly().default({}),
    /** What the target was made of when it was last seen, from the root of its repository; null: not known. */
    paths: z.array(z.string()).readonly().nullable().default(null),
    bindings: bindingsSchema.default({}),
    /** No run came when one was due. */
    stale: z.boolean(),
    /** Whether "it cannot be seen" is what was announced last. */
    failing: z.boolean(),
    /** What the alarm is red for: identity and value of each finding that pages. */
    paged: z.array(z.string()).readonly(),
    /** A new or changed finding came while the alarm was red, and the pager was not yet rung again. */
    rePageWanted: z.string().nullable(),
    rePagedAt: z.string().nullable(),
    outbox: z.array(transitionSchema).readonly(),
  })
  .readonly();
export type JudgedRun = z.infer<typeof judgedRunSchema>;
export type TargetState = z.infer<typeof stateSchema>;

/** The largest state that is read back, in bytes. */
export const MAX_STATE_BYTES = 8 * 1024 * 1024;

/** A target that the service has just met. */
export function newState(target: string, now: Date): TargetState {
  return {
    schema: 'plumbline.state/1',
    target,
    since: now.toISOString(),
    schedule: null,
    last: null,
    aside: null,
    lastInSync: null,
    findings: [],
    outputs: {},
    paths: null,
    bindings: {},
    stale: false,
    failing: false,
    paged: [],
    rePageWanted: null,
    rePagedAt: null,
    outbox: [],
  };
}

/** Whether the target is looked at at all: neither paused nor retired. */
export function isWatched(target: Target): boolean {
  return target.enabled && !target.retired;
}

/** The `Unknown` metric: 0 seen, 1 last run failed or incomplete, 2 stale. In maintenance only the last one counts. */
export function unknownLevel(state: TargetState, target: Target, now: Date): 0 | 1 | 2 {
  if (!isWatched(target)) return 0;
  if (state.stale) return 2;
  const notSeen = state.last !== null && (state.last.verdict === 'unknown' || state.last.incomplete);
  return notSeen && openWindow(target.windows, now) === null ? 1 : 0;
}
