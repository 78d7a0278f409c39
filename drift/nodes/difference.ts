import type { Change } from '../finding.ts';
import { valueHash } from '../fingerprint.ts';
import type { Diff, LineOf, Side, Task } from './events.ts';
import type { Execution } from './executions.ts';

/** The longest value that is shown, in characters. */
const MAX_VALUE_LENGTH = 1000;

type Said = LineOf<'task'> | LineOf<'item'>;

/** One thing that would change on a node: all that is kept of what its task said. */
export interface Difference {
  readonly task: Task;
  /** The item, file or key; with the task's place in front where it takes that to tell two tasks apart. */
  readonly path?: string;
  readonly change: Change;
  readonly declared: string | null;
  readonly live: string | null;
  /** Of what is there; null without a key. */
  readonly valueHash: string | null;
  readonly remarks: readonly string[];
}

export interface DifferenceContext {
  readonly fingerprintKey: string | null;
  /** Characters of values that are kept. */
  readonly maxShown: number;
}

/** Two tasks of one name that touch one thing are told apart by where they stand; one that runs twice is one. */
export function differencesOf(
  executions: readonly Execution[],
  told: readonly { readonly execution: Execution; readonly changes: readonly Said[] }[],
  context: DifferenceContext,
): readonly Difference[] {
  const places = new Map<string, Set<string>>();
  for (const { task, items, result } of executions) {
    for (const said of items.length > 0 ? items : result === null ? [] : [result]) {
      const key = keyOf(task, said);
      places.set(key, (places.get(key) ?? new Set()).add(task.path));
    }
  }
  const found = new Map<string, Difference>();
  let shown = 0;
  for (const { execution, changes } of told) {
    for (const said of changes) {
      const { task } = execution;
      const isShared = (places.get(keyOf(task, said))?.size ?? 0) > 1;
      const path = [isShared ? `(${task.path})` : '', ...placeOf(said)].filter((part) => part !== '').join(' ');
      const key = JSON.stringify([task.name, path]);
      if (found.has(key)) continue;
      const difference = differenceOf(task, said, path, context.fingerprintKey);
      shown += (difference.declared?.length ?? 0) + (difference.live?.length ?? 0);
      found.set(key, shown <= context.maxShown ? difference : withoutValues(difference));
    }
  }
  return [...found.values()];
}

const keyOf = (task: Task, said: Said): string => JSON.stringify([task.name, ...placeOf(said)]);

function placeOf(said: Said): readonly string[] {
  const item = said.event === 'item' && said.hidden !== true ? `[${said.item}]` : '';
  return [item, said.path ?? ''];
}

function differenceOf(task: Task, said: Said, path: string, key: string | null): Difference {
  const diffs = said.diff ?? [];
  const change = changeOf(diffs);
  return {
    task,
    ...(path === '' ? {} : { path }),
    change,
    declared: change === 'added' ? null : textOf(diffs.map(({ after }) => after)),
    live: change === 'removed' ? null : textOf(diffs.map(({ before }) => before)),
    valueHash: key === null ? null : valueHash(key, JSON.stringify(diffs.map(({ form, before }) => [form, before]))),
    remarks: [
      ...(task.checkMode ? [] : ['it ran for real: check_mode: false']),
      ...(said.hidden === true ? ['no_log hides the rest'] : diffs.flatMap(formText)),
    ],
  };
}

function withoutValues(difference: Difference): Difference {
  const remark = 'its values are not shown: so much differs on this node';
  return { ...difference, declared: null, live: null, remarks: [...difference.remarks, remark] };
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
