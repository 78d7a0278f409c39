import { coverOf } from '../rules/acknowledge.ts';
import { type Bindings, bindRules } from '../rules/bindings.ts';
import { type Rules, rulesFor, speaksOf } from '../rules/rule.ts';
import type { Target } from '../target.ts';
import type { OpenFinding, TargetState } from './state.ts';

/**
 * What the acknowledgements are bound to when a run is judged: `conclude` judges by it and `advance` remembers it, each
 * from the state as the last verdict left it.
 */
export function bindingsAfter(state: TargetState | null, target: Target, rules: Rules): Bindings {
  return bindRules(state?.bindings ?? {}, state?.findings ?? [], rulesFor(rules, target.name).acknowledge);
}

/** Open findings that this run did not look at, as the rules of today leave them. */
export function rejudge(
  open: readonly OpenFinding[],
  target: Target,
  rules: Rules,
  bindings: Bindings,
  now: Date,
): readonly OpenFinding[] {
  const own = rulesFor(rules, target.name);
  return open.map((finding) => {
    const { rule } = coverOf(finding, own.acknowledge, bindings, now);
    return { ...finding, acknowledged: rule !== null, acknowledgedUntil: rule?.until ?? null };
  });
}

/** Whether a rule says that this is no finding. */
export function isIgnored(finding: OpenFinding, target: Target, rules: Rules): boolean {
  return rulesFor(rules, target.name).ignore.some((rule) => speaksOf(rule, finding));
}
