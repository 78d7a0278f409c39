import type { Cause } from '../cause.ts';
import type { Plan, ResourceChange } from './plan.ts';
import type { PlannedChange } from './plan-schema.ts';
import { differingPaths, markAt, type Path, related, same, valueAt } from './values.ts';

/** Actions that change nothing real. */
const IDLE = new Set(['no-op', 'read', 'open']);

/** Planned changes of managed resources. */
export function plannedChanges(plan: Plan): readonly ResourceChange[] {
  return (plan.resourceChanges ?? []).filter(
    ({ managed, change }) => managed && change.actions.some((action) => !IDLE.has(action)),
  );
}

/** How the live side left the last known state, without what means the same; pure moves are no drift. */
export function effectiveDrift(plan: Plan): readonly ResourceChange[] {
  return plan.resourceDrift.filter(
    ({ managed, change }) =>
      managed &&
      !change.actions.every((action) => IDLE.has(action)) &&
      (change.actions.includes('delete') || changedPaths(change).length > 0),
  );
}

/** The paths at which the two sides of a change differ. */
export function changedPaths(change: PlannedChange): readonly Path[] {
  return differingPaths({
    before: change.before ?? {},
    after: change.after ?? {},
    unknown: change.after_unknown,
    masks: [change.before_sensitive, change.after_sensitive],
  });
}

/** Tells, for each difference, which side moved (facts/terraform.md §3). */
export class Attribution {
  readonly #drift: ReadonlyMap<string, ResourceChange>;
  /** Subject → paths at which git left the last known state; null when there is no second plan. */
  readonly #declaredMoved: ReadonlyMap<string, readonly Path[]> | null;
  readonly #anyDrift: boolean;

  /** @param withoutRefresh the second plan: it compares git with the last known state only; null when there is none */
  constructor(plan: Plan, withoutRefresh: Plan | null) {
    this.#drift = new Map(effectiveDrift(plan).map((entry) => [entry.subject, entry]));
    this.#anyDrift = plan.resourceDrift.length > 0;
    this.#declaredMoved =
      withoutRefresh === null
        ? null
        : new Map(plannedChanges(withoutRefresh).map(({ subject, change }) => [subject, changedPaths(change)]));
  }

  /** @param path the attribute; empty when the whole resource is meant */
  cause(entry: ResourceChange, path: Path): Cause {
    if (!this.#anyDrift) return 'pending';
    // Drift is told of current objects only.
    const drift = entry.deposed === null ? this.#drift.get(entry.subject) : undefined;
    const declaredMoved = this.#declaredMoved?.get(entry.subject) ?? null;
    if (this.#declaredMoved !== null && declaredMoved === null) return 'out-of-band';
    // Above or below counts: a whole subject has no path, and a mask may end one plan's path earlier.
    const moved = declaredMoved?.some((other) => related(path, other) || related(other, path)) ?? null;
    if (moved === false && path.length > 0) return 'out-of-band';
    if (drift !== undefined) return leafCause(entry, drift, path, declaredMoved !== null);
    return declaredMoved !== null || this.#drift.size === 0 ? 'pending' : 'unclear';
  }
}

/** The cause at a path that left the state on the live side, in git, or both. */
function leafCause(entry: ResourceChange, drift: ResourceChange, path: Path, declaredMoved: boolean): Cause {
  if (drift.change.actions.includes('delete')) {
    return entry.change.actions.includes('create') && !declaredMoved ? 'out-of-band' : 'both';
  }
  if (path.length === 0) return 'pending';
  const known = valueAt(drift.change.before, path);
  const live = valueAt(entry.change.before, path);
  if (same(known, live)) return 'pending';
  if (markAt(entry.change.after_unknown, path) !== 'none') return 'both';
  return same(known, valueAt(entry.change.after, path)) ? 'out-of-band' : 'both';
}
