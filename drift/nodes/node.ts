import type { Note } from '../note.ts';
import type { Verdict } from '../verdict.ts';
import { cutShort } from './cut-short.ts';
import { type Difference, differencesOf } from './difference.ts';
import type { LineOf, Stats } from './events.ts';
import { type Execution, executionsOf, oneLine, tell } from './executions.ts';
import { isInclude, isStep } from './modules.ts';
import { taskNotes } from './notes.ts';
import type { Stream } from './stream.ts';

/** Differences of one node that are kept; the rest is counted. */
const MAX_DIFFERENCES = 1000;

/** What is left of one run: its stream, and how it ended. */
export interface NodeStream {
  /** For messages where no host is named: a file, a node's id. */
  readonly name: string;
  /** The node that it speaks for, whatever its host calls itself; null: it names its hosts. */
  readonly node: string | null;
  readonly text: string;
  /** Of ansible-playbook; null: not known. */
  readonly exitCode: number | null;
  /** What ansible-playbook itself said of its end, in a sentence without secrets; null: nothing that we know. */
  readonly hint?: string | null;
  /** A folder that the run left on the node; null: none that we know. */
  readonly left?: string | null;
  /** Where it speaks for no single node: the hosts of its inventory that were to be looked at; null: not known. */
  readonly inventory?: ReadonlySet<string> | null;
}

/** How a node is looked at. */
export interface LookContext {
  /** Key of the value hashes; null where there is none (a local check). */
  readonly fingerprintKey: string | null;
  /** Characters of values that are kept of one stream: of many nodes it has to be little. */
  readonly maxShown: number;
}

/** What one node was found to be: all that is kept of its stream. */
export interface NodeLook {
  readonly node: string;
  readonly verdict: Verdict;
  /** Why it could not be judged at all; null: it could, as far as its tasks can be verified. */
  readonly trouble: string | null;
  readonly compared: number;
  readonly unverified: readonly { readonly task: string; readonly reason: string }[];
  readonly differences: readonly Difference[];
  /** Differences beyond those that are kept. */
  readonly unlisted: number;
  /** Places of the tasks that came to a result. */
  readonly ran: readonly string[];
  readonly notes: readonly Note[];
}

/** The first core whose events show a role that is not there; older ones tell by the exit code only. */
const SHOWS_MISSING_ROLES = [2, 19] as const;

/** What Ansible calls the machine that it runs on, where no inventory has it. */
const LOCAL = /^(localhost|127\.0\.0\.1|::1)$/;

/** The nodes of one stream. None: it names none. */
export function nodesOf(source: NodeStream, stream: Stream, context: LookContext): readonly NodeLook[] {
  const executions = executionsOf(stream.lines);
  const stats = stream.end?.stats ?? {};
  const plays = stream.lines.filter((line) => line.event === 'play');
  const hosts = new Set([...plays.flatMap(({ hosts }) => hosts), ...executions.keys(), ...Object.keys(stats)]);
  const failures = new Map(
    [...executions].map(([host, own]) => [host, failuresOf(own, statsOf(stats, host))] as const),
  );
  const cut = cutShort(stream.lines, brokenResults(executions, failures));
  const all = [...hosts, ...[...cut.keys()].filter((host) => !hosts.has(host))];
  const whole = troubleOfRun(source, stream) ?? missedBy(source, hosts, stream);
  const lost = lostEvents(stream);
  return all.map((host) => {
    const own = executions.get(host) ?? [];
    const trouble = whole ?? lost.get(host) ?? troubleOfHost(own, statsOf(stats, host)) ?? cutReason(cut.get(host));
    const node = source.node === null ? host : all.length === 1 ? source.node : `${source.node}/${host}`;
    return lookAt({ node, executions: own, failures: failures.get(host) ?? new Set(), trouble }, context);
  });
}

/**
 * A play for localhost prepares what plays for others do. Where one of these matched nobody, a machine that only such a
 * play looked at is none of those that were meant, unless the inventory has it.
 */
