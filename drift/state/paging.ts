import { holds } from '../rules/acknowledge.ts';
import type { Target } from '../target.ts';
import { openWindow } from '../window.ts';
import { isWatched, type OpenFinding, type TargetState } from './state.ts';

/** On top of the check's own time: a machine has to start, and a sweep has to ask for it. */
const ALLOWANCE_SECONDS = 1200;

/**
 * The open findings that page now: confirmed, not acknowledged, pending ones only after the target's grace, and none of
 * a target that is only observed or in maintenance.
 */
export function pagingFindings(state: TargetState, target: Target, now: Date): readonly OpenFinding[] {
  return unacknowledgedFindings(state, target, now).filter((finding) => isConfirmed(finding, target, now));
}

/** What pages, or will when a second look confirms it. */
export function unacknowledgedFindings(state: TargetState, target: Target, now: Date): readonly OpenFinding[] {
  if (!isWatched(target) || target.observe || openWindow(target.windows, now) !== null) return [];
  return state.findings.filter((finding) => !isAcknowledged(finding, now) && !inGrace(finding, target, now));
}

/** Whether a person knows of it, and for as long as they said. */
export function isAcknowledged({ acknowledged, acknowledgedUntil }: OpenFinding, now: Date): boolean {
  return acknowledged && (acknowledgedUntil === null || holds(acknowledgedUntil, now));
}

function inGrace(finding: OpenFinding, target: Target, now: Date): boolean {
  const age = now.getTime() - Date.parse(finding.firstSeen);
  return finding.cause === 'pending' && age < target.pendingGraceSeconds * 1000;
}

/**
 * Whether a finding may page: a second run has found it too. A second look that does not come in time is no reason to be
 * silent; then it pages as it is.
 */
export function isConfirmed(finding: OpenFinding, target: Target, now: Date): boolean {
  if (finding.confirmed || target.confirmSeconds === 0) return true;
  const patience = target.confirmSeconds + target.timeoutSeconds + ALLOWANCE_SECONDS;
  return now.getTime() >= Date.parse(finding.firstSeen) + patience * 1000;
}

/**
 * When the second look is due that unconfirmed findings need; null: none is needed. A run that could not look is not
 * asked for again: it pages by itself.
 */
export function confirmationDue(state: TargetState, waiting: readonly OpenFinding[], target: Target): Date | null {
  if (state.last === null || state.last.verdict === 'unknown') return null;
  if (target.confirmSeconds === 0 || waiting.every(({ confirmed }) => confirmed)) return null;
  return new Date(Date.parse(state.last.endedAt) + target.confirmSeconds * 1000);
}
