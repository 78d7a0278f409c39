import type { Line, LineOf, Task } from './events.ts';
import { isForAuthor, isInventory, isLook, isWhenSkip, whyUnverifiable } from './modules.ts';

type Result = LineOf<'task'>;
type Item = LineOf<'item'>;

/** One task as one host ran it; `result` is null when the run broke off before it. */
export interface Execution {
  readonly task: Task;
  readonly items: readonly Item[];
  readonly result: Result | null;
}

/** What one execution tells. */
export interface Told {
  /** It counts, and was compared. */
  readonly compared: boolean;
  /** It counts, and was not compared: why. */
  readonly unverified: string | null;
  readonly changes: readonly (Result | Item)[];
}

const NOTHING: Told = { compared: false, unverified: null, changes: [] };

/** The executions of every host, in the order that they ended in. */
export function executionsOf(lines: readonly Line[]): ReadonlyMap<string, readonly Execution[]> {
  const tasks = new Map<string, Task>();
  const ended = new Map<string, Execution[]>();
  const open = new Map<string, { readonly host: string; readonly id: string; readonly items: Item[] }>();
  const add = (host: string, execution: Execution): void => {
    const list = ended.get(host);
    if (list === undefined) ended.set(host, [execution]);
    else list.push(execution);
  };
  for (const line of lines) {
    if (line.event === 'start') tasks.set(line.task.id, line.task);
    if (line.event === 'item') {
      const key = JSON.stringify([line.host, line.id]);
      const of = open.get(key) ?? { host: line.host, id: line.id, items: [] };
      of.items.push(line);
      open.set(key, of);
    }
    if (line.event === 'task') {
      const key = JSON.stringify([line.host, line.task.id]);
      add(line.host, { task: line.task, items: open.get(key)?.items ?? [], result: line });
      open.delete(key);
    }
  }
  for (const { host, id, items } of open.values()) {
    const task = tasks.get(id);
    if (task !== undefined) add(host, { task, items, result: null });
  }
  return ended;
}

/** What an execution tells, by the counting rule of cases/ansible. Handlers are consequences: they tell nothing. */
export function tell({ task, items, result }: Execution): Told {
  if (task.handler) return NOTHING;
  const parts = items.length > 0 ? items : result === null ? [] : [result];
  const changed = isInventory(task) ? [] : parts.filter(({ status }) => status === 'changed');
  // A loop whose items say nothing of a change that the task says, unless it is of those that nobody waited for.
  const isOpen = items.some(({ status }) => status === 'unverifiable');
  const lost = changed.length === 0 && result?.status === 'changed' && !isOpen && !isInventory(task) ? [result] : [];
  const changes = [...changed, ...lost];
  const unverified = whyNot(task, parts, result);
  if (unverified !== null) return { compared: false, unverified, changes };
  if (isLook(task)) return { compared: changes.length > 0, unverified: null, changes };
  const compared = parts.some(({ status }) => status === 'ok' || status === 'changed') || lost.length > 0;
  return { compared, unverified: null, changes };
}

function whyNot(task: Task, parts: readonly (Result | Item)[], result: Result | null): string | null {
  if (result?.status === 'failed') {
    const message = result.message === undefined ? '' : `: ${oneLine(result.message)}`;
    return `it failed, and the playbook ${result.ignored === true ? 'ignores' : 'rescues'} that${message}`;
  }
  if (parts.some(({ hidesFailure }) => hidesFailure === true) && !isForAuthor(task)) {
    return `it failed, and ${task.failedWhen === 'never' ? 'failed_when: false' : 'its failed_when'} hides that`;
  }
  const blind = parts.some(({ status }) => status === 'unverifiable' || (status === 'hidden' && !isWhenSkip(task)));
  return blind ? whyUnverifiable(task) : null;
}

/** Foreign text as part of a sentence. */
export const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 300 ? line : `${line.slice(0, 300)}…`;
};
