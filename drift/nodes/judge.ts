import type { Coverage, Uncovered } from '../coverage.ts';
import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import type { Severity } from '../target.ts';
import { decideVerdict, type Ending, type Verdict } from '../verdict.ts';
import { type FindingContext, findingOf, Spread } from './findings.ts';
import type { NodeReason } from './fleet.ts';
import { endText, type LookContext, type NodeLook, type NodeStream, nodesOf, unlookedAt } from './node.ts';
import { leftNotes, notesOf, runNotes, streamNotes, unlookedNotes } from './notes.ts';
import { readStream, type Stream } from './stream.ts';

/** Findings that are listed in full; the rest is counted. */
const MAX_FINDINGS = 1000;
/** Characters of values that are kept of the streams together. */
const MAX_SHOWN = 32 * 1024 * 1024;
/** Notes of one stream that are kept. */
const MAX_STREAM_NOTES = 50;

/** What is kept of one stream; its text may be forgotten. */
export interface StreamLook {
  readonly nodes: readonly NodeLook[];
  /** It names no node: which it is of, and why. */
  readonly nameless: NodeReason | null;
  /** Of ansible-core. */
  readonly version: string | null;
  readonly notes: readonly Note[];
}

/** What is left of one check of many nodes. */
export interface NodesEvidence extends LookedAt {
  readonly streams: readonly NodeStream[];
}

interface LookedAt {
  /** Nodes that were asked and sent nothing. */
  readonly unreached?: readonly NodeReason[];
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
export function judgeNodes(
  { streams, ...evidence }: NodesEvidence,
  context: JudgeContext & Pick<LookContext, 'fingerprintKey'>,
): NodesJudgement {
  const { fingerprintKey } = context;
  const looks = streams.map((source) => lookAtStream(source, { fingerprintKey, nodes: streams.length }));
  return judgeLooks({ ...evidence, looks }, context);
}

/**
 * All that the judgement needs of one stream, which may be forgotten then. Pure.
 * @param nodes how many there are: of many each may show less
 */
export function lookAtStream(
  source: NodeStream,
  { fingerprintKey, nodes }: Pick<LookContext, 'fingerprintKey'> & { readonly nodes: number },
): StreamLook {
  const stream = readStream(source.text);
  const found = nodesOf(source, stream, { fingerprintKey, maxShown: MAX_SHOWN / Math.max(1, nodes) });
  const nameless = found.length > 0 ? null : { node: source.node ?? source.name, reason: whyNoNode(source, stream) };
  const version = stream.begin?.ansible ?? null;
  const notes = [...leftNotes(source), ...unlookedNotes(unlookedAt(source, stream)), ...streamNotes(stream)];
  return { nodes: found, nameless, version, notes: notes.slice(0, MAX_STREAM_NOTES) };
}

/** Judges what was seen in the streams, one report for all nodes. Pure. */
export function judgeLooks(
  { looks: streams, ...evidence }: LookedAt & { readonly looks: readonly StreamLook[] },
  context: JudgeContext,
): NodesJudgement {
  const looks = join(streams);
  const nameless = streams.flatMap((stream) => stream.nameless ?? []);
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
  const count = seen.reduce((sum, { unlisted }) => sum + unlisted, found.length);
  const findings = ending.ok ? found.slice(0, MAX_FINDINGS) : [];
  const unconfirmed = findingsOf(ending.ok ? looks.filter(({ trouble }) => trouble !== null) : looks);
  const versions = new Set(streams.flatMap(({ version }) => version ?? []));
  return {
    ...decideVerdict(ending, count, coverage, context.minCoverage),
    toolVersion: versions.size === 0 ? null : [...versions].sort().join(', '),
    nodes: looks.map(verdictOf),
    coverage,
    findings,
    unlisted: ending.ok ? count - findings.length : 0,
    unconfirmed: unconfirmed.slice(0, MAX_FINDINGS),
    notes: notesOf(looks, runNotes(streams)),
  };
}

/** All nodes; two streams that speak of one node cannot both be believed. */
function join(streams: readonly StreamLook[]): readonly NodeLook[] {
  const looks = new Map<string, NodeLook>();
  for (const look of streams.flatMap(({ nodes }) => nodes)) {
    const isTwice = looks.has(look.node);
    const trouble = 'incomplete: two streams speak of this node';
    looks.set(look.node, isTwice ? { ...look, verdict: 'unknown', trouble } : look);
  }
  return [...looks.values()];
}

function whyNoNode(source: NodeStream, { problem }: Stream): string {
  return `${problem === null ? 'no play matched a node' : `incomplete: ${problem}`}${endText(source)}`;
}

/** Units are tasks of nodes that could be looked at, and nodes that could not. */
function coverageOf(looks: readonly NodeLook[], unreached: readonly NodeReason[]): Coverage {
  const uncovered: Uncovered[] = [
    ...unreached.map(({ node, reason }): Uncovered => ({ subject: node, kind: 'unreached', reason })),
    ...looks.flatMap(({ node, trouble, unverified }): readonly Uncovered[] => [
      ...(trouble === null ? [] : [{ subject: node, kind: 'unreached' as const, reason: trouble }]),
      ...unverified.map(({ task, reason }) => ({
        subject: `${node}: ${task}`,
        kind: 'unverifiable' as const,
        reason,
      })),
    ]),
  ];
  const compared = looks.reduce((sum, look) => sum + look.compared, 0);
  return { compared, total: compared + uncovered.length, uncovered };
}

/** A check that could look at no node is none; what single nodes lack is a matter of coverage. */
function endingOf(evidence: LookedAt, looks: readonly NodeLook[], unreached: readonly NodeReason[]): Ending {
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
  const tasks = unverified.map(({ task }) => task);
  const count = tasks.length === 1 ? '1 task' : `${tasks.length} tasks`;
  const reason = trouble ?? (verdict === 'unknown' ? `coverage: ${count} could not be verified` : null);
  return { node, verdict, reason, compared, unverified: tasks };
}
