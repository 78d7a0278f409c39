import type { Cause } from '../cause.ts';
import type { Task } from './events.ts';

/** What can change any task: variables, inventories, plugins, collections and playbooks. */
const SHARED =
  /(^|\/)(group_vars|host_vars|vars|defaults|inventor(y|ies)|library|module_utils|[a-z]+_plugins|collections)\/|(^|\/)(ansible\.cfg|requirements\.ya?ml|hosts(\.\w+)?|[^/]*inventory[^/]*)$|^[^/]+\.ya?ml$|(^|\/)playbooks\/[^/]+\.ya?ml$/;

/**
 * The cause that git's history tells (DESIGN §2.10): everything was equal at the last in-sync commit, so what has
 * changed since is either what the task is made of, or the node. What may reach the task from elsewhere leaves it
 * unclear.
 * @param changed files that differ from the last in-sync commit, from the folder of the source; null: not known
 */
export function causeByGit(task: Pick<Task, 'path' | 'src'>, changed: readonly string[] | null): Cause {
  if (changed === null) return 'unclear';
  const file = task.path.slice(0, task.path.lastIndexOf(':'));
  const role = /^(.*?(?:^|\/)roles\/[^/]+\/)/.exec(file)?.[1];
  const isOwn = (name: string): boolean =>
    name === file ||
    (role !== undefined && name.startsWith(role)) ||
    (task.src !== undefined && (name === task.src || name.endsWith(`/${task.src}`) || name.includes(`/${task.src}/`)));
  if (changed.some(isOwn)) return 'pending';
  if (changed.some((name) => SHARED.test(name))) return 'unclear';
  return 'out-of-band';
}
