import type { Coverage } from '../coverage.ts';
import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import { createRedactor } from '../redact.ts';
import type { Severity } from '../target.ts';
import { decideVerdict, type Ending, type Verdict } from '../verdict.ts';
import { Attribution, plannedChanges } from './attribution.ts';
import { coverageOf } from './coverage.ts';
import { diagnosticText, errorDiagnostics, looked } from './diagnostics.ts';
import { findingsOf } from './findings.ts';
import { notesOf } from './notes.ts';
import { shareableOutputs } from './outputs.ts';
import { holdsDrift, type Plan, PlanError, parsePlan } from './plan.ts';
import type { PlannedChange } from './plan-schema.ts';

/** Findings that are listed in full; the rest is counted. */
const MAX_FINDINGS = 1000;

/** What is left of one check: the files the tool wrote, and how it ended. */
export interface TerraformEvidence {
  /** `show -json` of the plan, as bytes or text; null: missing. */
  readonly plan: string | Uint8Array | null;
  /** Of `plan -detailed-exitcode`; null: lost. */
  readonly exitCode: number | null;
  /** `show -json` of a second plan with `-refresh=false`. */
  readonly planWithoutRefresh?: string | Uint8Array | null;
  /** The lines of `plan -json`. */
  readonly events?: string | null;
  /** The check could not finish; the reason is one sentence. */
  readonly failure?: { readonly step: string; readonly reason: string };
  /** Values that are known to be secret from elsewhere. */
  readonly secrets?: readonly string[];
}

export interface JudgeContext {
  readonly target: string;
  readonly severity: Severity;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** Key of the value hashes; null where there is none (a local check). */
  readonly fingerprintKey: string | null;
}

export interface TerraformJudgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly toolVersion: string | null;
  readonly coverage: Coverage;
  readonly findings: readonly Finding[];
  /** Findings beyond those that are listed. */
  readonly unlisted: number;
  readonly unconfirmed: readonly Finding[];
  readonly notes: readonly Note[];
  /** For other targets, as JSON texts; absent when the run could not look. */
  readonly outputs?: Readonly<Record<string, string>>;
}

/** Judges one plan by its content; the exit code can only take trust away (facts/terraform.md §2). */
export function judgeTerraform(evidence: TerraformEvidence, context: JudgeContext): TerraformJudgement {
  const { plan, problem } = readPlan(evidence.plan);
  const second = evidence.planWithoutRefresh == null ? null : readPlan(evidence.planWithoutRefresh).plan;
  const withoutRefresh = second?.errored === true ? null : second;
  const secrets = new Set(evidence.secrets ?? []);
  for (const read of [plan, withoutRefresh]) {
    if (read !== null) for (const text of read.sensitive) secrets.add(text);
  }
  const redact = createRedactor(secrets);
  const ending = endingOf(evidence, plan, problem, redact);
  if (plan === null) {
    const coverage = { compared: 0, total: 0, uncovered: [] };
    return {
      ...decideVerdict(ending, 0, coverage, 1),
      toolVersion: null,
      coverage,
      findings: [],
      unlisted: 0,
      unconfirmed: [],
      notes: [],
    };
  }
  const attribution = new Attribution(plan, withoutRefresh);
  const all = plannedChanges(plan).flatMap((entry) => findingsOf(entry, { ...context, attribution, redact }));
  const findings = all.slice(0, MAX_FINDINGS);
  const coverage = coverageOf(plan, looked(evidence.events ?? ''), redact);
  const decided = decideVerdict(ending, all.length, coverage, context.minCoverage);
  const { outputs, notes: unshared } = shareableOutputs(decided.verdict === 'unknown' ? {} : plan.outputs, redact);
  const notes = [...notesOf(plan, redact), ...countRest(all.slice(MAX_FINDINGS)), ...unshared];
  return {
    ...decided,
    toolVersion: plan.toolVersion,
    coverage,
    findings: ending.ok ? findings : [],
    unlisted: ending.ok ? all.length - findings.length : 0,
    unconfirmed: ending.ok ? [] : findings,
    notes,
    ...(decided.verdict === 'unknown' ? {} : { outputs }),
  };
}

/** Whether a second plan is needed to tell causes apart: the live side moved, and something is planned. */
export function needsSecondPlan(bytes: string | Uint8Array): boolean {
  if (!holdsDrift(bytes)) return false;
  const { plan } = readPlan(bytes);
  return plan !== null && plan.resourceDrift.length > 0 && plannedChanges(plan).length > 0;
}

function readPlan(bytes: string | Uint8Array | null): { plan: Plan | null; problem: string | null } {
  if (bytes === null) return { plan: null, problem: 'there is no plan' };
  try {
    return { plan: parsePlan(bytes), problem: null };
  } catch (error) {
    if (error instanceof PlanError) return { plan: null, problem: error.message };
    throw error;
  }
}

function endingOf(
  evidence: TerraformEvidence,
  plan: Plan | null,
  problem: string | null,
  redact: (text: string) => string,
): Ending {
  const [first, ...more] = errorDiagnostics(evidence.events ?? '');
  const said =
    first === undefined ? null : `${diagnosticText(first)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
  const bad = (reason: string): Ending => ({ ok: false, reason: redact(reason) });
  if (evidence.failure !== undefined) return bad(evidence.failure.reason);
  if (evidence.exitCode === null) return bad(said ?? 'the exit code of the plan is lost');
  if (evidence.exitCode !== 0 && evidence.exitCode !== 2) {
    return bad(said ?? `the plan ended with exit code ${evidence.exitCode}`);
  }
  if (plan === null) return bad(problem ?? said ?? 'there is no plan');
  if (plan.errored) return bad(said ?? 'the plan has errors and is incomplete');
  if (plan.applyable !== null && plan.applyable !== (evidence.exitCode === 2)) {
    const says = plan.applyable ? 'something to apply' : 'nothing to apply';
    return bad(`the exit code ${evidence.exitCode} and the plan, which has ${says}, contradict each other`);
  }
  if (evidence.exitCode === 0 && plannedChanges(plan).length > 0) {
    return bad('the exit code 0 and the plan, which has changes, contradict each other');
  }
  if (evidence.exitCode === 2 && isIdle(plan)) {
    return bad('the exit code 2 says that something would change, and the plan shows nothing');
  }
  return { ok: true };
}

/** Nothing in the plan makes the tool end with exit code 2. Refresh-only plans may, without a reason (facts §2). */
function isIdle(plan: Plan): boolean {
  const idle = ({ actions, importing }: PlannedChange): boolean =>
    importing == null && actions.every((action) => action === 'no-op');
  return (
    plan.resourceChanges?.every(({ change, previousAddress }) => idle(change) && previousAddress === null) === true &&
    Object.values(plan.outputChanges).every(idle) &&
    plan.actions.length === 0
  );
}

function countRest(rest: readonly Finding[]): readonly Note[] {
  const counts = new Map<string, number>();
  for (const { action = 'change' } of rest) counts.set(action, (counts.get(action) ?? 0) + 1);
  return [...counts].map(([action, count]) => ({
    kind: 'more',
    text: `${count} more finding${count === 1 ? '' : 's'} with action ${action}, not listed`,
  }));
}
