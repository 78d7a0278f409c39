import type { Coverage, Uncovered } from '../coverage.ts';
import type { Plan } from './plan.ts';

/** Instances that are listed; the rest is counted. */
const MAX_UNCOVERED = 1000;

/**
 * Resource instances: those the plan speaks of, and those it should speak of and does not.
 * @param looked whether the tool asked what runs; null when nobody knows
 */
export function coverageOf(plan: Plan, looked: boolean | null, redact: (text: string) => string): Coverage {
  const managed = (plan.resourceChanges ?? []).filter((entry) => entry.managed);
  const seen = new Set(managed.map((entry) => entry.subject));
  const moved = new Set(managed.map((entry) => entry.previousAddress));
  const uncovered = new Map<string, Uncovered>();
  const miss = (subject: string, reason: string): void => {
    if (!uncovered.has(subject)) uncovered.set(subject, { subject: redact(subject), kind: 'unreached', reason });
  };
  for (const { subject, reason } of plan.deferred) miss(subject ?? '(a deferred resource)', `deferred: ${reason}`);
  for (const address of expected(plan)) {
    if (seen.has(address) || moved.has(address)) continue;
    miss(address, plan.complete ? 'the plan does not speak of it' : 'the plan was limited to other resources');
  }
  if (!plan.complete && uncovered.size === 0) miss('(unnamed resources)', 'the plan says that it is incomplete');
  const unread =
    looked === false ? managed.filter(({ change }) => change.importing == null && isKept(change.actions)) : [];
  for (const { subject } of unread) miss(subject, 'the plan was made without asking what runs (-refresh=false)');
  const compared = (plan.resourceChanges === null ? plan.prior.length : seen.size) - unread.length;
  return { compared, total: compared + uncovered.size, uncovered: [...uncovered.values()].slice(0, MAX_UNCOVERED) };
}

/**
 * What a plan has to speak of. A refresh-only plan has no changes and plans nothing: it speaks through its drift. The
 * prior state of formats before 1.0 has addresses without module and index.
 */
function expected(plan: Plan): readonly string[] {
  if (plan.resourceChanges === null) return plan.planned;
  return plan.formatVersion.startsWith('0.') ? plan.planned : [...plan.planned, ...plan.prior];
}

/** An object that is there already and stays under the tool: what it is like must be asked. */
function isKept(actions: readonly string[]): boolean {
  return actions.join() !== 'create' && !actions.includes('forget');
}
