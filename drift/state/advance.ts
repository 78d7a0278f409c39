import { createHash } from 'node:crypto';
import type { Finding } from '../finding.ts';
import { EVENTS, type EventName } from '../names.ts';
import { pathsBeyond } from '../paths.ts';
import type { Report } from '../report.ts';
import { ACCEPTED } from '../rules/accept.ts';
import { type IgnoreRule, type Rules, rulesFor } from '../rules/rule.ts';
import { staleAt } from '../schedule.ts';
import type { Target } from '../target.ts';
import { coverageSuffices } from '../verdict.ts';
import { pagingFindings } from './paging.ts';
import { declaredHashOf, flipsOf } from './perpetual.ts';
import { bindingsAfter, isIgnored, rejudge } from './remember.ts';
import {
  isWatched,
  type JudgedRun,
  type OpenFinding,
  type TargetState,
  type Transition,
  unknownLevel,
} from './state.ts';

/** The pager is rung again at most this often per target. */
const RE_PAGE_EVERY_MS = 60 * 60 * 1000;

/** How long after its due time, beyond the target's own timeout, a run may come before the target is stale. */
export const STALE_GRACE_SECONDS = 300;

/**
 * The state after a run was judged. A run that is not newer than the last one changes nothing (DESIGN §2.7), and only
 * a run that looked and ended well resolves what it no longer finds (§2.8). One that looked aside opens and resolves
 * nothing, pages nobody, and is not what staleness waits for.
 */
export function advance(state: TargetState, report: Report, target: Target, rules: Rules, now: Date): TargetState {
  if (report.aside === true) return lookedAside(state, report, target);
  if (state.last !== null && report.runId <= state.last.runId) return state;
  const seen = report.verdict !== 'unknown' && !target.retired;
  const { acknowledge, ignore } = rulesFor(rules, target.name);
  const bindings = bindingsAfter(state, acknowledge);
  const found = seen ? foundFindings(state, report, target) : [];
  const kept = seen ? keptFindings(state.findings, report, ignore) : state.findings;
  const findings = [...found, ...rejudge(kept, acknowledge, bindings, now)];
  const next: TargetState = {
    ...state,
    last: {
      ...judgedRun(report, target),
      since: state.last?.verdict === report.verdict ? (state.last.since ?? state.last.endedAt) : report.endedAt,
    },
    lastInSync: report.verdict === 'in-sync' ? report.commit.checked : state.lastInSync,
    stale: false,
    findings,
    outputs: (seen ? report.outputs : undefined) ?? state.outputs,
    // What could not be looked at may have come to be made of something else.
    paths: (seen ? report.paths : undefined) ?? null,
    bindings,
    outbox: [
      ...state.outbox,
      ...(seen ? findingTransitions(state.findings, findings, report) : []),
      ...(target.retired ? [] : lookSince(state, report, target, now)),
    ],
  };
  return settle(target.retired ? closed(next) : next, target, now);
}

/**
 * The state as time alone changes it: staleness, graces, acknowledgements and windows that end, a re-page that had to
 * wait, a target that was retired.
 */
export function tick(state: TargetState, target: Target, now: Date): TargetState {
  const schedule = isWatched(target) ? (target.schedule ?? null) : null;
  const before = target.retired ? closed(state) : state;
  const expected = before.schedule === schedule ? before : { ...before, schedule, since: now.toISOString() };
  return settle({ ...expected, stale: isStale(expected, target, now) }, target, now);
}

function lookedAside(state: TargetState, report: Report, target: Target): TargetState {
  const isOlder = state.aside !== null && report.runId <= state.aside.runId;
  return isOlder ? state : { ...state, aside: judgedRun(report, target) };
}

/** As if its verdict were new. */
function judgedRun(report: Report, target: Target): JudgedRun {
  return {
    runId: report.runId,
    trigger: report.trigger,
    ...(report.by === undefined ? {} : { by: report.by }),
    commit: report.commit.checked,
    startedAt: report.startedAt,
    endedAt: report.endedAt,
    verdict: report.verdict,
    reason: report.reason,
    log: report.log,
    compared: report.coverage.compared,
    total: report.coverage.total,
    since: report.endedAt,
    incomplete: !coverageSuffices(report.coverage, target.minCoverage),
  };
}

