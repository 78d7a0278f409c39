import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const PROPERTIES = `
  replicas: { type: integer, format: int32, default: 1 }
  paused: { type: boolean, default: false }
  enabled: { type: boolean, default: true }
  tier: { type: string, default: standard }
  plain: { type: string }
  size: { type: integer }
  port: { x-kubernetes-int-or-string: true }
  memory: { anyOf: [{ type: integer }, { type: string }], pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$', x-kubernetes-int-or-string: true }
  limits: { type: object, additionalProperties: { anyOf: [{ type: integer }, { type: string }], pattern: '^(([KMGTPE]i)|[numkMGTPE])$', x-kubernetes-int-or-string: true } }
  when: { type: string, format: date-time }
  free: { type: object, x-kubernetes-preserve-unknown-fields: true }
  labels: { type: object, additionalProperties: { type: string } }
  selector: { type: object, x-kubernetes-map-type: atomic, properties: { a: { type: string }, b: { type: string } } }
  steps: { type: array, items: { type: string } }
  tags: { type: array, x-kubernetes-list-type: set, items: { type: string } }
  rules: { type: array, items: { type: object, properties: { name: { type: string }, weight: { type: integer, default: 5 } } } }
  channels: { type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name, region], items: { type: object, properties: { name: { type: string }, region: { type: string, default: eu }, url: { type: string } } } }
  nested: { type: object, default: {}, properties: { mode: { type: string, default: auto } } }
  template: { type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true }`;

const crd = (apiVersion: string) => {
  const schema = `openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: {${PROPERTIES.replaceAll('\n', ',').replace(',', '')}} } } }`;
  const versions = apiVersion.endsWith('/v1')
    ? `versions: [{ name: v1, served: true, storage: true, schema: { ${schema} } }]`
    : `version: v1, validation: { ${schema} }, versions: [{ name: v1, served: true, storage: true }]`;
  return `apiVersion: ${apiVersion}\nkind: CustomResourceDefinition\nmetadata: { name: things.acme.example }\nspec: { group: acme.example, scope: Namespaced, names: { kind: Thing, plural: things }, ${versions} }`;
};
const thing = (spec: string) =>
  `apiVersion: acme.example/v1\nkind: Thing\nmetadata: { name: a, namespace: shop }\nspec: { ${spec} }`;
const DEFAULTED = 'replicas: 1, paused: false, enabled: true, tier: standard, nested: { mode: auto }';

