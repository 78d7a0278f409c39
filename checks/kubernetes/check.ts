import { judgeKubernetes, type KubernetesJudgement } from '#drift/kubernetes/judge.ts';
import type { Note } from '#drift/note.ts';
import { createRedactor } from '#drift/redact.ts';
import type { Report } from '#drift/report.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { RenderError } from '#services/render/error.ts';
import { stopped, timedOut } from '../ended.ts';
import { reportOf } from '../report.ts';
import { declaredBefore } from './before.ts';
import { type Bounds, evidenceOf, type Gathered, gatherEvidence } from './evidence.ts';
import { optionsOf } from './options.ts';
import type { KubernetesCheckRequest } from './request.ts';

/**
 * Compares the manifests of one target with a cluster, of which it only reads. Whatever the cluster, the manifests and
 * their renderer do ends in a report; only what we cannot explain throws.
 */
export async function checkKubernetes(request: KubernetesCheckRequest): Promise<Report> {
  const startedAt = request.now();
  const end = new AbortController();
  const limit = AbortSignal.timeout(Math.max(1, request.timeoutMs));
  let step = 'its beginning';
  const bounds: Bounds = {
    signal: AbortSignal.any([request.signal, limit, end.signal]),
    deadline: Date.now() + request.timeoutMs,
    progress: (next) => {
      step = next;
      request.progress(next);
    },
  };
  const gathered: Gathered = { connection: null, discovery: null, manifests: null, live: null, paths: new Set() };
  const cutShort = (): string | null => {
    if (request.signal.aborted) return stopped(step);
    return Date.now() < bounds.deadline ? null : timedOut(request.target.timeoutSeconds, step);
  };
  const sentenceOf = (error: unknown): string => {
    const cut = cutShort();
    if (cut !== null) return cut;
    if (error instanceof ClusterError || error instanceof RenderError) return error.message;
    throw error;
  };
  try {
    // What was not read in time is told as such by the reader, which does not throw then.
    const failure = await gatherEvidence(request, bounds, gathered).then(cutShort, sentenceOf);
    const told = await judge(request, bounds, gathered, failure);
    const redact = createRedactor(secretsOf(request.hidden, gathered));
    return reportOf({
      ...{ target: request.target, run: request.run, startedAt, endedAt: request.now() },
      tool: { name: 'kubernetes', version: gathered.discovery?.version ?? null, exitCode: null },
      judgement: told.judgement,
      notes: [...(request.notes ?? []), ...told.notes].map((note) => ({ ...note, text: redact(note.text) })),
      paths: gathered.manifests === null ? null : gathered.paths,
    });
  } finally {
    // Whatever is still under way beside what failed.
    end.abort();
  }
}

interface Told {
  readonly judgement: KubernetesJudgement;
  readonly notes: readonly Note[];
}

/** Causes that the objects do not tell are told by what git declared when the target was last in sync. */
async function judge(
  request: KubernetesCheckRequest,
  bounds: Bounds,
  gathered: Gathered,
  failure: string | null,
): Promise<Told> {
  const { target, fingerprintKey, hidden } = request;
  const { name, severity, minCoverage } = target;
  const evidence = { ...evidenceOf(gathered, failure), secrets: secretsOf(hidden, gathered) };
  const options = optionsOf(target.kubernetes, request.rules);
  const context = { target: name, severity, minCoverage, fingerprintKey };
  const judgement = judgeKubernetes(evidence, options, context);
  if (failure !== null || !judgement.findings.some(({ cause }) => cause === 'unclear')) return { judgement, notes: [] };
  const { objects, notes } = await declaredBefore(request, bounds, gathered);
  if (objects === null) return { judgement, notes };
  return { judgement: judgeKubernetes({ ...evidence, before: objects }, options, context), notes };
}

const secretsOf = (hidden: readonly string[], { connection }: Gathered): readonly string[] => [
  ...hidden,
  ...(connection?.secrets() ?? []),
];
