import * as z from 'zod';
import { CAUSES, type Cause } from './cause.ts';
import { askedBySchema } from './run.ts';
import { staleFrom } from './state/advance.ts';
import { isAcknowledged } from './state/paging.ts';
import type { Queue } from './state/queue.ts';
import type { OpenFinding, TargetState } from './state/state.ts';
import { LAYERS, type Target } from './target.ts';
import { VERDICTS } from './verdict.ts';

/** How a target stands now: the verdict of its last run, or what overrides it. The worst come first. */
export const STANDINGS = ['drifted', 'unknown', 'stale', 'never', 'in-sync', 'paused', 'retired'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Characters of a reason that an overview keeps; the report has all of it. */
const MAX_REASON = 500;

const startedSchema = z.object({ runId: z.string(), since: z.string() }).readonly();

/** One target as it stands. Times are ISO. */
export const rowSchema = z
  .object({
    target: z.string(),
    environment: z.string(),
    layer: z.enum(LAYERS),
    verdict: z.enum(STANDINGS),
    /** One sentence a person can act on. */
    reason: z.string(),
    /** Since when it stands so, as far as is known. */
    since: z.string().nullable(),
    /** The newest judged run. */
    lastRun: z
      .object({ runId: z.string(), verdict: z.enum(VERDICTS), endedAt: z.string() })
      .readonly()
      .nullable(),
    /** Whole seconds since that run ended. */
    age: z.number().int().nonnegative().nullable(),
    compared: z.number().nullable(),
    total: z.number().nullable(),
    /** Open findings that nobody has acknowledged, or no longer. */
    findings: z.number().int().nonnegative(),
    acknowledged: z.number().int().nonnegative(),
    /** How many of `findings` have which cause. */
    causes: z.partialRecord(z.enum(CAUSES), z.number().int().positive()).readonly(),
    /** When the first of the acknowledgements ends. */
    acknowledgedUntil: z.string().nullable(),
    /** The run in progress. */
    running: startedSchema.nullable(),
    /** The run that starts next; `throttled`: why there was no room for it. */
    waiting: startedSchema.unwrap().extend({ throttled: z.string().nullable() }).readonly().nullable(),
    /** Who asked for the newest judged run. */
    by: askedBySchema.nullable(),
    /** The newest run of a commit that somebody named: no verdict on the target. */
    aside: z
      .object({ runId: z.string(), commit: z.string().nullable(), verdict: z.enum(VERDICTS), reason: z.string() })
      .readonly()
      .nullable(),
    trigger: z.string().nullable(),
    commit: z.string().nullable(),
    /** The console's page of the latest report. */
    link: z.string(),
  })
  .readonly();
export type Row = z.infer<typeof rowSchema>;

/** What `plumbline status` reads of the deployed service. Additions only within a version. */
export const statusSchema = z
  .object({
    schema: z.literal('plumbline.status/1'),
    at: z.string(),
    config: z.object({ hash: z.string(), commit: z.string().nullable() }).readonly(),
    /** The worst first. */
    targets: z.array(rowSchema).readonly(),
    /** Names that were asked for and are in no deployed config. */
    missing: z.array(z.string()).readonly(),
  })
  .readonly();
export type Status = z.infer<typeof statusSchema>;

/** What is known of a target, or why it cannot be known. */
export type Known =
  | { readonly state: TargetState | null; readonly queue: Queue | null }
  | { readonly unreadable: string };

/** @param link the console's page of its latest report @throws Error when the record has a time that is none */
export function overviewRow(target: Target, known: Known, now: Date, link: string): Row {
  const { state, queue } = 'unreadable' in known ? { state: null, queue: null } : known;
  requireDates(state, queue);
  const last = state?.last ?? null;
  const findings = state?.findings ?? [];
  const open = findings.filter((finding) => !isAcknowledged(finding, now));
  const acknowledged = findings.filter((finding) => isAcknowledged(finding, now));
  const standing = 'unreadable' in known ? unreadable(known.unreadable) : standingOf(target, state, open, now);
  return {
    target: target.name,
    environment: target.environment.name,
    layer: target.layer,
    ...standing,
    reason: bounded(standing.reason),
    lastRun: last === null ? null : { runId: last.runId, verdict: last.verdict, endedAt: last.endedAt },
    age: last === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(last.endedAt)) / 1000)),
    compared: last?.compared ?? null,
    total: last?.total ?? null,
    findings: open.length,
    acknowledged: acknowledged.length,
    causes: causesOf(open),
    acknowledgedUntil: earliest(acknowledged.map(({ acknowledgedUntil }) => acknowledgedUntil)),
    running: queue?.running == null ? null : { runId: queue.running.runId, since: queue.running.claimedAt },
    waiting:
      queue?.waiting == null
        ? null
        : { runId: queue.waiting.runId, since: queue.waiting.at, throttled: queue.waiting.throttled },
    by: last?.by ?? null,
    aside: asideOf(state),
    trigger: last?.trigger ?? null,
    commit: last?.commit ?? null,
    link,
  };
}