describe.each(['apiextensions.k8s.io/v1', 'apiextensions.k8s.io/v1beta1'])('by its %s', (version) => {
  const both = (declared: string, live: string) =>
    changesOf(judgeTexts(thing(declared), `${crd(version)}\n---\n${thing(live)}`));

  it.each([
    ['defaults', 'plain: x', `plain: x, ${DEFAULTED}`],
    ['defaults, written out', DEFAULTED, DEFAULTED],
    ['a declared false that is the default', 'paused: false', ''],
    ['amounts', 'memory: 1024Mi, limits: { cpu: 1000m }', 'memory: 1Gi, limits: { cpu: "1" }'],
    ['an amount as a number', 'memory: 5', 'memory: "5"'],
    ['a point in time', 'when: "2026-01-01T00:00:00Z"', 'when: "2026-01-01T01:00:00+01:00"'],
    ['a set in another order', 'tags: [a, b]', 'tags: [b, a]'],
    [
      'a keyed list in another order, with a default in its key',
      'channels: [{ name: a }, { name: a, region: us, url: x }]',
      'channels: [{ name: a, region: us, url: x }, { name: a, region: eu }]',
    ],
    ['defaults inside an atomic list', 'rules: [{ name: a }]', 'rules: [{ name: a, weight: 5 }]'],
    ['zero without a default', 'size: 0, plain: ""', ''],
    ['empty things', 'labels: {}, steps: [], free: {}', ''],
    ['what others wrote into free fields', 'free: { a: 1 }', 'free: { a: 1, b: 2 }'],
    ['an undeclared value', 'plain: x', 'plain: x, size: 7'],
  ])('%s: no difference', (_name, declared, live) => expect(both(declared, live)).toEqual([]));

  it.each([
    ['another default', 'tier: gold', 'tier: standard', ['changed spec.tier']],
    ['a declared false against a default of true', 'enabled: false', 'enabled: true', ['changed spec.enabled']],
    ['a declared zero against a default', 'replicas: 0', 'replicas: 1', ['changed spec.replicas']],
    ['another type of port', 'port: 80', 'port: "80"', ['changed spec.port']],
    ['another amount', 'memory: 1Gi', 'memory: 1G', ['changed spec.memory']],
    ['one more in a set', 'tags: [a]', 'tags: [a, b]', ['added spec.tags[1]']],
    ['one more in an atomic list', 'steps: [a]', 'steps: [a, b]', ['added spec.steps[1]']],
    ['another order of an atomic list', 'steps: [a, b]', 'steps: [b, a]', ['changed spec.steps']],
    [
      'another order of maps',
      'rules: [{ name: a }, { name: b }]',
      'rules: [{ name: b, weight: 5 }, { name: a, weight: 5 }]',
      ['changed spec.rules'],
    ],
    [
      'more than the default inside an atomic list',
      'rules: [{ name: a }]',
      'rules: [{ name: a, weight: 6 }]',
      ['added spec.rules[0].weight'],
    ],
    [
      'one more in a keyed list',
      'channels: [{ name: a }]',
      'channels: [{ name: a, region: eu }, { name: b, region: eu }]',
      ['added spec.channels[name=b,region=eu]'],
    ],
    [
      'another key of a keyed list',
      'channels: [{ name: a, url: x }]',
      'channels: [{ name: a, region: us, url: x }]',
      ['added spec.channels[name=a,region=us]', 'removed spec.channels[name=a,region=eu]'],
    ],
    ['one more in an atomic map', 'selector: { a: x }', 'selector: { a: x, b: z }', ['added spec.selector.b']],
    ['a field that the schema does not have', 'nope: 1', '', ['removed spec.nope']],
    ['an empty text in a free map', 'labels: { a: "" }', 'labels: { b: x }', ['removed spec.labels.a']],
    ['a default inside', 'nested: { mode: manual }', 'nested: { mode: auto }', ['changed spec.nested.mode']],
  ])('%s: a difference', (_name, declared, live, changes) => expect(both(declared, live)).toEqual(changes));

  it.each(['replicas: "3"', 'enabled: "yes"', 'tags: a', 'memory: lots', 'port: true'])(
    'what the server refuses is unknown: %s',
    (spec) => {
      expect(judgeTexts(thing(spec), `${crd(version)}\n---\n${thing('')}`).verdict).toBe('unknown');
    },
  );
});

describe('defaults that the options tell', () => {
  it.each([
    [{ 'acme.example/Thing': { 'spec.enabled': true } }],
    [{ 'acme.example/Thing': { spec: { enabled: true } } }],
    [{ 'spec.enabled': true }],
    [{ spec: { enabled: true } }],
  ])('%j', (crdSchemaDefaults) => {
    const both = (declared: string, live: string) =>
      changesOf(judgeTexts(thing(declared), thing(live), { crdSchemaDefaults }));
    expect(both('plain: x', 'plain: x, enabled: true')).toEqual([]);
    expect(both('enabled: false', 'enabled: true')).toEqual(['changed spec.enabled']);
    expect(both('enabled: true', '')).toEqual([]);
    // Declared as false, gone, and back at the default: what is live says "true".
    expect(both('enabled: false', '')).toEqual(['removed spec.enabled']);
  });

  it('inside lists', () => {
    const crdSchemaDefaults = { 'acme.example/Thing': { 'spec.rules.weight': 5 } };
    const both = (declared: string, live: string) =>
      changesOf(judgeTexts(thing(declared), thing(live), { crdSchemaDefaults }));
    expect(both('rules: [{ x: 1, weight: 0 }]', 'rules: [{ x: 1 }]')).toEqual(['removed spec.rules[0].weight']);
    expect(both('rules: [{ x: 1, weight: 5 }]', 'rules: [{ x: 1 }]')).toEqual([]);
  });
});
