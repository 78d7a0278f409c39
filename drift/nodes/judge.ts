import type { Coverage, Uncovered } from '../coverage.ts';
import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import type { Severity } from '../target.ts';
import { decideVerdict, type Ending, type Verdict } from '../verdict.ts';
import { type FindingContext, findingOf, Spread } from './findings.ts';
import { type NodeLook, type NodeStream, nodesOf } from './node.ts';
import { notesOf } from './notes.ts';
import { readStream, type Stream } from './stream.ts';

/** Findings that are listed in full; the rest is counted. */
const MAX_FINDINGS = 1000;

/** What is left of one check of many nodes. */
export interface NodesEvidence {
  readonly streams: readonly NodeStream[];
  /** Nodes that were asked and sent nothing. */
  readonly unreached?: readonly { readonly node: string; readonly reason: string }[];
  /** The check could not finish: one sentence. */
  readonly failure?: string;
  /** Files that git changed since the last in-sync commit, from the folder that the streams tell paths from; null: not known. */
  readonly changed?: readonly string[] | null;
}

export interface JudgeContext {
  readonly target: string;
  readonly severity: Severity;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** Key of the value hashes; null where there is none (a local check). */
  readonly fingerprintKey: string | null;
}

/** What one node was found to be; `reason` is there when it is unknown. */
export interface NodeVerdict {
  readonly node: string;
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly compared: number;
  readonly unverified: readonly string[];
}

export interface NodesJudgement {
  readonly verdict: Verdict;
  readonly reason: string;
  /** Of ansible-core; several are listed. */
  readonly toolVersion: string | null;
  readonly nodes: readonly NodeVerdict[];
  readonly coverage: Coverage;
  readonly findings: readonly Finding[];
  /** Findings beyond those that are listed. */
  readonly unlisted: number;
  readonly unconfirmed: readonly Finding[];
  readonly notes: readonly Note[];
}

/** Judges the streams of our callback plugin, one report for all nodes. Pure. */
export function judgeNodes(evidence: NodesEvidence, context: JudgeContext): NodesJudgement {
  const read = evidence.streams.map((source) => ({ source, stream: readStream(source.text) }));
  const streams = read.map(({ stream }) => stream);
  const { looks, nameless } = join(read);
  const seen = looks.filter(({ trouble }) => trouble === null);
  const findingContext: FindingContext = {
    ...context,
    changed: evidence.changed ?? null,
    spread: new Spread(looks),
  };
  const findingsOf = (of: readonly NodeLook[]): readonly Finding[] =>
    of.flatMap(({ node, differences }) => differences.map((difference) => findingOf(node, difference, findingContext)));
  const unreached = [...nameless, ...(evidence.unreached ?? [])];
  const coverage = coverageOf(looks, unreached);
  const ending = endingOf(evidence, looks, unreached);
  const found = findingsOf(seen);
  const findings = ending.ok ? found.slice(0, MAX_FINDINGS) : [];
  const unconfirmed = findingsOf(ending.ok ? looks.filter(({ trouble }) => trouble !== null) : looks);
  const versions = new Set(streams.flatMap(({ begin }) => (begin === null ? [] : [begin.ansible])));
  return {
    ...decideVerdict(ending, found.length, coverage, context.minCoverage),
    toolVersion: versions.size === 0 ? null : [...versions].join(', '),
    nodes: looks.map(verdictOf),
    coverage,
    findings,
    unlisted: ending.ok ? found.length - findings.length : 0,
    unconfirmed: unconfirmed.slice(0, MAX_FINDINGS),
    notes: notesOf(looks, streams),
  };
}

interface Unreached {
  readonly node: string;
  readonly reason: string;
}

/** All nodes; two streams that speak of one node cannot both be believed. */
function join(read: readonly { readonly source: NodeStream; readonly stream: Stream }[]): {
  readonly looks: readonly NodeLook[];
  readonly nameless: readonly Unreached[];
} {
  const looks = new Map<string, NodeLook>();
  const nameless: Unreached[] = [];
  for (const { source, stream } of read) {
    const found = nodesOf(source, stream);
    if (found.length === 0) nameless.push({ node: source.node ?? source.name, reason: whyNoNode(source, stream) });
    for (const look of found) {
      const isTwice = looks.has(look.node);
      const trouble = 'incomplete: two streams speak of this node';
      looks.set(look.node, isTwice ? { ...look, verdict: 'unknown', trouble } : look);
    }
  }
  return { looks: [...looks.values()], nameless };
}

function whyNoNode({ exitCode }: NodeStream, { problem }: Stream): string {
  const code = exitCode === null || exitCode === 0 ? '' : ` (ansible-playbook ended with ${exitCode})`;
  return problem === null ? 'no play matched a node' : `incomplete: ${problem}${code}`;
}

/** Units are tasks of nodes that could be looked at, and nodes that could not. */
function coverageOf(looks: readonly NodeLook[], unreached: readonly Unreached[]): Coverage {
  const uncovered: Uncovered[] = [
    ...unreached.map(({ node, reason }): Uncovered => ({ subject: node, kind: 'unreached', reason })),
    ...looks.flatMap(({ node, trouble, unverified }): readonly Uncovered[] => [
      ...(trouble === null ? [] : [{ subject: node, kind: 'unreached' as const, reason: trouble }]),
      ...unverified.map(({ task, reason }) => ({
        subject: `${node}: ${task.name}`,
        kind: 'unverifiable' as const,
        reason,
      })),
    ]),
  ];
  const compared = looks.reduce((sum, look) => sum + look.compared, 0);
  return { compared, total: compared + uncovered.length, uncovered };
}

/** A check that could look at no node is none; what single nodes lack is a matter of coverage. */
function endingOf(evidence: NodesEvidence, looks: readonly NodeLook[], unreached: readonly Unreached[]): Ending {
  if (evidence.failure !== undefined) return { ok: false, reason: evidence.failure };
  if (looks.some(({ trouble }) => trouble === null)) return { ok: true };
  const reasons = [...unreached, ...looks.map(({ node, trouble }) => ({ node, reason: trouble ?? '' }))];
  const [first] = reasons;
  if (first === undefined) return { ok: false, reason: 'there is no node to look at' };
  const said = `${first.node}: ${first.reason}`;
  return {
    ok: false,
    reason: reasons.length === 1 ? said : `none of ${reasons.length} nodes could be compared, ${said}`,
  };
}

function verdictOf({ node, verdict, trouble, compared, unverified }: NodeLook): NodeVerdict {
  const tasks = unverified.map(({ task }) => task.name);
  const count = tasks.length === 1 ? '1 task' : `${tasks.length} tasks`;
  const reason = trouble ?? (verdict === 'unknown' ? `coverage: ${count} could not be verified` : null);
  return { node, verdict, reason, compared, unverified: tasks };
}
