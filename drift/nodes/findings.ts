import type { Change, Finding } from '../finding.ts';
import { fingerprint, valueHash } from '../fingerprint.ts';
import type { Severity } from '../target.ts';
import type { Diff, Side } from './events.ts';
import { causeByGit } from './git-cause.ts';
import type { Difference, NodeLook } from './node.ts';

/** The longest value that is shown, in characters. */
const MAX_VALUE_LENGTH = 1000;

export interface FindingContext {
  readonly target: string;
  readonly severity: Severity;
  readonly fingerprintKey: string | null;
  /** Files that git changed since the last in-sync commit; null: not known. */
  readonly changed: readonly string[] | null;
  readonly spread: Spread;
}

/** What Ansible would do. */
const ACTIONS = { removed: 'create', added: 'delete', changed: 'update' } as const;

/** The finding that a difference on a node is. `executed`: it did not only look, it did it. */
export function findingOf(node: string, difference: Difference, context: FindingContext): Finding {
  const { task, said, path } = difference;
  const diffs = said.diff ?? [];
  const change = changeOf(diffs);
  const declared = textOf(diffs.map(({ after }) => after));
  const live = textOf(diffs.map(({ before }) => before));
  const subject = `${node}: ${task.name}`;
  const key = context.fingerprintKey;
  const reasons = [
    ...(task.checkMode ? [] : ['it ran for real: check_mode: false']),
    ...(said.hidden === true ? ['no_log hides the rest'] : diffs.flatMap(formText)),
    ...context.spread.text(difference),
  ];
  return {
    subject,
    ...(path === undefined ? {} : { path }),
    change,
    action: task.checkMode ? ACTIONS[change] : 'executed',
    ...(reasons.length === 0 ? {} : { actionReason: reasons.join('; ') }),
    ...(declared === null || change === 'added' ? {} : { declared }),
    ...(live === null || change === 'removed' ? {} : { live }),
    cause: causeByGit(task, context.changed),
    fingerprint: fingerprint('nodes', context.target, subject, path),
    valueHash: key === null ? null : valueHash(key, JSON.stringify(diffs.map(({ form, before }) => [form, before]))),
    firstSeen: null,
    severity: context.severity,
    acknowledged: null,
  };
}

/** Seen from the declared side: what is not there before and would be after is missing on the node. */
function changeOf(diffs: readonly Diff[]): Change {
  for (const { absent } of diffs) {
    if (absent?.[0] === true && !absent[1]) return 'removed';
    if (absent?.[1] === true && !absent[0]) return 'added';
  }
  return 'changed';
}

function textOf(sides: readonly (Side | undefined)[]): string | null {
  const shown = sides.filter((side) => side !== undefined);
  if (shown.length === 0) return null;
  const text = shown.map((side) => side.text).join('\n');
  const length = shown.reduce((sum, side) => sum + (side.cut ?? side.text.length), 0);
  const isCut = text.length > MAX_VALUE_LENGTH || shown.some(({ cut }) => cut !== undefined);
  return isCut ? `${text.slice(0, MAX_VALUE_LENGTH)}… (cut, ${length} characters)` : text;
}

function formText({ form }: Diff): readonly string[] {
  if (form === 'binary') return ['binary content differs'];
  return form === 'larger' ? ['the content differs and is too large to be compared by line'] : [];
}

/** On how many of the nodes that ran a task it differs. */
export class Spread {
  readonly #differ = new Map<string, Set<string>>();
  readonly #ran = new Map<string, Set<string>>();

  constructor(looks: readonly NodeLook[]) {
    for (const { node, differences, executions } of looks) {
      for (const { task, result } of executions) {
        if (result?.status === 'ok' || result?.status === 'changed') count(this.#ran, taskKey({ task }), node);
      }
      for (const difference of differences) count(this.#differ, placeKey(difference), node);
    }
  }

  /** Nothing when only one node ran it. */
  text(difference: Difference): readonly string[] {
    const all = this.#ran.get(taskKey(difference))?.size ?? 0;
    const some = this.#differ.get(placeKey(difference))?.size ?? 0;
    return all < 2 ? [] : [`on ${some} of ${all} nodes`];
  }
}

const taskKey = ({ task }: Pick<Difference, 'task'>): string => task.path;
const placeKey = ({ task, path }: Difference): string => JSON.stringify([task.path, path ?? null]);

function count(counts: Map<string, Set<string>>, key: string, node: string): void {
  const nodes = counts.get(key);
  if (nodes === undefined) counts.set(key, new Set([node]));
  else nodes.add(node);
}
