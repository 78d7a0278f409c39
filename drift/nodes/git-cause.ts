import type { Cause } from '../cause.ts';
import type { Task } from './events.ts';

/** What can change any task: variables, inventories, plugins, collections. */
const SHARED =
  /(^|\/)(group_vars|host_vars|vars|defaults|inventor(y|ies)|library|module_utils|[a-z]+_plugins|collections|playbooks)\/|(^|\/)(ansible\.cfg|requirements\.ya?ml|hosts(\.\w+)?|[^/]*inventory[^/]*)$/;
/** What a role gives its own tasks. */
const VARIABLES = /\/(defaults|vars)\//;
/** A playbook, in the folder that it is looked for in. */
const PLAYBOOK = /^(?!plumbline\.)[^./][^/]*\.ya?ml$/;

/**
 * The cause that git's history tells (DESIGN §2.10): everything was equal at the last in-sync commit, so what has
 * changed since is either what the task is made of, or the node. What may reach the task from elsewhere leaves it
 * unclear.
 * @param changed files that differ from the last in-sync commit, from the folder that the task's path is told from;
 * null: not known
 */
export function causeByGit(task: Pick<Task, 'path' | 'src'>, changed: readonly string[] | null): Cause {
  if (changed === null) return 'unclear';
  const { src } = task;
  const file = task.path.slice(0, task.path.lastIndexOf(':'));
  const [, top, role] = /^((?:.*?\/)?)(roles\/[^/]+\/)/.exec(file) ?? [];
  const inRole = (name: string): boolean => role !== undefined && name.startsWith(`${top}${role}`);
  const isOwn = (name: string): boolean =>
    name === file || (inRole(name) && VARIABLES.test(name)) || (src !== undefined && `/${name}/`.includes(`/${src}/`));
  if (changed.some(isOwn)) return 'pending';
  const folders = ['', top ?? file.slice(0, file.lastIndexOf('/') + 1)];
  const isPlaybook = (name: string): boolean =>
    folders.some((folder) => name.startsWith(folder) && PLAYBOOK.test(name.slice(folder.length)));
  // Another file of its role may be included, looked up or have registered something; or have nothing to do with it.
  const mayReach = (name: string): boolean => SHARED.test(name) || inRole(name) || isPlaybook(name);
  return changed.some(mayReach) ? 'unclear' : 'out-of-band';
}
