import type { Change } from '../finding.ts';
import type { Bindings } from './bindings.ts';
import { type About, type AcknowledgeRule, ruleHash, speaksOf } from './rule.ts';

/** What of a finding an acknowledgement is held against, whether it was just found or is open since long. */
export interface Known extends About {
  readonly change: Change;
  readonly fingerprint: string;
  readonly valueHash: string | null;
}

/** The rule that covers a finding, or why each rule that speaks of it does not. */
export type Cover = { readonly rule: AcknowledgeRule } | { readonly rule: null; readonly problems: readonly string[] };

/** Whether a rule speaks of a finding: without a path it means changed attributes, never a missing or extra object. */
export function acknowledges(rule: AcknowledgeRule, finding: Known): boolean {
  if (rule.path === undefined && (finding.path === undefined || finding.change !== 'changed')) return false;
  return speaksOf(rule, finding);
}

/** Whether an acknowledgement still holds; `until` is the last moment. */
export const holds = (until: string, now: Date): boolean => now.getTime() <= Date.parse(until);

/**
 * @param rules acknowledgements of the target; of those that cover the finding it is the one that holds longest
 * @param bindings null in a local check, which has neither state nor key
 */
export function coverOf(
  finding: Known,
  rules: readonly AcknowledgeRule[],
  bindings: Bindings | null,
  now: Date,
): Cover {
  const judged = rules
    .filter((rule) => acknowledges(rule, finding))
    .map((rule) => ({ rule, problem: problemWith(rule, finding, bindings, now) }));
  const [longest] = judged
    .filter(({ problem }) => problem === null)
    .sort((a, b) => Date.parse(b.rule.until) - Date.parse(a.rule.until));
  if (longest !== undefined) return { rule: longest.rule };
  const problems = judged.map(
    ({ rule, problem }) => `the acknowledgement of ${rule.owner} (${rule.reason}) ${problem}`,
  );
  return { rule: null, problems };
}

/** Why a rule that speaks of a finding does not cover it; null: it does. */
function problemWith(rule: AcknowledgeRule, finding: Known, bindings: Bindings | null, now: Date): string | null {
  if (!holds(rule.until, now)) return `ended at ${rule.until}`;
  const changed = 'ended because the finding changed: its live value is another one now';
  if (bindings === null && finding.valueHash === null) {
    return rule.value === undefined
      ? null
      : 'names a value, which a local check cannot compare: it does not apply here, only in the service';
  }
  if (rule.value !== undefined) return rule.value === finding.valueHash ? null : changed;
  if (bindings === null) return null;
  const bound = bindings[ruleHash(rule)]?.[finding.fingerprint];
  if (bound === undefined) {
    return 'has nothing to bind to: it was written before the drift was seen; write it anew, or name the value with plumbline ack';
  }
  return bound === finding.valueHash ? null : changed;
}
