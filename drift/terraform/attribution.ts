import type { Cause } from '../cause.ts';
import { type Plan, type ResourceChange, resourceChanges } from './plan.ts';
import { differingPaths, markAt, type Path, pathText, same, valueAt } from './values.ts';

/** Actions that change nothing real. */
const IDLE = new Set(['no-op', 'read', 'open']);

/** Planned changes of managed resources. */
export function plannedChanges(plan: Plan): readonly ResourceChange[] {
  return resourceChanges(plan.resource_changes).filter(
    ({ managed, change }) => managed && change.actions.some((action) => !IDLE.has(action)),
  );
}

/** How the live side left the last known state, without what means the same; pure moves are no drift. */
export function effectiveDrift(plan: Plan): readonly ResourceChange[] {
  return resourceChanges(plan.resource_drift).filter(
    ({ managed, change }) =>
      managed &&
      !change.actions.every((action) => IDLE.has(action)) &&
      (change.actions.includes('delete') || driftPaths(change).length > 0),
  );
}

/** The paths by which a drifted resource left the state. */
export function driftPaths(change: ResourceChange['change']): readonly Path[] {
  return differingPaths(change.before ?? {}, change.after ?? {}, null);
}

/** Tells, for each difference, which side moved (facts/terraform.md §3). */
export class Attribution {
  readonly #drift: ReadonlyMap<string, ResourceChange>;
  /** Subject → paths at which git left the last known state; null when there is no second plan. */
  readonly #declaredMoved: ReadonlyMap<string, ReadonlySet<string>> | null;
  readonly #anyDrift: boolean;

  /** @param withoutRefresh the second plan: it compares git with the last known state only; null when there is none */
  constructor(plan: Plan, withoutRefresh: Plan | null) {
    const drift = effectiveDrift(plan);
    this.#drift = new Map(drift.map((entry) => [entry.subject, entry]));
    this.#anyDrift = (plan.resource_drift ?? []).length > 0;
    this.#declaredMoved =
      withoutRefresh === null
        ? null
        : new Map(plannedChanges(withoutRefresh).map((entry) => [entry.subject, changedPaths(entry)]));
  }

  /** @param path the attribute; empty when the whole resource is meant */
  cause(entry: ResourceChange, path: Path): Cause {
    if (!this.#anyDrift) return 'pending';
    const drift = this.#drift.get(entry.subject);
    const declaredMoved = this.#declaredMoved?.get(entry.subject);
    if (this.#declaredMoved !== null && declaredMoved === undefined) return 'out-of-band';
    if (drift === undefined) {
      if (declaredMoved === undefined) return this.#drift.size === 0 ? 'pending' : 'unclear';
      return path.length === 0 || declaredMoved.has(pathText(path)) ? 'pending' : 'out-of-band';
    }
    return leafCause(entry, drift, path);
  }
}

function leafCause(entry: ResourceChange, drift: ResourceChange, path: Path): Cause {
  if (drift.change.actions.includes('delete')) return entry.change.actions.includes('create') ? 'out-of-band' : 'both';
  if (path.length === 0) return 'pending';
  const known = valueAt(drift.change.before, path);
  const live = valueAt(entry.change.before, path);
  if (same(known, live)) return 'pending';
  if (markAt(entry.change.after_unknown, path) !== 'none') return 'both';
  return same(known, valueAt(entry.change.after, path)) ? 'out-of-band' : 'both';
}

/** The paths at which a planned change differs, as texts. */
function changedPaths({ change }: ResourceChange): ReadonlySet<string> {
  return new Set(differingPaths(change.before ?? {}, change.after ?? {}, change.after_unknown).map(pathText));
}