/** To a verdict a damaged time does no harm, so that records take any text for one; a page would show nonsense. */
function requireDates(state: TargetState | null, queue: Queue | null): void {
  const times: readonly (readonly [string, string | null | undefined])[] = [
    ['since', state?.since],
    ['last.startedAt', state?.last?.startedAt],
    ['last.endedAt', state?.last?.endedAt],
    ['last.since', state?.last?.since],
    ...(state?.findings ?? []).flatMap(({ firstSeen, acknowledgedUntil }) => [
      ['firstSeen of a finding', firstSeen] as const,
      ['acknowledgedUntil of a finding', acknowledgedUntil] as const,
    ]),
    ['running.claimedAt', queue?.running?.claimedAt],
    ['waiting.at', queue?.waiting?.at],
  ];
  const damaged = times.find(([, time]) => typeof time === 'string' && Number.isNaN(Date.parse(time)));
  if (damaged !== undefined) throw new Error(`the record is damaged, ${damaged[0]} is no date`);
}

/** Whether the service would start a check of it. */
export const mayRun = ({ verdict }: Row): boolean => verdict !== 'paused' && verdict !== 'retired';

/** The worst first, and then by name. */
export function worstFirst(a: Row, b: Row): number {
  const byVerdict = STANDINGS.indexOf(a.verdict) - STANDINGS.indexOf(b.verdict);
  return byVerdict !== 0 ? byVerdict : a.target < b.target ? -1 : 1;
}

function asideOf(state: TargetState | null): Row['aside'] {
  if (state?.aside == null) return null;
  const { runId, commit, verdict, reason } = state.aside;
  return { runId, commit, verdict, reason: bounded(reason) };
}

const bounded = (reason: string): string => reason.slice(0, MAX_REASON).toWellFormed();

type StandingOf = Pick<Row, 'verdict' | 'reason' | 'since'>;

const unreadable = (why: string): StandingOf => ({
  verdict: 'unknown',
  reason: `what is known of it cannot be read: ${why}`,
  since: null,
});

function standingOf(target: Target, state: TargetState | null, open: readonly OpenFinding[], now: Date): StandingOf {
  if (target.retired) return { verdict: 'retired', reason: 'retired: about to be removed', since: null };
  if (!target.enabled) return { verdict: 'paused', reason: 'paused (enabled: false)', since: null };
  if (state === null) return { verdict: 'never', reason: 'no run was judged yet', since: null };
  const stale = staleFrom(state, target);
  if (stale !== null && now >= stale) {
    const before = state.last === null ? 'it never had one' : `the last one was ${state.last.verdict}`;
    return { verdict: 'stale', reason: `no run came when one was due; ${before}`, since: stale.toISOString() };
  }
  const { last } = state;
  if (last === null) return { verdict: 'never', reason: 'no run was judged yet', since: state.since };
  if (last.verdict === 'in-sync' && open.length > 0) return stillOpen(open);
  return { verdict: last.verdict, reason: last.reason, since: last.since ?? last.endedAt };
}

/** The run found nothing new, and yet something is open: an acknowledgement has ended since, or it was not looked at. */
function stillOpen(open: readonly OpenFinding[]): StandingOf {
  const ended = open.filter(({ acknowledged }) => acknowledged).length;
  const unseen = open.length - ended;
  const why = [
    ...(ended > 0 ? [`${ended} whose acknowledgement has ended`] : []),
    ...(unseen > 0 ? [`${unseen} that the last run did not look at`] : []),
  ];
  const since = open.map((finding) => (finding.acknowledged ? finding.acknowledgedUntil : finding.firstSeen));
  const findings = open.length === 1 ? '1 finding' : `${open.length} findings`;
  return { verdict: 'drifted', reason: `${findings}: ${why.join(' and ')}`, since: earliest(since) };
}

function causesOf(open: readonly OpenFinding[]): Partial<Record<Cause, number>> {
  const counts = CAUSES.map((cause) => [cause, open.filter((finding) => finding.cause === cause).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function earliest(times: readonly (string | null)[]): string | null {
  const known = times.filter((time) => time !== null);
  return known.reduce<string | null>((first, time) => {
    return first === null || Date.parse(time) < Date.parse(first) ? time : first;
  }, null);
}
