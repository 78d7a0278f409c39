import type { NodeSelect } from '../target.ts';
import { groupsOf, nameable } from './inventory-names.ts';

/** A machine as AWS tells of it. */
export interface FoundNode {
  /** `i-…`, or `mi-…` for a hybrid one. */
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly address: string | null;
  /** `Linux`, `Windows`, `MacOS`; null: nobody says. */
  readonly platform: string | null;
  /** EC2's word: `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`; `registered` for a hybrid one. */
  readonly state: string;
  /** When it was started, or registered. */
  readonly launchedAt: Date | null;
  /** Null: SSM does not know it. */
  readonly agent: {
    readonly online: boolean;
    /** SSM's word: `Online`, `ConnectionLost`, `Inactive`. */
    readonly status: string;
    readonly lastSeen: Date | null;
  } | null;
  readonly computerName: string | null;
}

/** A node as Ansible's inventory has it. */
export interface FleetNode {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly address: string | null;
}

export interface Fleet {
  /** To be asked. */
  readonly nodes: readonly FleetNode[];
  /** All that count, asked or not: what a template that lists a group has to see. */
  readonly members: readonly FleetNode[];
  /** They count and cannot be asked, by name. */
  readonly unreached: readonly NodeReason[];
  /** Listed, not counted. */
  readonly uncounted: readonly NodeReason[];
}

export interface NodeReason {
  readonly node: string;
  readonly reason: string;
}

const GONE = 'there is no such node in this account and region: mend nodes.select';
const NOT_THERE: Readonly<Record<string, string>> = {
  pending: 'it is starting',
  stopping: 'it is stopping',
  stopped: 'it is stopped',
  'shutting-down': 'it is being terminated',
  terminated: 'it is terminated',
};

/** Who is asked, who cannot be, and who is not there yet or not any more. Pure; the result does not depend on AWS's order. */
export function formFleet(
  found: readonly FoundNode[],
  options: { readonly select: NodeSelect; readonly settleSeconds: number; readonly now: Date },
): Fleet {
  const all = [...new Map(found.map((node) => [node.id, node])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const counted = all.filter((node) => whyUncounted(node, options) === null);
  const named = namesOf(counted, options.select);
  const members = counted.map((node) => {
    const { name, groups } = named(node);
    return { node, member: { id: node.id, name, groups, address: node.address } };
  });
  const missing = 'ids' in options.select ? options.select.ids.filter((id) => !all.some((node) => node.id === id)) : [];
  return {
    nodes: members.filter(({ node }) => whyUnreached(node) === null).map(({ member }) => member),
    members: members.map(({ member }) => member),
    unreached: [
      ...members.flatMap(({ node, member }) => reasonFor(member.name, whyUnreached(node))),
      ...[...new Set(missing)].map((node) => ({ node, reason: GONE })),
    ],
    uncounted: all.flatMap((node) => reasonFor(shownName(node), whyUncounted(node, options))),
  };
}

/** Why so few nodes are no fleet that could be in sync; null: they are enough. */
export function tooFew(fleet: Fleet, minNodes: number): string | null {
  const { members } = fleet;
  if (members.length >= minNodes) return null;
  if (members.length === 0) return whyNone(fleet);
  const count = members.length === 1 ? '1 node counts' : `${members.length} nodes count`;
  return `only ${count}, fewer than nodes.minNodes (${minNodes}): start the others, or lower it`;
}

function whyNone({ unreached, uncounted }: Fleet): string {
  const [first, ...others] = [...uncounted, ...unreached];
  if (first === undefined) return 'no node is selected: mend nodes.select, or start nodes with these tags';
  const said = `${first.node}: ${first.reason}`;
  return others.length === 0
    ? `the only selected node does not count, ${said}`
    : `none of ${others.length + 1} selected nodes counts, ${said}`;
}

const reasonFor = (node: string, reason: string | null): readonly NodeReason[] =>
  reason === null ? [] : [{ node, reason }];

function whyUncounted(
  { state, launchedAt }: FoundNode,
  { settleSeconds, now }: { readonly settleSeconds: number; readonly now: Date },
): string | null {
  const absent = Object.hasOwn(NOT_THERE, state) ? NOT_THERE[state] : undefined;
  if (absent !== undefined) return absent;
  if (launchedAt === null) return null;
  const seconds = Math.floor((now.getTime() - launchedAt.getTime()) / 1000);
  if (seconds >= settleSeconds) return null;
  return `it was started ${inWords(Math.max(0, seconds))} ago and may still be set up: it counts after ${inWords(settleSeconds)} (nodes.settle)`;
}

function whyUnreached({ state, platform, agent }: FoundNode): string | null {
  if (state !== 'running' && state !== 'registered') return `EC2 says that it is "${state}": look what became of it`;
  if (platform !== null && platform !== 'Linux') {
    return `it runs ${platform}, where Ansible cannot look at its own machine: select Linux nodes only`;
  }
  if (agent === null) {
    return 'SSM does not know it: start the SSM agent on it, with an instance profile that has AmazonSSMManagedInstanceCore';
  }
  if (agent.online) return null;
  const since = agent.lastSeen === null ? '' : ` since ${agent.lastSeen.toISOString()}`;
  return `its SSM agent is offline${since} (${agent.status}): start the agent, or terminate the node`;
}

/** Names are of use to people only where they tell nodes apart; else the id is the name. */
function namesOf(
  counted: readonly FoundNode[],
  select: NodeSelect,
): (node: FoundNode) => { readonly name: string; readonly groups: readonly string[] } {
  const groups = new Map(counted.map((node) => [node.id, groupsOf(node.tags, select)]));
  const isGroup = new Set([...groups.values()].flat());
  const times = new Map<string, number>();
  for (const { tags } of counted) {
    const name = tags['Name'] ?? '';
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  return (node) => {
    const tag = node.tags['Name'] ?? '';
    const isOwn = nameable(tag) && times.get(tag) === 1 && !isGroup.has(tag);
    return {
      name: isOwn ? tag : node.id,
      groups: groups.get(node.id) ?? [],
    };
  };
}

/** One that is not counted stands in no inventory: its name need not be its own. */
function shownName({ id, tags }: FoundNode): string {
  const name = tags['Name'] ?? '';
  return nameable(name) ? `${name} (${id})` : id;
}

function inWords(seconds: number): string {
  const [count, unit] =
    seconds >= 60 ? ([Math.floor(seconds / 60), 'minute'] as const) : ([seconds, 'second'] as const);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