/** The state without the transitions that were announced. */
export function announced(state: TargetState, ids: ReadonlySet<string>, now: Date): TargetState {
  const rePaged = state.outbox.some((transition) => transition.kind === 're-page' && ids.has(transition.id));
  return {
    ...state,
    rePagedAt: rePaged ? now.toISOString() : state.rePagedAt,
    outbox: state.outbox.filter((transition) => !ids.has(transition.id)),
  };
}

/** The state of a retired target: nothing is open any more, and whoever was told of it is told so. */
function closed(state: TargetState): TargetState {
  const runId = state.last?.runId ?? 'no run';
  const told = state.findings.map((finding) =>
    transition(EVENTS.driftResolved, state.target, runId, `${finding.fingerprint} retired`, {
      ...finding,
      reason: 'the target is retired',
    }),
  );
  return { ...state, findings: [], outbox: [...state.outbox, ...told] };
}

/** From when on the target is stale unless a run comes; null: no run is expected. */
export function staleFrom(state: TargetState, target: Target): Date | null {
  if (state.schedule === null) return null;
  const lastStart = new Date(Math.max(Date.parse(state.since), Date.parse(state.last?.startedAt ?? state.since)));
  return staleAt(state.schedule, lastStart, target.timeoutSeconds, STALE_GRACE_SECONDS);
}

function isStale(state: TargetState, target: Target, now: Date): boolean {
  const from = staleFrom(state, target);
  return from !== null && now >= from;
}

/** What this run found. */
function foundFindings({ findings, last }: TargetState, report: Report, target: Target): readonly OpenFinding[] {
  const before = new Map(findings.map((finding) => [finding.fingerprint, finding]));
  const sameCommit = last?.commit === report.commit.checked;
  return report.findings.map((finding) => {
    const known = before.get(finding.fingerprint);
    return {
      ...open(finding, known, report.endedAt),
      confirmed: known !== undefined || target.confirmSeconds === 0,
      flips: flipsOf(finding, known, sameCommit),
      declaredHash: declaredHashOf(finding),
    };
  });
}

/** What is open and was not looked at; an accepted subject was not either, nor one beyond what is listed. */
function keptFindings(
  known: readonly OpenFinding[],
  report: Report,
  ignored: readonly IgnoreRule[],
): readonly OpenFinding[] {
  const found = new Set(report.findings.map((finding) => finding.fingerprint));
  const accepted = report.notes.filter(({ kind }) => kind === ACCEPTED);
  const unseen = new Set([...report.coverage.uncovered, ...accepted].map(({ subject }) => subject));
  const all = (report.unlisted ?? 0) > 0;
  return known.filter(
    (finding) =>
      !found.has(finding.fingerprint) && (all || unseen.has(finding.subject)) && !isIgnored(finding, ignored),
  );
}

function open(
  finding: Finding,
  known: OpenFinding | undefined,
  seenAt: string,
): Omit<OpenFinding, 'confirmed' | 'flips' | 'declaredHash'> {
  return {
    subject: finding.subject,
    ...(finding.path === undefined ? {} : { path: finding.path }),
    change: finding.change,
    cause: finding.cause,
    fingerprint: finding.fingerprint,
    valueHash: finding.valueHash,
    severity: finding.severity,
    firstSeen: known?.firstSeen ?? seenAt,
    acknowledged: finding.acknowledged !== null,
    acknowledgedUntil: finding.acknowledged?.until ?? null,
  };
}

