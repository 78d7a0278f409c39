import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes } from '#drift/kubernetes/judge.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { DEFAULT_OPTIONS } from '#drift/kubernetes/options.ts';

/** Names that the judge looks at, with values that no server would send. */
const NAMES = [
  'metadata',
  'spec',
  'data',
  'stringData',
  'name',
  'namespace',
  'labels',
  'annotations',
  'managedFields',
  'manager',
  'operation',
  'fieldsV1',
  'f:spec',
  'k:{"name":"a"}',
  'ownerReferences',
  'template',
  'containers',
  'env',
  'ports',
  'rules',
  'subsets',
  'scaleTargetRef',
  'kind',
  'versions',
  'schema',
  'openAPIV3Schema',
  'properties',
  'names',
  'group',
  'kubectl.kubernetes.io/last-applied-configuration',
  '__proto__',
  'constructor',
  'toString',
];
const json = fc.letrec<{ value: unknown; map: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 1.5, '', 'a', '{}', '[', 12345678901234567890n),
    tie('map'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  map: fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 5, noNullPrototype: true }),
}));
const kinds = fc.constantFrom(
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Endpoints'],
  ['apps/v1', 'Deployment'],
  ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ['acme.example/v1', 'Thing'],
);
const object = fc
  .tuple(kinds, json.map)
  .map(
    ([[apiVersion, kind], body]) =>
      ({ metadata: { name: 'a' }, ...(body as JsonObject), apiVersion, kind }) as unknown as JsonObject,
  );

it('nothing that a cluster answers or a repository holds breaks the judge', () => {
  fc.assert(
    fc.property(fc.array(object, { maxLength: 3 }), fc.array(object, { maxLength: 3 }), (declared, live) => {
      const judged = judgeKubernetes(
        {
          declared: declared.map((value) => ({ value, file: 'a.yaml', line: 1 })),
          problems: [],
          live: { objects: live, served: null, unreached: [], openapi: new Map(), notes: [] },
          notes: [],
          before: live.map((value) => ({ value, file: 'a.yaml', line: 1 })),
        },
        {
          ...DEFAULT_OPTIONS,
          orphans: { label: 'a', namespaces: ['default'] },
          ignore: [
            {
              group: '*',
              kind: '*',
              namespace: '*',
              name: '*',
              subject: '*',
              pointers: ['/spec/0', '/metadata/labels'],
              jq: ['.spec.containers[].env'],
              managers: ['a'],
            },
          ],
        },
        { target: 'prod/apps', severity: 'critical', minCoverage: 1, fingerprintKey: 'key' },
      );
      expect(judged.coverage.compared).toBeLessThanOrEqual(judged.coverage.total);
      if (declared.length === 0) expect(judged.verdict).not.toBe('in-sync');
    }),
    { numRuns: 3000 },
  );
});

it('nothing that a file holds breaks the reader', () => {
  const word = fc.constantFrom(
    '---',
    '\n',
    '- ',
    'a: ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|',
    '>',
    '&a ',
    '*a',
    '<<: ',
    '!!int ',
    '%YAML',
    '# ',
    '\t',
    '  ',
    'apiVersion: v1',
    'kind: List',
    'items:',
    '\\',
    '\r',
    '\u0000',
    '\uFEFF',
    '?',
    ':',
    '...',
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 25 }), (words) => {
      const { objects, problems } = readManifests([{ file: 'a.yaml', text: words.join('') }]);
      expect(objects.length + problems.length).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 3000 },
  );
});
