import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const object = (kind: string, body = '', metadata = '', apiVersion = 'v1') =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: a, ${metadata} }\n${body}`;
const configMap = (body: string, metadata = '') => object('ConfigMap', body, metadata);
const dummy = (body: string, metadata = '') => object('Dummy', body, metadata, 'tests/v1alpha1');
const both = (declared: string, live: string, options: unknown = {}) => changesOf(judgeTexts(declared, live, options));

/** kubediff compares what is declared, whatever else there is; where it takes lists for bags, a server does not. */
describe('kubediff', () => {
  it.each([
    ['the same list', 'spec: { list: [1, a, true] }', 'spec: { list: [1, a, true] }', []],
    ['a shuffled list', 'spec: { list: [1, 2, 3] }', 'spec: { list: [3, 1, 2] }', ['changed spec.list']],
    [
      'a shuffled list inside',
      'spec: { list: [{ l: [1, 2] }] }',
      'spec: { list: [{ l: [2, 1] }] }',
      ['changed spec.list[0].l'],
    ],
    [
      'longer by nulls',
      'spec: { list: [1, null, null] }',
      'spec: { list: [1] }',
      ['removed spec.list[1]', 'removed spec.list[2]'],
    ],
    ['one of two twins is gone', 'spec: { list: [1, 1, 2] }', 'spec: { list: [1, 2] }', ['removed spec.list[1]']],
    [
      'maps without names, one is gone',
      'spec: { list: [{ x: 1 }, { x: 2 }] }',
      'spec: { list: [{ x: 2 }] }',
      ['removed spec.list[0]'],
    ],
    ['an empty map that is not there', 'spec: { resources: {}, list: [] }', 'spec: { other: 1 }', []],
    ['a spec of null', 'spec: null', 'spec: { a: 1 }', []],
    ['more than is declared', 'spec: { a: 1 }', 'spec: { a: 1, b: { c: 2 } }\nextra: 1', []],
    ['nothing declared', '', 'spec: { a: 1 }', []],
    ['a time that is declared null', '', 'metadata2: null', []],
  ])('%s', (_name, declared, live, changes) => expect(both(dummy(declared), dummy(live))).toEqual(changes));

  it('a Secret whose values are null, or not there', () => {
    for (const declared of ['data: { a: null }', 'data: null', 'data: {}', '']) {
      expect(both(object('Secret', declared), object('Secret', 'type: Opaque'))).toEqual([]);
    }
  });

  it('cpu and memory alike', () => {
    const pod = (resources: string) =>
      object('Pod', `spec: { containers: [{ name: a, image: a, resources: { requests: { ${resources} } } }] }`);
    expect(
      both(pod('cpu: 0.1, memory: 0.5Gi, nvidia.com/gpu: 1'), pod('cpu: 100m, memory: 512Mi, nvidia.com/gpu: "1"')),
    ).toEqual([]);
  });
});

describe('Flux', () => {
  const app = 'annotations: { a: b }, labels: { c: d }';
  it.each([
    [
      'labels and annotations are gone',
      configMap('', app),
      configMap(''),
      ['removed metadata.annotations', 'removed metadata.labels'],
    ],
    [
      'labels and annotations beside others',
      configMap('', app),
      configMap('', 'annotations: { x: y1 }, labels: { z: z1 }'),
      ['removed metadata.annotations.a', 'removed metadata.labels.c'],
    ],
    [
      'others beside them',
      configMap('', app),
      configMap('', 'annotations: { a: b, x: y1 }, labels: { c: d, z: z1 }'),
      [],
    ],
    [
      'changed',
      configMap('', app),
      configMap('', 'annotations: { a: e }, labels: { c: f }'),
      ['changed metadata.annotations.a', 'changed metadata.labels.c'],
    ],
    ['a key added to an empty one', configMap('data: {}'), configMap('data: { a: b }'), ['added data.a']],
    [
      'a key changed and one gone',
      configMap('data: { a: b, c: d }'),
      configMap('data: { a: x }'),
      ['changed data.a', 'removed data.c'],
    ],
    ['a key added', configMap('data: { a: b }'), configMap('data: { a: b, c: d }'), ['added data.c']],
    [
      'bytes added to a ConfigMap of texts',
      configMap('data: { a: b }'),
      configMap('data: { a: b }\nbinaryData: { c: ZA== }'),
      ['added binaryData.c'],
    ],
    ['a ConfigMap that others fill', configMap(''), configMap('data: { a: b }'), []],
    ['what is as good as empty', configMap('data: null\nimmutable: false'), configMap(''), []],
    ['a status', dummy('status: { a: 1 }'), dummy('status: { a: 2 }'), []],
  ])('%s', (_name, declared, live, changes) => expect(both(declared, live)).toEqual(changes));

  it.each([
    ['by label', 'labels: { kustomize.toolkit.fluxcd.io/reconcile: disabled }', ''],
    ['by annotation', 'annotations: { kustomize.toolkit.fluxcd.io/reconcile: disabled }', ''],
    ['by annotation in the cluster', '', 'annotations: { kustomize.toolkit.fluxcd.io/reconcile: disabled }'],
  ])('excluded %s', (_name, declared, live) => {
    const exclude = { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' };
    expect(both(configMap('data: { a: b }', declared), configMap('data: { a: c }', live), { exclude })).toEqual([]);
    expect(
      judgeTexts(configMap('data: { a: b }', declared), configMap('data: { a: c }', live), { exclude }).verdict,
    ).toBe('in-sync');
    expect(both(configMap('data: { a: b }', declared), configMap('data: { a: c }', live))).toContain('changed data.a');
  });
});

describe('what kubectl diff keeps quiet about', () => {
  const service = (ports: string) => object('Service', `spec: { selector: { a: b }, ports: [${ports}] }`);
  it.each([
    [
      'a UDP port beside a TCP port',
      service('{ name: t, port: 53 }, { name: u, port: 53, protocol: UDP }'),
      service('{ name: t, port: 53, protocol: TCP, targetPort: 53 }'),
      ['removed spec.ports[port=53,protocol=UDP]'],
    ],
    [
      'a number beyond 2^53',
      dummy('spec: { a: 9007199254740993 }'),
      dummy('spec: { a: 9007199254740992 }'),
      ['changed spec.a'],
    ],
    [
      'a key of a selector',
      service('{ port: 1 }'),
      service('{ port: 1 }').replace('a: b', 'a: b, c: d'),
      ['added spec.selector.c'],
    ],
    ['an unknown field', object('ConfigMap', 'datas: { a: b }'), object('ConfigMap', ''), ['removed datas']],
    [
      'an unknown field deep inside',
      object(
        'Deployment',
        'spec: { replica: 3, template: { spec: { containers: [{ name: a, image: a, imagePullPolice: Always }] } } }',
        '',
        'apps/v1',
      ),
      object('Deployment', 'spec: { template: { spec: { containers: [{ name: a, image: a }] } } }', '', 'apps/v1'),
      ['removed spec.replica', 'removed spec.template.spec.containers[name=a].imagePullPolice'],
    ],
    [
      'a value exchanged for a reference',
      object('Pod', 'spec: { containers: [{ name: a, env: [{ name: E, value: x }] }] }'),
      object(
        'Pod',
        'spec: { containers: [{ name: a, env: [{ name: E, valueFrom: { secretKeyRef: { name: s, key: k } } }] }] }',
      ),
      ['removed spec.containers[name=a].env[name=E].value'],
    ],
    [
      'another volume of the same name',
      object('Pod', 'spec: { volumes: [{ name: v, emptyDir: {} }] }'),
      object('Pod', 'spec: { volumes: [{ name: v, hostPath: { path: /etc } }] }'),
      ['removed spec.volumes[name=v].emptyDir'],
    ],
    [
      'a reference to another role',
      object('RoleBinding', 'roleRef: { kind: Role, name: view }', '', 'rbac.authorization.k8s.io/v1'),
      object(
        'RoleBinding',
        'roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: admin }',
        '',
        'rbac.authorization.k8s.io/v1',
      ),
      ['changed roleRef.name'],
    ],
    [
      'another subject',
      object('RoleBinding', 'subjects: [{ kind: User, name: a }]', '', 'rbac.authorization.k8s.io/v1'),
      object(
        'RoleBinding',
        'subjects: [{ kind: User, name: a, apiGroup: rbac.authorization.k8s.io }, { kind: Group, name: all, apiGroup: rbac.authorization.k8s.io }]',
        '',
        'rbac.authorization.k8s.io/v1',
      ),
      ['added subjects[1]'],
    ],
  ])('%s', (_name, declared, live, changes) => expect(both(declared, live)).toEqual(changes));
});

describe('texts', () => {
  it.each([
    ['CRLF', '"a\\r\\nb"', '"a\\nb"'],
    ['a newline at the end', '"a\\n"', '"a"'],
    ['a space at the end', '"a "', '"a"'],
    ['a byte-order mark', '"\\uFEFFa"', '"a"'],
    ['another form of a letter', '"\\u00e9"', '"e\\u0301"'],
    ['case', '"A"', '"a"'],
    ['an empty text', '""', '"a"'],
  ])('%s is a difference', (_name, a, b) => {
    expect(both(configMap(`data: { t: ${a} }`), configMap(`data: { t: ${b} }`))).toEqual(['changed data.t']);
  });

  it.each(['data: { t: "" }', 'data: { t: "" , u: x }'])('an empty value that is gone is a difference: %s', (data) => {
    expect(both(configMap(data), configMap('data: { u: x }'))).toContain('removed data.t');
  });

  it.each([['base64 in lines', '"YWJj\\nZGVm\\n"', '"YWJjZGVm"']])('%s is none', (_name, a, b) => {
    expect(both(object('Secret', `data: { t: ${a} }`), object('Secret', `data: { t: ${b} }`))).toEqual([]);
  });
});

it('keys that JavaScript has an opinion of are keys like any other', () => {
  const data = 'data: { constructor: a, toString: b, __proto__: c, valueOf: d }';
  expect(both(configMap(data), configMap(data))).toEqual([]);
  expect(both(configMap(data), configMap('data: { x: y1 }'))).toEqual([
    'added data.x',
    'removed data.__proto__',
    'removed data.constructor',
    'removed data.toString',
    'removed data.valueOf',
  ]);
  expect(both(configMap('data: { x: y1 }'), configMap(`${data.slice(0, -1)}, x: y1 }`))).toHaveLength(4);
});

/** The API server takes none of these. */
describe('declarations that are refused are never in sync', () => {
  const deployment = (spec: string) => object('Deployment', `spec: { ${spec} }`, '', 'apps/v1');
  it.each([
    ['a number in a ConfigMap', configMap('data: { a: 50 }')],
    ['a boolean in a ConfigMap', configMap('data: { a: yes }')],
    ['a number for a label', configMap('', 'labels: { version: 1.0 }')],
    ['a boolean for an annotation', configMap('', 'annotations: { a: on }')],
    [
      'a number for a variable',
      deployment('template: { spec: { containers: [{ name: a, env: [{ name: A, value: 8080 }] }] } }'),
    ],
    ['a text for a number', deployment('replicas: "3"')],
    ['a text for a boolean', deployment('template: { spec: { hostNetwork: "true" } }')],
    ['a fraction of a replica', deployment('replicas: 1.5')],
    ['a map for a list', deployment('template: { spec: { containers: { name: a } } }')],
    [
      'an amount that is none',
      deployment('template: { spec: { containers: [{ name: a, resources: { limits: { cpu: lots } } }] } }'),
    ],
    ['bytes that are none', object('Secret', 'data: { a: "plain text!" }')],
    ['a number in stringData', object('Secret', 'stringData: { a: 5 }')],
    [
      'a text for a port',
      deployment('template: { spec: { containers: [{ name: a, ports: [{ containerPort: "80" }] }] } }'),
    ],
  ])('%s', (_name, declared) => {
    const judged = judgeTexts(declared, declared.replace(/"3"|lots|1\.5/, '3'));
    expect(judged.verdict).toBe('unknown');
    expect(judged.coverage.uncovered[0]?.reason).toContain('would refuse');
    expect(judgeTexts(declared, '').verdict).not.toBe('in-sync');
  });
});
