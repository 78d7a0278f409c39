import { expect, it } from 'vitest';
import { judgeTexts, objectsOf } from './judging.ts';

const configMap = (data: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: { ${data} } }`;
const deployment = (container: string) =>
  `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: a }, spec: { template: { spec: { containers: [
  { name: web, image: "nginx:1", ${container} } ] } } } }`;
const secret = (value: string) =>
  `{ apiVersion: v1, kind: Secret, metadata: { name: a }, stringData: { password: ${value} } }`;
const crontab = (steps: string) =>
  `{ apiVersion: acme.example/v1, kind: Crontab, metadata: { name: a, namespace: shop }, spec: { steps: ${steps} } }`;
const NONE = '';

/** What git said, what it says, what is live: why they differ. */
const CAUSES: readonly (readonly [string, string, string, string, string])[] = [
  ['the live value moved', configMap('x: "1"'), configMap('x: "1"'), configMap('x: "2"'), 'out-of-band'],
  ['git moved', configMap('x: "2"'), configMap('x: "1"'), configMap('x: "2"'), 'pending'],
  [
    'git moved elsewhere',
    configMap('x: "1", y: "1"'),
    configMap('x: "1", y: "2"'),
    configMap('x: "2", y: "2"'),
    'out-of-band',
  ],
  ['a key is new in git', configMap('y: "1"'), configMap('x: "1", y: "1"'), configMap('y: "1"'), 'pending'],
  [
    'a key was deleted live',
    configMap('x: "1", y: "1"'),
    configMap('x: "1", y: "1"'),
    configMap('y: "1"'),
    'out-of-band',
  ],
  [
    'a key was given up in git',
    configMap('x: "1", y: "1"'),
    configMap('y: "1"'),
    configMap('x: "1", y: "1"'),
    'pending',
  ],
  ['a key was added live', configMap('y: "1"'), configMap('y: "1"'), configMap('x: "1", y: "1"'), 'out-of-band'],
  ['the object is new in git', NONE, configMap('x: "1"'), configMap('x: "2"'), 'pending'],
  ['the object was deleted', configMap('x: "1"'), configMap('x: "1"'), NONE, 'out-of-band'],
  ['the object was deleted, and git moved', configMap('x: "1"'), configMap('x: "2"'), NONE, 'out-of-band'],
  ['the object is new and not applied', NONE, configMap('x: "1"'), NONE, 'pending'],
  [
    'a secret moved live',
    secret('a'),
    secret('a'),
    'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { password: Yg== }',
    'out-of-band',
  ],
  [
    'a secret moved in git',
    secret('a'),
    secret('b'),
    'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { password: YQ== }',
    'pending',
  ],
  [
    'the same amount in git, spelt differently',
    deployment('resources: { limits: { memory: 1Gi } }'),
    deployment('resources: { limits: { memory: 1024Mi } }'),
    deployment('resources: { limits: { memory: 2Gi } }'),
    'out-of-band',
  ],
  [
    'a variable is new in git',
    deployment('env: [{ name: A, value: a }]'),
    deployment('env: [{ name: B, value: b }, { name: A, value: a }]'),
    deployment('env: [{ name: A, value: a }]'),
    'pending',
  ],
  [
    'a variable moved live',
    deployment('env: [{ name: A, value: a }]'),
    deployment('env: [{ name: B, value: b }, { name: A, value: a }]'),
    deployment('env: [{ name: A, value: x }, { name: B, value: b }]'),
    'out-of-band',
  ],
  [
    'a port without its protocol',
    deployment('ports: [{ containerPort: 80 }]'),
    deployment('ports: [{ containerPort: 80, protocol: TCP }]'),
    deployment('ports: []'),
    'out-of-band',
  ],
  [
    'arguments in their order',
    deployment('args: [a, b]'),
    deployment('args: [b, a]'),
    deployment('args: [a, b]'),
    'pending',
  ],
  [
    'a list without keys is told whole',
    crontab('[{ run: a }, { run: b }]'),
    crontab('[{ run: a }, { run: c }]'),
    crontab('[{ run: x }, { run: c }]'),
    'pending',
  ],
  [
    'a custom list by name',
    crontab('[{ name: a, run: a }]'),
    crontab('[{ name: b, run: b }, { name: a, run: a }]'),
    crontab('[{ name: a, run: x }, { name: b, run: b }]'),
    'out-of-band',
  ],
];

it.each(CAUSES)('%s', (_name, before, now, live, cause) => {
  const judged = judgeTexts(now, live, {}, { before: objectsOf(before) });
  expect(judged.findings.map((finding) => finding.cause)).toEqual([cause]);
  expect(judgeTexts(now, live).findings.map((finding) => finding.cause)).toEqual(['unclear']);
});

it('an orphan that git declared before waits for its pruning, another one was made by hand', () => {
  const labelled = (name: string) =>
    `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, labels: { by: git } } }`;
  const all = ['a', 'b', 'c'].map(labelled).join('\n---\n');
  const before = objectsOf(['a', 'b'].map(labelled).join('\n---\n'));
  const { findings } = judgeTexts(labelled('a'), all, { inventory: { selector: 'by=git' } }, { before });
  expect(findings.map(({ subject, cause }) => `${subject} ${cause}`)).toEqual([
    'ConfigMap/default/b pending',
    'ConfigMap/default/c out-of-band',
  ]);
});

it("the object's own evidence comes first", () => {
  const applied = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '2' } });
  const live = `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  annotations: { kubectl.kubernetes.io/last-applied-configuration: '${applied}' }
data: { x: "2" }`;
  const { findings } = judgeTexts(configMap('x: "1"'), live, {}, { before: objectsOf(configMap('x: "1"')) });
  expect(findings.map(({ cause }) => cause)).toEqual(['pending']);
});

it('what is ignored plays no part in it', () => {
  const ignore = [{ jqPathExpressions: ['.spec.steps[] | select(.run == "z")'] }];
  const { findings } = judgeTexts(
    crontab('[{ run: a }]'),
    crontab('[{ run: b }]'),
    { ignore },
    {
      before: objectsOf(crontab('[{ run: z }, { run: a }]')),
    },
  );
  expect(findings.map(({ cause }) => cause)).toEqual(['out-of-band']);
});
