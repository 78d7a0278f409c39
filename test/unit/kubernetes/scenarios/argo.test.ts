import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const deployment = (spec: string, metadata = '') => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, labels: { app: web }, ${metadata} }
spec: { replicas: 2, selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { ${spec} } } }`;
const container = (more: string) => `containers: [{ name: web, image: "nginx:1.27", ${more} }]`;
const custom = (spec: string, apiVersion = 'acme.example/v1', kind = 'Thing') => `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: a, namespace: shop }
spec: { ${spec} }`;

/** What was added by hand in places that git declares, without a word of it in last-applied (argo-cd#4537, #16771). */
describe('what hands add is found', () => {
  const C = 'spec.template.spec.containers[name=web]';
  it.each([
    [
      'a variable',
      container('env: [{ name: A, value: a }]'),
      container('env: [{ name: A, value: a }, { name: B, value: b }]'),
      [`added ${C}.env[name=B]`],
    ],
    [
      'a container',
      container(''),
      `containers: [{ name: web, image: "nginx:1.27" }, { name: idle, image: idle }]`,
      ['added spec.template.spec.containers[name=idle]'],
    ],
    [
      'a port',
      container('ports: [{ containerPort: 80 }]'),
      container('ports: [{ containerPort: 80, protocol: TCP }, { containerPort: 81, protocol: TCP }]'),
      [`added ${C}.ports[containerPort=81,protocol=TCP]`],
    ],
    [
      'the same port with another protocol',
      container('ports: [{ containerPort: 53 }]'),
      container('ports: [{ containerPort: 53, protocol: TCP }, { containerPort: 53, protocol: UDP }]'),
      [`added ${C}.ports[containerPort=53,protocol=UDP]`],
    ],
    [
      'a volume',
      `${container('')}, volumes: [{ name: a, emptyDir: {} }]`,
      `${container('')}, volumes: [{ name: a, emptyDir: {} }, { name: b, emptyDir: {} }]`,
      ['added spec.template.spec.volumes[name=b]'],
    ],
    [
      'a mount',
      container('volumeMounts: [{ name: a, mountPath: /a }]'),
      container('volumeMounts: [{ name: a, mountPath: /a }, { name: a, mountPath: /b }]'),
      [`added ${C}.volumeMounts[mountPath=/b]`],
    ],
    [
      'an init container',
      `${container('')}, initContainers: [{ name: a, image: a }]`,
      `${container('')}, initContainers: [{ name: a, image: a }, { name: b, image: b }]`,
      ['added spec.template.spec.initContainers[name=b]'],
    ],
    [
      'a pull secret',
      `${container('')}, imagePullSecrets: [{ name: a }]`,
      `${container('')}, imagePullSecrets: [{ name: a }, { name: b }]`,
      ['added spec.template.spec.imagePullSecrets[name=b]'],
    ],
    [
      'a toleration',
      `${container('')}, tolerations: [{ key: a, operator: Exists }]`,
      `${container('')}, tolerations: [{ key: a, operator: Exists }, { key: b, operator: Exists }]`,
      ['added spec.template.spec.tolerations[1]'],
    ],
    [
      'a node selector',
      `${container('')}, nodeSelector: { a: b }`,
      `${container('')}, nodeSelector: { a: b, c: d }`,
      ['added spec.template.spec.nodeSelector.c'],
    ],
    [
      'a host alias',
      `${container('')}, hostAliases: [{ ip: 10.0.0.1, hostnames: [a] }]`,
      `${container('')}, hostAliases: [{ ip: 10.0.0.1, hostnames: [a] }, { ip: 10.0.0.2, hostnames: [b] }]`,
      ['added spec.template.spec.hostAliases[ip=10.0.0.2]'],
    ],
    [
      'a source of variables',
      container('envFrom: [{ configMapRef: { name: a } }]'),
      container('envFrom: [{ configMapRef: { name: a } }, { secretRef: { name: b } }]'),
      [`added ${C}.envFrom[1]`],
    ],
    ['an argument', container('args: [a]'), container('args: [a, b]'), [`added ${C}.args[1]`]],
    ['arguments in another order', container('args: [a, b]'), container('args: [b, a]'), [`changed ${C}.args`]],
    [
      'a capability',
      container('securityContext: { capabilities: { add: [A] } }'),
      container('securityContext: { capabilities: { add: [A, B] } }'),
      [`added ${C}.securityContext.capabilities.add[1]`],
    ],
  ])('%s', (_name, declared, live, changes) => {
    expect(changesOf(judgeTexts(deployment(declared), deployment(live)))).toEqual(changes);
  });
});

describe('what is no difference in a built-in kind', () => {
  it.each([
    [
      'variables in another order',
      container('env: [{ name: A, value: a }, { name: B, value: b }]'),
      container('env: [{ name: B, value: b }, { name: A, value: a }]'),
    ],
    [
      'ports in another order',
      container('ports: [{ containerPort: 80 }, { containerPort: 81 }]'),
      container('ports: [{ containerPort: 81, protocol: TCP }, { containerPort: 80, protocol: TCP }]'),
    ],
    [
      'amounts',
      container('resources: { limits: { cpu: 1000m, memory: 1024Mi }, requests: { cpu: 0.5, memory: 1.5Gi } }'),
      container('resources: { limits: { cpu: "1", memory: 1Gi }, requests: { cpu: 500m, memory: 1536Mi } }'),
    ],
    [
      'a limit of disks',
      `${container('')}, volumes: [{ name: a, emptyDir: { sizeLimit: 1024Mi } }]`,
      `${container('')}, volumes: [{ name: a, emptyDir: { sizeLimit: 1Gi } }]`,
    ],
    [
      'empty maps and lists',
      `${container('env: [], resources: {}, securityContext: {}, command: []')}, nodeSelector: {}, affinity: {}, tolerations: []`,
      container('resources: {}'),
    ],
    ['nulls', `${container('env: null, livenessProbe: null')}, nodeSelector: null`, container('')],
    [
      'false that is the default',
      container('stdin: false, tty: false, volumeMounts: [{ name: a, mountPath: /a, readOnly: false }]'),
      container('volumeMounts: [{ name: a, mountPath: /a }]'),
    ],
    ['an empty variable', container('env: [{ name: A, value: "" }]'), container('env: [{ name: A }]')],
    [
      'the deprecated account',
      `${container('')}, serviceAccountName: a`,
      `${container('')}, serviceAccountName: a, serviceAccount: a`,
    ],
    [
      'account declared by its old name',
      `${container('')}, serviceAccount: a`,
      `${container('')}, serviceAccountName: a, serviceAccount: a`,
    ],
    ['a false host network', `${container('')}, hostNetwork: false, hostPID: false`, container('')],
  ])('%s', (_name, declared, live) => {
    expect(changesOf(judgeTexts(deployment(declared), deployment(live)))).toEqual([]);
  });
});

describe('custom resources without a schema', () => {
  it.each([
    [
      'amounts of resources',
      'resources: { limits: { cpu: 1000m, memory: 1024Mi } }',
      'resources: { limits: { cpu: "1", memory: 1Gi } }',
    ],
    ['amounts as numbers', 'resources: { limits: { cpu: 2 } }', 'resources: { limits: { cpu: "2" } }'],
    [
      'amounts deep inside a list',
      'nodeSets: [{ name: a, podTemplate: { spec: { containers: [{ name: x, resources: { requests: { memory: 2048Mi } } }] } } }]',
      'nodeSets: [{ name: a, podTemplate: { spec: { containers: [{ name: x, resources: { requests: { memory: 2Gi } } }] } } }]',
    ],
    [
      'amounts of storage',
      'storage: { volumeClaimTemplate: { spec: { resources: { requests: { storage: 10240Mi } } } } }',
      'storage: { volumeClaimTemplate: { spec: { resources: { requests: { storage: 10Gi } } } } }',
    ],
    ['amounts anywhere', 'ram: 1.25G, cpu: 2000m', 'ram: 1250M, cpu: "2"'],
    [
      'durations',
      'duration: 8760h, renewBefore: 360h, interval: 5m',
      'duration: 8760h0m0s, renewBefore: 360h0m0s, interval: 300s',
    ],
    ['zero values that the operator drops', 'paused: false, count: 0, name: "", list: [], map: {}', 'other: 1'],
    ['nulls', 'a: null, b: { c: null }', 'b: {}'],
    [
      'defaults inside a list',
      'data: [{ secretKey: a, remoteRef: { key: b } }]',
      'data: [{ secretKey: a, remoteRef: { key: b, conversionStrategy: Default, decodingStrategy: None } }]',
    ],
    [
      'defaults',
      'secretStoreRef: { name: a }',
      'secretStoreRef: { name: a, kind: SecretStore }, refreshInterval: 1h, target: { creationPolicy: Owner }',
    ],
    [
      'named things in another order',
      'ports: [{ name: a, port: 1 }, { name: b, port: 2 }]',
      'ports: [{ name: b, port: 2 }, { name: a, port: 1 }]',
    ],
    ['numbers', 'weight: 1.0, big: 1e3, ratio: 0.10', 'weight: 1, big: 1000, ratio: 0.1'],
  ])('%s', (_name, declared, live) => {
    expect(changesOf(judgeTexts(custom(declared), custom(live)))).toEqual([]);
  });

  it.each([
    [
      'another amount',
      'resources: { limits: { memory: 1Gi } }',
      'resources: { limits: { memory: 1G } }',
      ['changed spec.resources.limits.memory'],
    ],
    ['another duration', 'duration: 1h', 'duration: 59m', ['changed spec.duration']],
    ['a version is no amount', 'version: "1.10"', 'version: "1.1"', ['changed spec.version']],
    ['a text is no number', 'port: 80', 'port: "80"', ['changed spec.port']],
    ['a text is no boolean', 'up: "true"', 'up: true', ['changed spec.up']],
    ['false became true', 'paused: false', 'paused: true', ['changed spec.paused']],
    ['a list in another order', 'steps: [a, b]', 'steps: [b, a]', ['changed spec.steps']],
    ['a longer list', 'steps: [a]', 'steps: [a, b]', ['added spec.steps[1]']],
    ['an empty text in a free map is gone', 'labels: { a: "", b: x }', 'labels: { b: x }', ['removed spec.labels.a']],
    ['a declared value is gone', 'a: x, b: y', 'b: y', ['removed spec.a']],
    ['the last digit', 'id: 9007199254740993', 'id: 9007199254740992', ['changed spec.id']],
  ])('%s', (_name, declared, live, changes) => {
    expect(changesOf(judgeTexts(custom(declared), custom(live)))).toEqual(changes);
  });
});

/** `knownTypeFields` of Argo CD, in every form that its users write. */
describe('types that are known of a custom resource', () => {
  const rollout = (cpu: string, more = '') =>
    custom(
      `template: { spec: { containers: [{ name: a, image: a, resources: { requests: { cpu: ${cpu} } }, volumeMounts: [{ name: v, mountPath: /v${more} }] }] } }`,
    );
  const pod = { field: 'spec.template.spec', type: 'core/v1/PodSpec' };
  const containers = { field: 'spec.template.spec.containers', type: 'core/v1/Container' };
  it.each([
    ['a list of rules', [{ group: 'acme.example', kind: 'Thing', ...pod }]],
    ['by kind', { 'acme.example/Thing': [pod] }],
    ['by kind, in Argo’s own spelling', { 'acme.example_Thing': [pod] }],
    ['by kind and field', { 'acme.example/Thing': { [pod.field]: pod.type } }],
    ['elements of a list', { 'acme.example/Thing': [containers] }],
    ['a field that is not there', { 'acme.example/Thing': [{ field: 'nowhere.at.all', type: 'core/v1/PodSpec' }] }],
    ['a type that nobody knows', { 'acme.example/Thing': [{ field: 'spec', type: 'core/v9/Nothing' }] }],
  ])('%s', (_name, knownTypes) => {
    const judged = judgeTexts(rollout('2000m', ', readOnly: false'), rollout('"2"'), { knownTypes });
    expect(changesOf(judged)).toEqual([]);
    expect(changesOf(judgeTexts(rollout('2000m'), rollout('"3"'), { knownTypes }))).toHaveLength(1);
  });

  it('through a list', () => {
    const templates = (cpu: string) =>
      custom(`templates: [{ spec: { containers: [{ name: a, resources: { requests: { cpu: ${cpu} } } }] } }]`);
    const knownTypes = {
      'acme.example/Thing': [{ field: 'spec.templates.spec.containers', type: 'core/v1/Container' }],
    };
    expect(changesOf(judgeTexts(templates('2000m'), templates('"2"'), { knownTypes }))).toEqual([]);
  });

  it.each([
    ['core/Quantity', 'ram: 1.25G', 'ram: 1250M'],
    ['core/v1/ResourceList', 'ram: { cpu: 2000m }', 'ram: { cpu: "2" }'],
    ['meta/v1/Duration', 'ram: 8760h', 'ram: 8760h0m0s'],
  ])('%s', (type, declared, live) => {
    const knownTypes = { 'acme.example/Thing': [{ field: 'spec.ram', type }] };
    expect(changesOf(judgeTexts(custom(declared), custom(live), { knownTypes }))).toEqual([]);
  });
});

describe('ignore rules as Argo CD has them', () => {
  const live = deployment(`${container('args: [b]')}, initContainers: [{ name: a, image: x }, { name: b, image: b }]`);
  const declared = deployment(
    `${container('args: [a]')}, initContainers: [{ name: a, image: a }, { name: b, image: b }]`,
  );
  const args = 'changed spec.template.spec.containers[name=web].args';
  const image = 'changed spec.template.spec.initContainers[name=a].image';
  it.each([
    ['none', [], [args, image]],
    ['a pointer', [{ group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/template/spec/containers'] }], [image]],
    [
      'a pointer to one place of a list',
      [{ group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/template/spec/initContainers/0/image'] }],
      [args],
    ],
    [
      'pointers that lead nowhere',
      [{ jsonPointers: ['/garbage', '/spec/garbage/0/x', '/spec/template/spec/containers/7'] }],
      [args, image],
    ],
    ['another kind', [{ group: '', kind: 'Service', jsonPointers: ['/spec'] }], [args, image]],
    ['another name', [{ kind: 'Deployment', name: 'other', jsonPointers: ['/spec'] }], [args, image]],
    ['this name', [{ kind: 'Deployment', name: 'web', namespace: 'shop', jsonPointers: ['/spec'] }], []],
    ['globs', [{ group: '*', kind: '*', jsonPointers: ['/spec/template/spec/containers'] }], [image]],
    [
      'a jq path by value',
      [{ kind: 'Deployment', jqPathExpressions: ['.spec.template.spec.initContainers[] | select(.name == "a")'] }],
      [args],
    ],
    [
      'a jq path that fails',
      [
        {
          kind: 'Deployment',
          jqPathExpressions: ['.spec.fakeField.foo[]', '.spec.template.spec.containers[]?.startupProbe'],
        },
      ],
      [args, image],
    ],
    [
      'a jq path with several places',
      [
        {
          kind: 'Deployment',
          jqPathExpressions: ['.spec.template.spec.containers[].args, .spec.template.spec.initContainers[].image'],
        },
      ],
      [],
    ],
    [
      'jq: test and index',
      [
        {
          kind: 'Deployment',
          jqPathExpressions: [
            '.spec.template.spec.initContainers[] | select(.name | test("^a")).image',
            '.spec.template.spec.containers[0]["args"]',
          ],
        },
      ],
      [],
    ],
  ])('%s', (_name, ignore, changes) => {
    expect(changesOf(judgeTexts(declared, live, { ignore }))).toEqual(changes);
  });

  it('annotations with odd keys by pointer', () => {
    const config = deployment(container(''), 'annotations: { "a.b/c~d": x, keep: v }');
    const running = deployment(container(''), 'annotations: { "a.b/c~d": z, keep: z }');
    const ignore = [{ jsonPointers: ['/metadata/annotations/a.b~1c~0d'] }];
    expect(changesOf(judgeTexts(config, running, { ignore }))).toEqual(['changed metadata.annotations.keep']);
  });

  it('an expression that is no jq path is said, and never in sync', () => {
    const judged = judgeTexts(declared, live, { ignore: [{ jqPathExpressions: ['.a[] | select(.name == "x)'] }] });
    expect(judged.verdict).toBe('unknown');
    expect(judged.coverage.uncovered[0]?.reason).toContain('jq');
  });
});