function missedBy({ node, inventory }: NodeStream, hosts: ReadonlySet<string>, stream: Stream): string | null {
  const isMeant = (host: string): boolean => !LOCAL.test(host) || (node === null && inventory?.has(host) === true);
  if (hosts.size === 0 || !hasUnmatched(stream) || [...hosts].some(isMeant)) return null;
  return node === null
    ? 'no play matched a host of the inventory, but one for localhost: mend hosts of the others, or the inventory'
    : 'no play matched this node, but one for localhost: mend hosts, or select other nodes';
}

/** Whether a play matched no host. */
const hasUnmatched = ({ lines }: Stream): boolean => lines.some((line) => line.event === 'no-hosts');

/** Hosts of the inventory that were in no play, where one was meant for somebody and matched nobody. */
export function unlookedAt({ inventory }: NodeStream, stream: Stream): readonly string[] {
  if (inventory == null || !hasUnmatched(stream)) return [];
  const seen = new Set(stream.lines.flatMap((line) => (line.event === 'play' ? line.hosts : [])));
  return [...inventory].filter((host) => !seen.has(host));
}

/** The failures that ended a node: the last ones, since those before were rescued; without statistics all that may be. */
function failuresOf(executions: readonly Execution[], stats: Stats | undefined): ReadonlySet<Execution> {
  const broken = executions.filter(({ result }) => isBroken(result));
  return new Set(broken.slice(stats === undefined ? 0 : Math.max(0, broken.length - stats.failures)));
}

function brokenResults(
  executions: ReadonlyMap<string, readonly Execution[]>,
  failures: ReadonlyMap<string, ReadonlySet<Execution>>,
): readonly LineOf<'task'>[] {
  return [...executions].flatMap(([host, own]) =>
    own.flatMap((execution) => {
      const { result } = execution;
      const isEnd = result?.status === 'unreachable' || failures.get(host)?.has(execution) === true;
      return isEnd && result !== null ? [result] : [];
    }),
  );
}

/** A node may be called like something that every object has. */
const statsOf = (stats: Readonly<Record<string, Stats>>, host: string): Stats | undefined =>
  Object.hasOwn(stats, host) ? stats[host] : undefined;

interface Run {
  readonly node: string;
  readonly executions: readonly Execution[];
  readonly failures: ReadonlySet<Execution>;
  readonly trouble: string | null;
}

function lookAt({ node, executions, failures, trouble }: Run, context: LookContext): NodeLook {
  const told = executions
    .filter(({ result }) => result?.status !== 'unreachable')
    .map((execution) => {
      const said = tell(execution);
      // Of a failed loop stays what its other items said.
      return failures.has(execution)
        ? { execution, compared: false, unverified: null, changes: said.changes }
        : { execution, ...said };
    });
  const compared = told.filter((of) => of.compared).length;
  const unverified = told.flatMap(({ execution: { task }, unverified: reason }) =>
    reason === null ? [] : [{ task: task.name, reason }],
  );
  const differences = differencesOf(executions, told, context);
  const why = trouble ?? (compared + unverified.length === 0 ? nothingCompared(executions) : null);
  const verdict =
    why !== null ? 'unknown' : differences.length > 0 ? 'drifted' : unverified.length > 0 ? 'unknown' : 'in-sync';
  return {
    node,
    verdict,
    trouble: why,
    compared,
    unverified,
    differences: differences.slice(0, MAX_DIFFERENCES),
    unlisted: Math.max(0, differences.length - MAX_DIFFERENCES),
    ran: placesRun(executions),
    notes: taskNotes(executions),
  };
}

function placesRun(executions: readonly Execution[]): readonly string[] {
  const ran = executions.filter(({ result }) => result?.status === 'ok' || result?.status === 'changed');
  return [...new Set(ran.map(({ task }) => task.path))];
}

const isBroken = (result: Execution['result']): boolean => result?.status === 'failed' && result.ignored !== true;

const cutReason = (reason: string | undefined): string | null => (reason === undefined ? null : `cut short: ${reason}`);

function nothingCompared(executions: readonly Execution[]): string {
  const skipped = executions.filter(({ result }) => result?.status === 'skipped').length;
  const why =
    executions.length === 0
      ? 'no task ran (tags, end_play, or a play without tasks)'
      : skipped > 0
        ? `${skipped} of ${executions.length} tasks were skipped by their when`
        : 'the tasks that ran only look';
  return `nothing was compared: ${why}`;
}

