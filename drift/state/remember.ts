import { coverOf } from '../rules/acknowledge.ts';
import { type Bindings, bindRules } from '../rules/bindings.ts';
import { ignores } from '../rules/ignore.ts';
import type { AcknowledgeRule, IgnoreRule } from '../rules/rule.ts';
import type { OpenFinding, TargetState } from './state.ts';

/**
 * What the acknowledgements of a target are bound to when a run is judged: `conclude` judges by it and `advance`
 * remembers it, each from the state as the last verdict left it.
 */
export function bindingsAfter(state: TargetState | null, rules: readonly AcknowledgeRule[]): Bindings {
  return bindRules(state?.bindings ?? {}, state?.findings ?? [], rules);
}

/** Open findings that this run did not look at, as the acknowledgements of today leave them. */
export function rejudge(
  open: readonly OpenFinding[],
  rules: readonly AcknowledgeRule[],
  bindings: Bindings,
  now: Date,
): readonly OpenFinding[] {
  return open.map((finding) => {
    const { rule } = coverOf(finding, rules, bindings, now);
    return { ...finding, acknowledged: rule !== null, acknowledgedUntil: rule?.until ?? null };
  });
}

/** Whether a rule says that this is no finding. */
export function isIgnored(finding: OpenFinding, rules: readonly IgnoreRule[]): boolean {
  return rules.some((rule) => ignores(rule, finding));
}
