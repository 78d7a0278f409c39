import type { NodeSelect } from '../target.ts';

/** What Ansible takes as a host's name, and no pattern of hosts can be mistaken for. */
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** An id is its own node's name, and nobody else's. */
const NODE_ID = /^m?i-[0-9a-f]+$/i;
/** A group that may be written as it is, as in `hosts: k8s-master`. */
const PLAIN_GROUP = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const MAX_GROUP_LENGTH = 128;
/** What Ansible itself means by these, in whatever case somebody writes a tag. */
const TAKEN = new Set(['all', 'ungrouped', 'localhost', 'none', 'true', 'false', 'null', '_meta']);

/** An address may be one of this machine; a number is none of a person's names for a node. */
const NUMBERS = /^[0-9.]+$/;

/** Whether a text may name a node. */
export const nameable = (text: string): boolean =>
  HOST_NAME.test(text) && !NUMBERS.test(text) && !NODE_ID.test(text) && !TAKEN.has(text.toLowerCase());

/**
 * The groups of a node: the value of each tag that selects it (`master`; `k8s-master` as `k8s_master` too), and
 * `tag_<Key>_<value>` of every tag. Whatever a tag holds, a group is made of letters, digits, `_`, `.` and `-`, and is none
 * that Ansible has a meaning of its own for.
 */
export function groupsOf(tags: Readonly<Record<string, string>>, select: NodeSelect): readonly string[] {
  const selecting = 'tags' in select ? Object.keys(select.tags) : [];
  const values = selecting.flatMap((key) => (Object.hasOwn(tags, key) ? [tags[key] ?? ''] : []));
  const groups = [
    ...values.filter((value) => PLAIN_GROUP.test(value)),
    ...values.map(sanitised),
    ...Object.entries(tags).map(([key, value]) => `tag_${sanitised(key)}_${sanitised(value)}`),
  ];
  return [...new Set(groups)].filter(isGroup).sort();
}

const sanitised = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, '_');

/** A text of which nothing is left but `_` says nothing of the node. */
const isGroup = (group: string): boolean =>
  /[A-Za-z0-9]/.test(group) &&
  group.length <= MAX_GROUP_LENGTH &&
  !NODE_ID.test(group) &&
  !TAKEN.has(group.toLowerCase());