/** How ansible-playbook ended, as the end of a sentence; nothing where that went well or is not known. */
export function endText(source: NodeStream): string {
  const { exitCode, hint } = source;
  if (exitCode === null) return hint == null ? '' : ` (${oneLine(hint)})`;
  return exitCode === 0 ? '' : ` (ansible-playbook ended with ${exitCode}${hintText(source)})`;
}

const hintText = ({ hint }: NodeStream): string => (hint == null ? '' : `: ${oneLine(hint)}`);

/** What takes the worth from all that a stream says. */
function troubleOfRun(source: NodeStream, stream: Stream): string | null {
  const { exitCode } = source;
  const { begin, end, problem, lines } = stream;
  if (problem !== null) return `incomplete: ${problem}${endText(source)}`;
  if (begin === null || end === null) return 'incomplete: the stream has no beginning';
  if (!begin.check) return 'the playbook ran for real: check mode was off';
  const lost = lines.find((line) => line.event === 'odd' && line.lost && line.host === null);
  if (lost?.event === 'odd') return `incomplete: an event was lost: ${oneLine(lost.text)}`;
  const stats = Object.values(end.stats);
  const isFailed = stats.some(({ failures }) => failures > 0);
  const isBad = isFailed || stats.some(({ unreachable }) => unreachable > 0);
  if (exitCode === null) {
    const includes = lines.some((line) => line.event === 'task' && line.task.module.endsWith('include_role'));
    if (!includes || isAtLeast(begin.ansible, SHOWS_MISSING_ROLES)) return null;
    return `ansible-core ${begin.ansible} tells by its exit code only whether a role was there, and the code is not known`;
  }
  if (![0, 2, 4].includes(exitCode)) return `failed: ansible-playbook ended with ${exitCode}${hintText(source)}`;
  if (exitCode === 0 && isFailed)
    return 'incomplete: ansible-playbook ended with 0 although its statistics count failures';
  if (exitCode !== 0 && !isBad) {
    return `failed: ansible-playbook ended with ${exitCode}, and no task says why${hintText(source)}`;
  }
  return null;
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, a = '0', b = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(a) > major || (Number(a) === major && Number(b) >= minor);
}

function lostEvents({ lines }: Stream): ReadonlyMap<string, string> {
  return new Map(
    lines.flatMap((line) =>
      line.event === 'odd' && line.lost && line.host !== null
        ? [[line.host, `incomplete: an event was lost: ${oneLine(line.text)}`] as const]
        : [],
    ),
  );
}

function troubleOfHost(executions: readonly Execution[], stats: Stats | undefined): string | null {
  const results = executions.flatMap(({ result }) => (result === null ? [] : [result]));
  const unreachable = results.find(({ status }) => status === 'unreachable');
  if (unreachable !== undefined) return `unreachable: ${oneLine(unreachable.message ?? 'no message')}`;
  if (stats === undefined) {
    return results.length === 0 ? null : 'incomplete: the statistics at the end do not know this node';
  }
  const broken = results.filter(isBroken);
  if (stats.failures > 0) {
    const last = broken.at(-1);
    if (last === undefined) return 'failed: the statistics count a failure that no event shows';
    return `failed: "${last.task.name}"${last.message === undefined ? '' : `: ${oneLine(last.message)}`}`;
  }
  if (stats.unreachable > 0) return 'unreachable: the statistics say so, and no event shows it';
  if (broken.length > stats.rescued) return 'incomplete: a task failed that the statistics do not count';
  return contradiction(executions, stats);
}

/** An event that never became a line. Ansible counts an include once for every file that it read, and a `meta` never. */
function contradiction(executions: readonly Execution[], stats: Stats): string | null {
  const counted = stats.ok + stats.failures + stats.skipped + stats.unreachable + stats.rescued;
  const results = executions.filter(({ result, task }) => result !== null && !isStep(task)).length;
  const read = executions
    .filter(({ task }) => isInclude(task))
    .reduce((sum, { items }) => sum + Math.max(1, items.length), 0);
  if (counted >= results && counted <= results + read) return null;
  return `incomplete: the statistics count ${counted} results, and the stream has ${results}`;
}
