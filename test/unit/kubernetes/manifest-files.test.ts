import { describe, expect, it } from 'vitest';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { parseYaml } from '#drift/kubernetes/manifests/yaml.ts';

const read = (text: string) => readManifests([{ file: 'a.yaml', text }]);
const named = (name: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}}`;
const namesIn = (text: string) =>
  read(text).objects.map(({ value, line }) => `${(value['metadata'] as { name: string }).name}:${line}`);

describe('JSON values one after the other', () => {
  it.each([
    [`${named('a')}${named('b')}`, ['a:1', 'b:1']],
    [`${named('a')}\n\n${named('b')}\n`, ['a:1', 'b:1']],
    [`${named('a')}\n---\n${named('b')}${named('c')}\n---\n# nothing\n`, ['a:1', 'b:3', 'c:3']],
    [`${named('a}')}${named('b{"')}`, ['a}:1']],
    [
      `{"apiVersion": "v1",\n"kind": "List",\n"items": [${named('a')},\n${named('b')}]}\n${named('c')}`,
      ['a:1', 'b:1', 'c:4'],
    ],
  ])('%j', (text, names) => expect(namesIn(text)).toEqual(names));

  it.each(['xx', ',', '}', '{"a"'])('what follows a value and is none is a problem: %s', (rest) => {
    expect(read(`${named('a')} ${rest}`).problems).toHaveLength(1);
  });

  it('a number that fits nowhere is a problem', () => {
    expect(read(named('a').replace('"v1"', '"v1","spec":1e400')).problems[0]?.message).toContain('float64');
  });

  it('reads a large dump in one go', () => {
    const text = JSON.stringify({
      kind: 'List',
      apiVersion: 'v1',
      items: Array.from({ length: 20_000 }, (_, i) => JSON.parse(named(`x${i}`))),
    });
    const started = performance.now();
    expect(read(text).objects).toHaveLength(20_000);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

it.each([
  'apiVersion: v1\nkind: List',
  'apiVersion: v1\nkind: List\nitems: null',
  'apiVersion: v1\nkind: ConfigMapList\nitems: []',
])('an empty list declares nothing: %j', (text) =>
  expect(read(text)).toEqual({ objects: [], problems: [], notes: [] }),
);

describe('keys that are there twice', () => {
  it.each([
    [
      'YAML',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: "1"\n  y: "2"\n  x: "3"',
      'a.yaml:7: the key "x"',
    ],
    [
      'the second document',
      `${named('b')}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1", x: "3"}`,
      'a.yaml:6: the key "x"',
    ],
    [
      'a key in another spelling',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1", "x": "3"}',
      'a.yaml:4: the key "x"',
    ],
    [
      'JSON',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},\n"data":{"x":"1","x":"3"}}',
      'a.yaml:2: the key "x"',
    ],
  ])('%s: the last one counts, and a note says so', (_name, text, note) => {
    const { objects, notes, problems } = read(text);
    expect(problems).toEqual([]);
    expect(notes.map(({ kind, text: said }) => `${kind} ${said}`)).toEqual([
      expect.stringContaining(`duplicate-key ${note}`),
    ]);
    expect(objects.at(-1)?.value['data']).toMatchObject({ x: '3' });
  });

  it.each([
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {<<: {x: "1"}, x: "3"}',
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"\\"x\\": 1, \\"x\\": 2"}}',
  ])('a merge, and text that looks like a key, are none: %j', (text) => expect(read(text).notes).toEqual([]));

  it('are told of a hundred times, not a million', () => {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n${'  x: y\n'.repeat(500)}`;
    expect(read(text).notes).toHaveLength(100);
  });
});

it.each([
  ['a later merge wins over an earlier key', '{a: 2, <<: {a: 1}}', { a: 1 }],
  ['a later key wins over a merge', '{<<: {a: 1}, a: 2}', { a: 2 }],
  ['the first of several merged maps wins', '{<<: [{a: 1}, {a: 2, b: 3}]}', { a: 1, b: 3 }],
  ['a quoted merge key is a key', '{"<<": {a: 1}}', { '<<': { a: 1 } }],
  [
    'keys that JavaScript has an opinion of',
    '{__proto__: {a: 1}, constructor: 2}',
    JSON.parse('{"__proto__":{"a":1},"constructor":2}'),
  ],
])('%s', (_name, text, value) => expect(parseYaml(`v: ${text}`)).toEqual({ v: value }));

it.each([
  ['v: &a [*a]', /contains itself/],
  ['v: *nope', /anchor/i],
  ['v: {<<: 5}', /map merge/],
  ['v: {[a]: b}', /key/],
  ['v: {~: b}', /key/],
  ['v: !!int x', /cannot decode/],
  ['v: !!binary "*"', /base64/],
  ['v: "\\ud83d\\ude00"', /Unicode/],
  ['v: "a\\/b"', /escape/],
  ['v: "\u0001"', /control characters/],
  ['v: |\n  \tx', /tab/],
  ['%YAML 1.1', /document start/],
])('refuses what kubectl refuses: %j', (text, message) => expect(() => parseYaml(text)).toThrow(message));
