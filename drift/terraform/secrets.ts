import { ExactNumber } from './decode.ts';
import { type Plan, type PlannedChange, stateResources } from './plan.ts';

/** Every text in a plan that is marked sensitive somewhere: it must not be seen anywhere. */
export function sensitiveTexts(plan: Plan): ReadonlySet<string> {
  const found = new Set<string>();
  const declared = plan.configuration?.root_module?.variables ?? {};
  for (const [name, { value }] of Object.entries(plan.variables ?? {})) {
    if (declared[name]?.sensitive === true) collect(value, true, found);
  }
  const entries = [...(plan.resource_changes ?? []), ...(plan.resource_drift ?? [])];
  const deferred = (plan.deferred_changes ?? []).flatMap(({ resource_change }) => resource_change ?? []);
  for (const { change } of [...entries, ...deferred]) collectChange(change, found);
  for (const change of Object.values(plan.output_changes ?? {})) collectChange(change, found);
  for (const values of [plan.prior_state?.values, plan.planned_values]) {
    for (const resource of stateResources(values)) collect(resource.values, resource.sensitive_values, found);
    for (const output of Object.values(values?.outputs ?? {})) collect(output.value, output.sensitive, found);
  }
  return found;
}

function collectChange(change: PlannedChange, found: Set<string>): void {
  collect(change.before, change.before_sensitive, found);
  collect(change.after, change.after_sensitive, found);
  collect(change.before, change.after_sensitive, found);
  collect(change.after, change.before_sensitive, found);
}

/** Adds the texts of `value` that `mask` marks; `true` on an ancestor marks all below. */
function collect(value: unknown, mask: unknown, found: Set<string>): void {
  if (mask === true) {
    if (typeof value === 'string') found.add(value);
    else if (value instanceof ExactNumber) found.add(value.digits);
    else if (typeof value === 'object' && value !== null)
      for (const item of Object.values(value)) collect(item, true, found);
    return;
  }
  if (typeof mask !== 'object' || mask === null || typeof value !== 'object' || value === null) return;
  for (const [key, below] of Object.entries(mask)) collect((value as Record<string, unknown>)[key], below, found);
}
