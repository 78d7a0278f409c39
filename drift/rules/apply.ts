import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import type { Report } from '../report.ts';
import type { Target } from '../target.ts';
import { decideVerdict, type Ending, endingOf } from '../verdict.ts';
import { accept } from './accept.ts';
import { coverOf } from './acknowledge.ts';
import type { Bindings } from './bindings.ts';
import { ignore } from './ignore.ts';
import { type AcknowledgeRule, type Rules, rulesFor } from './rule.ts';

/** Notes of one kind that are listed; the rest is counted. */
const MAX_NOTES = 100;

export interface RuleContext {
  /** Of the whole config. */
  readonly rules: Rules;
  /** What the acknowledgements are bound to; null in a local check, which has neither state nor key. */
  readonly bindings: Bindings | null;
  readonly now: Date;
}

/**
 * The report as the rules of the config leave it, with its verdict decided again (DESIGN §2, rules 2 and 3). The report
 * holds all findings; whatever it says of acknowledgements itself is not believed.
 */
export function applyRules(
  report: Report,
  target: Pick<Target, 'name' | 'minCoverage'>,
  { rules, bindings, now }: RuleContext,
): Report {
  const own = rulesFor(rules, target.name);
  const accepted = accept(report.coverage, own.accept);
  const ignored = ignore(report.findings, own.ignore);
  const judged = ignored.findings.map((finding) => acknowledge(finding, own.acknowledge, bindings, now));
  const findings = judged.map(({ finding }) => finding);
  const counted = findings.filter((finding) => finding.acknowledged === null).length;
  const known = { acknowledged: findings.length - counted, ignored: ignored.notes.length };
  const ending = somethingCompared(endingOf(report, target.minCoverage), accepted.coverage.compared, accepted.notes);
  return {
    ...report,
    ...decideVerdict(ending, counted + (report.unlisted ?? 0), accepted.coverage, target.minCoverage, known),
    coverage: accepted.coverage,
    findings,
    notes: [
      ...report.notes,
      ...bounded(ignored.notes),
      ...accepted.notes,
      ...bounded(judged.flatMap(({ notes }) => notes)),
      ...notCompared(bindings, known.acknowledged),
    ],
  };
}

/** The finding as the acknowledgements leave it, and a note for each that speaks of it and does not cover it. */
function acknowledge(
  finding: Finding,
  rules: readonly AcknowledgeRule[],
  bindings: Bindings | null,
  now: Date,
): { readonly finding: Finding; readonly notes: readonly Note[] } {
  const cover = coverOf(finding, rules, bindings, now);
  if (cover.rule !== null) {
    const { owner, reason, until } = cover.rule;
    return { finding: { ...finding, acknowledged: { owner, reason, until } }, notes: [] };
  }
  const { subject, path } = finding;
  const about = { kind: 'acknowledgement', subject, ...(path === undefined ? {} : { path }) };
  return { finding: { ...finding, acknowledged: null }, notes: cover.problems.map((text) => ({ ...about, text })) };
}

/** Whoever accepts all there is has compared nothing, and nothing compared is never in sync. */
function somethingCompared(ending: Ending, compared: number, accepted: readonly Note[]): Ending {
  if (!ending.ok || compared > 0 || accepted.length === 0) return ending;
  return { ok: false, reason: 'nothing was compared: all there is was accepted as not comparable' };
}

function notCompared(bindings: Bindings | null, acknowledged: number): readonly Note[] {
  if (bindings !== null || acknowledged === 0) return [];
  const text = `${acknowledged} acknowledged finding${acknowledged === 1 ? '' : 's'}, by name and date alone: a local check cannot tell whether the values are still those that were acknowledged`;
  return [{ kind: 'acknowledgement', text }];
}

/** All notes are of one kind. */
function bounded(notes: readonly Note[]): readonly Note[] {
  const rest = notes.length - MAX_NOTES;
  const kind = notes[0]?.kind;
  if (rest <= 0 || kind === undefined) return notes;
  return [...notes.slice(0, MAX_NOTES), { kind, text: `and ${rest} more, not listed` }];
}