function findingTransitions(
  before: readonly OpenFinding[],
  after: readonly OpenFinding[],
  report: Report,
): readonly Transition[] {
  const old = new Map(before.map((finding) => [finding.fingerprint, finding]));
  const now = new Set(after.map((finding) => finding.fingerprint));
  const event = (name: EventName, finding: OpenFinding) =>
    transition(name, report.target, report.runId, finding.fingerprint, {
      ...finding,
      commit: report.commit.checked,
      ...startedBy(report),
    });
  return [
    ...after.flatMap((finding) => {
      const known = old.get(finding.fingerprint);
      if (known === undefined) return [event(EVENTS.driftOpened, finding)];
      return known.valueHash === finding.valueHash ? [] : [event(EVENTS.driftChanged, finding)];
    }),
    ...before.filter((finding) => !now.has(finding.fingerprint)).map((finding) => event(EVENTS.driftResolved, finding)),
  ];
}

/**
 * While the run looked, a push was compared with what the verdict before remembered: one that touched only what is new
 * started nothing. It lies in the outbox, as only this comparison knows both: a `record` that is tried again finds the
 * state as it left it, and what is told twice is one run.
 */
function lookSince(state: TargetState, report: Report, { source }: Target, now: Date): readonly Transition[] {
  const since = report.commit.checked;
  if (source?.webhook === undefined || since === null || state.paths === null) return [];
  const isKnown = report.verdict !== 'unknown' && report.paths !== undefined;
  // One that could not look may have stopped at what is new, whose mend may have been pushed meanwhile.
  const paths = isKnown ? pathsBeyond(state.paths, report.paths) : ['.'];
  if (paths.length === 0) return [];
  const { runId } = report;
  const id = transitionId(state.target, runId, 'look');
  return [{ kind: 'look', id, runId, at: now.toISOString(), host: report.by?.host ?? null, since, paths }];
}

/** What follows from the state whichever way it came about: failing or recovered, and what the alarm is red for. */
function settle(state: TargetState, target: Target, now: Date): TargetState {
  const failing = unknownLevel(state, target, now) > 0;
  const paged = pagingFindings(state, target, now).map(pageKey);
  const fresh = paged.filter((key) => !state.paged.includes(key));
  const wasRed = state.paged.length > 0;
  const rePageWanted =
    paged.length === 0
      ? null
      : wasRed && fresh.length > 0
        ? `${fresh.length} new or changed finding${fresh.length === 1 ? '' : 's'} while the alarm was red`
        : state.rePageWanted;
  const runId = state.last?.runId ?? 'no run';
  const change: Transition[] =
    failing === state.failing
      ? []
      : [
          transition(failing ? EVENTS.checkFailed : EVENTS.checkRecovered, state.target, runId, String(state.stale), {
            reason: state.stale ? 'stale: no run came when one was due' : (state.last?.reason ?? ''),
            ...(state.stale || state.last === null ? {} : startedBy(state.last)),
          }),
        ];
  const settled: TargetState = { ...state, failing, paged, rePageWanted, outbox: [...state.outbox, ...change] };
  return rePageWanted !== null && mayRePage(settled, now) ? withRePage(settled, rePageWanted, runId) : settled;
}

function mayRePage(state: TargetState, now: Date): boolean {
  return state.rePagedAt === null || now.getTime() - Date.parse(state.rePagedAt) >= RE_PAGE_EVERY_MS;
}

function withRePage(state: TargetState, reason: string, runId: string): TargetState {
  const id = transitionId(state.target, runId, 're-page', state.paged.join());
  return { ...state, rePageWanted: null, outbox: [...state.outbox, { kind: 're-page', id, reason }] };
}

/** What an event says of who started the run that it comes from. */
const startedBy = ({ trigger, by }: Pick<Report, 'trigger' | 'by'> | Pick<JudgedRun, 'trigger' | 'by'>) => ({
  trigger,
  ...(by === undefined ? {} : { by }),
});

const pageKey = (finding: OpenFinding): string => `${finding.fingerprint}:${finding.valueHash ?? ''}`;

function transition(
  name: EventName,
  target: string,
  runId: string,
  about: string,
  detail: Readonly<Record<string, unknown>>,
): Transition {
  const id = transitionId(target, runId, name, about);
  return { kind: 'event', id, name, detail: { id, target, runId, ...detail } };
}

/** Stable over retries, so that whoever gets a transition twice can tell. */
function transitionId(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
