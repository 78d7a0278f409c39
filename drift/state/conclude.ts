import type { Cause } from '../cause.ts';
import { NO_COVERAGE } from '../coverage.ts';
import type { Finding } from '../finding.ts';
import { type Report, reportSchema } from '../report.ts';
import { applyRules } from '../rules/apply.ts';
import { type Rules, rulesFor } from '../rules/rule.ts';
import type { Run } from '../run.ts';
import type { Target } from '../target.ts';
import { perpetualNotes } from './perpetual.ts';
import { bindingsAfter } from './remember.ts';
import type { OpenFinding, TargetState } from './state.ts';

/** How a run came to its end, as the service saw it. */
export interface Ended {
  /** The build or function that compared; `problem`: why its end was a bad one. Null: there was none. */
  readonly worker: { readonly problem: string | null; readonly log: string | null } | null;
  /** It could not be started, or never ended. */
  readonly failure: string | null;
}

/** What the worker left behind: a text, or why there is none that can be read. */
export type Evidence = { readonly text: string } | { readonly missing: string };

/**
 * The one judgement of a run (DESIGN §2, §4): a report that is valid, speaks of this very run and comes from a
 * worker that succeeded counts; anything else is `unknown`, with a reason. What counts is judged by the rules of the config.
 */
export function conclude(
  run: Run,
  ended: Ended,
  evidence: Evidence,
  target: Target,
  state: TargetState | null,
  rules: Rules,
  now: Date,
): Report {
  const log = ended.worker?.log ?? null;
  const lastInSync = state?.lastInSync ?? null;
  const parsed = parseEvidence(run, evidence, now);
  const failure = reasonNotToTrust(ended, parsed);
  if (failure !== null) {
    const partial = 'report' in parsed ? parsed.report : null;
    return {
      ...unknownReport(run, failure, now),
      startedAt: partial?.startedAt ?? run.requestedAt,
      log,
      commit: { checked: run.commit, lastInSync },
      tool: partial?.tool ?? null,
      unconfirmed: partial === null ? [] : [...partial.findings, ...partial.unconfirmed],
      notes: partial?.notes ?? [],
    };
  }
  if (!('report' in parsed)) throw new Error('unreachable: a run without a report has a reason');
  const { report } = parsed;
  const open = new Map((state?.findings ?? []).map((finding) => [finding.fingerprint, finding]));
  const findings = report.findings.map((finding) => {
    const known = open.get(finding.fingerprint);
    const firstSeen = known?.firstSeen ?? report.endedAt;
    return { ...finding, severity: target.severity, firstSeen, cause: lastingCause(finding, known) };
  });
  const judged: Report = {
    ...report,
    log,
    ...ofRun(run),
    commit: { checked: run.commit, lastInSync },
    config: run.config,
    findings,
    notes: [...report.notes, ...perpetualNotes(findings, state, run.commit)],
  };
  const bindings = bindingsAfter(state, rulesFor(rules, target.name).acknowledge);
  return applyRules(judged, target, { rules, bindings, now });
}

/**
 * What had moved out of band, and is still where it was, was not explained by a commit that came later: it pages on,
 * though that commit waits to be applied.
 */
function lastingCause({ cause, valueHash }: Finding, known: OpenFinding | undefined): Cause {
  if (cause !== 'pending' || known === undefined || known.valueHash !== valueHash) return cause;
  return known.cause === 'out-of-band' || known.cause === 'both' ? 'both' : cause;
}

/** Nobody but the run's record says who asked, and for what. */
const ofRun = ({ trigger, by, aside }: Run): Pick<Report, 'trigger' | 'by' | 'aside'> => ({ trigger, by, aside });

/** A report of a run that could not look. */
export function unknownReport(run: Run, reason: string, now: Date): Report {
  return {
    schema: 'plumbline.report/1',
    target: run.target,
    layer: run.layer,
    runId: run.runId,
    ...ofRun(run),
    commit: { checked: run.commit, lastInSync: null },
    startedAt: run.requestedAt,
    endedAt: now.toISOString(),
    verdict: 'unknown',
    reason,
    log: null,
    tool: null,
    config: run.config,
    coverage: NO_COVERAGE,
    findings: [],
    unconfirmed: [],
    notes: [],
  };
}

function reasonNotToTrust(ended: Ended, parsed: { report: Report } | { problem: string }): string | null {
  if (ended.failure !== null) return ended.failure;
  const own = 'report' in parsed && parsed.report.verdict === 'unknown' ? parsed.report.reason : null;
  if (ended.worker === null) return own ?? 'the run ended without a build';
  if (ended.worker.problem !== null) return own ?? ended.worker.problem;
  return 'problem' in parsed ? parsed.problem : null;
}

/** How far a worker's clock may be ahead of ours. */
const AHEAD_MS = 10 * 60 * 1000;

function parseEvidence(run: Run, evidence: Evidence, now: Date): { report: Report } | { problem: string } {
  if ('missing' in evidence) return { problem: evidence.missing };
  let json: unknown;
  try {
    json = JSON.parse(evidence.text);
  } catch {
    return { problem: 'the report is not JSON: it was cut or damaged' };
  }
  const parsed = reportSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { problem: `the report is not valid at ${issue?.path.join('.') || 'its root'}: ${issue?.message}` };
  }
  const report = parsed.data;
  // A build that could not even read its ticket knows neither commit nor layer; all it can say is why.
  const mayNotKnow = report.verdict === 'unknown' && report.commit.checked === null;
  const isOfLayer = report.layer === run.layer || mayNotKnow;
  if (report.target !== run.target || report.runId !== run.runId || !isOfLayer) {
    return { problem: `the report speaks of run ${report.runId} of ${report.target}, not of this run` };
  }
  if (report.commit.checked !== run.commit && !mayNotKnow) {
    return { problem: `the report speaks of commit ${report.commit.checked}, not of ${run.commit}` };
  }
  // Staleness counts from these. What is no time is not before any other either.
  for (const time of [report.startedAt, report.endedAt]) {
    if (Date.parse(time) <= now.getTime() + AHEAD_MS) continue;
    return { problem: `the report is of ${JSON.stringify(time.slice(0, 40))}, which is no time, or one to come` };
  }
  return { report };
}
