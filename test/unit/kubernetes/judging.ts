import type { JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes, type KubernetesEvidence, type KubernetesJudgement } from '#drift/kubernetes/judge.ts';
import type { DeclaredObject } from '#drift/kubernetes/live.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { readOptions } from '#drift/kubernetes/read-options.ts';

/** Every object of a text. @throws when one cannot be read: the test itself is wrong */
export function objectsOf(text: string): readonly DeclaredObject[] {
  const { objects, problems } = readManifests([{ file: 'a.yaml', text }]);
  const [problem] = problems;
  if (problem !== undefined) throw new Error(problem.message);
  return objects;
}

/** Judges two texts; `options` as a recorded case has them. */
export function judgeTexts(
  declared: string,
  live: string,
  options: unknown = {},
  more: Partial<KubernetesEvidence> = {},
  {
    defaultNamespace = 'default',
    dump,
  }: { readonly defaultNamespace?: string; readonly dump?: readonly JsonObject[] } = {},
): KubernetesJudgement {
  const given = readOptions({ defaultNamespace, options });
  const { objects, problems, notes } = readManifests([{ file: 'a.yaml', text: declared }]);
  const evidence: KubernetesEvidence = {
    declared: objects,
    problems,
    live: {
      objects: dump ?? objectsOf(live).map(({ value }) => value),
      served: null,
      unreached: given.unreached,
      openapi: new Map(),
      notes: [],
    },
    notes,
    ...more,
  };
  return judgeKubernetes(evidence, given.options, {
    target: 'prod/apps',
    severity: 'critical',
    minCoverage: 1,
    fingerprintKey: 'key',
  });
}

/** What a judgement found, one short text each. */
export const changesOf = ({ findings }: KubernetesJudgement): readonly string[] =>
  findings.map(({ change, subject, path }) => `${change} ${path ?? subject}`).sort();
