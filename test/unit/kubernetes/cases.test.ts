import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeKubernetes, type KubernetesEvidence, type KubernetesJudgement } from '#drift/kubernetes/judge.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { readOptions } from '#drift/kubernetes/read-options.ts';

interface Expected {
  readonly input: unknown;
  readonly policy: string;
  readonly expected: {
    readonly verdict: string;
    readonly changes: readonly { readonly op: string; readonly path: string }[];
    readonly objects?: readonly { readonly ref: string; readonly verdict: string }[];
    readonly output?: { readonly mustNotContain?: readonly string[]; readonly mustMention?: readonly string[] };
  };
}

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cases');
const CASES = readdirSync(FOLDER);
const VERDICTS: Readonly<Record<string, string>> = {
  'in-sync': 'in-sync',
  drift: 'drifted',
  missing: 'drifted',
  orphaned: 'drifted',
  error: 'unknown',
};
const CHANGES: Readonly<Record<string, string>> = { missing: 'removed', extra: 'added', changed: 'changed' };
/** Where the case leaves the granularity free, or names a key that nothing in it tells, the paths are our own. */
const OWN_PATHS: Readonly<Record<string, readonly string[]>> = {
  'r053-serviceaccount-gets-a-second-pull-secret-keyed-in-the-patch': [
    'added imagePullSecrets[0]',
    'removed imagePullSecrets[0]',
  ],
  // `region` has a default in a CRD that is not in the dump.
  'r065-cr-channel-removed': ['removed spec.channels[name=web]'],
};

const read = (name: string, file: string): string => readFileSync(path.join(FOLDER, name, file), 'utf8');
const expectedOf = (name: string): Expected => JSON.parse(read(name, 'expected.json')) as Expected;

function evidenceOf(name: string): KubernetesEvidence {
  const { objects, problems } = readManifests([{ file: 'config.yaml', text: read(name, 'config.yaml') }]);
  const live = readManifests([{ file: 'live.yaml', text: read(name, 'live.yaml') }]);
  expect(live.problems).toEqual([]);
  const { unreached } = readOptions(expectedOf(name).input);
  return {
    declared: objects,
    problems,
    live: {
      objects: live.objects.map(({ value }) => value),
      served: null,
      unreached,
      openapi: new Map(),
      notes: [],
    },
    notes: [],
  };
}

function judge(name: string, evidence = evidenceOf(name)): KubernetesJudgement {
  const { options } = readOptions(expectedOf(name).input);
  return judgeKubernetes(evidence, options, {
    target: 'prod/apps',
    severity: 'critical',
    minCoverage: 1,
    fingerprintKey: 'key',
  });
}

it('there are cases', () => expect(CASES.length).toBeGreaterThan(170));

describe.each(CASES)('%s', (name) => {
  const { expected } = expectedOf(name);

  it('has the verdict, the changes and nothing else', () => {
    const { verdict, findings } = judge(name);
    expect(verdict).toBe(VERDICTS[expected.verdict]);
    const changes = expected.changes.map(({ op, path }) => `${CHANGES[op]} ${path}`);
    const found = findings.flatMap(({ change, path }) => (path === undefined ? [] : [`${change} ${path}`]));
    expect(found.sort()).toEqual([...(OWN_PATHS[name] ?? changes)].sort());
    const whole = findings.filter(({ path }) => path === undefined);
    const objects = (expected.objects ?? []).filter(({ verdict }) => verdict === 'missing' || verdict === 'orphaned');
    if (expected.objects !== undefined) expect(whole).toHaveLength(objects.length);
  });

  it('shows no secret and says what it must', () => {
    const { output } = expected;
    const text = JSON.stringify(judge(name));
    for (const secret of output?.mustNotContain ?? []) expect(text).not.toContain(secret);
    for (const word of output?.mustMention ?? []) expect(text).toContain(word);
  });

  it('gives every finding an identity of its own', () => {
    const fingerprints = judge(name).findings.map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });

  it('is never in sync once evidence is taken away', () => {
    const evidence = evidenceOf(name);
    const { coverage } = judge(name, evidence);
    if (coverage.total === 0) return;
    const { live } = evidence;
    const unreached = [{ apiVersion: '*', kind: '*', namespace: null, reason: 'forbidden' }];
    const blind = judge(name, { ...evidence, live: { ...live, objects: [], unreached } });
    expect(blind.verdict).toBe('unknown');
    expect(judge(name, { ...evidence, live: { ...live, objects: [] } }).verdict).not.toBe('in-sync');
    expect(judge(name, { ...evidence, declared: [], problems: [] }).verdict).not.toBe('in-sync');
    expect(judge(name, { ...evidence, failure: 'the connection broke' }).verdict).toBe('unknown');
  });

  it('does not depend on the order of objects and keys', () => {
    const evidence = evidenceOf(name);
    const turned: KubernetesEvidence = {
      ...evidence,
      declared: evidence.declared.toReversed().map((object) => ({ ...object, value: reversed(object.value) })),
      live: { ...evidence.live, objects: evidence.live.objects.toReversed().map(reversed) },
    };
    const texts = (judgement: KubernetesJudgement) =>
      judgement.findings.map(({ subject, path, change }) => `${change} ${subject} ${path}`).sort();
    if (new Set(evidence.declared.map(({ value }) => JSON.stringify(value['metadata']))).size > 0) {
      expect(texts(judge(name, turned))).toEqual(texts(judge(name, evidence)));
    }
  });
});

/** The same object with the keys of every map in the other order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  ) as T;
}
