import type { Finding } from '../finding.ts';
import { fingerprint } from '../fingerprint.ts';
import type { Severity } from '../target.ts';
import type { Difference } from './difference.ts';
import { causeByGit } from './git-cause.ts';
import type { NodeLook } from './node.ts';

export interface FindingContext {
  readonly target: string;
  readonly severity: Severity;
  /** Files that git changed since the last in-sync commit; null: not known. */
  readonly changed: readonly string[] | null;
  readonly spread: Spread;
}

/** What Ansible would do. */
const ACTIONS = { removed: 'create', added: 'delete', changed: 'update' } as const;

/** The finding that a difference on a node is. `executed`: it did not only look, it did it. */
export function findingOf(node: string, difference: Difference, context: FindingContext): Finding {
  const { task, path, change, declared, live, valueHash } = difference;
  const subject = `${node}: ${task.name}`;
  const reasons = [...difference.remarks, ...context.spread.text(difference)];
  return {
    subject,
    ...(path === undefined ? {} : { path }),
    change,
    action: task.checkMode ? ACTIONS[change] : 'executed',
    ...(reasons.length === 0 ? {} : { actionReason: reasons.join('; ') }),
    ...(declared === null ? {} : { declared }),
    ...(live === null ? {} : { live }),
    cause: causeByGit(task, context.changed),
    fingerprint: fingerprint('nodes', context.target, subject, path),
    valueHash,
    firstSeen: null,
    severity: context.severity,
    acknowledged: null,
  };
}

/** On how many of the nodes that ran a task it differs. */
export class Spread {
  readonly #differ = new Map<string, Set<string>>();
  readonly #ran = new Map<string, Set<string>>();

  constructor(looks: readonly NodeLook[]) {
    for (const { node, differences, ran } of looks) {
      for (const place of ran) count(this.#ran, place, node);
      for (const difference of differences) count(this.#differ, placeKey(difference), node);
    }
  }

  /** Nothing when only one node ran it. */
  text(difference: Difference): readonly string[] {
    const all = this.#ran.get(difference.task.path)?.size ?? 0;
    const some = this.#differ.get(placeKey(difference))?.size ?? 0;
    return all < 2 ? [] : [`on ${some} of ${all} nodes`];
  }
}

const placeKey = ({ task, path }: Difference): string => JSON.stringify([task.path, path ?? null]);

function count(counts: Map<string, Set<string>>, key: string, node: string): void {
  const nodes = counts.get(key);
  if (nodes === undefined) counts.set(key, new Set([node]));
  else nodes.add(node);
}
