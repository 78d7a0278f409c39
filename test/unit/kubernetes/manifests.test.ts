import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { parseYaml } from '#drift/kubernetes/manifests/yaml.ts';

const { rows } = JSON.parse(
  readFileSync(new URL('../../fixtures/kubernetes/tables/yaml-scalars.json', import.meta.url), 'utf8'),
) as { rows: { yaml: string; kubectl: unknown }[] };
const SPECIAL: Readonly<Record<string, unknown>> = {
  '9007199254740993': 9007199254740993n,
  '12345678901234567890': 12345678901234567e3,
  '1E400': '1E400',
  '!!binary aGVsbG8=': 'hello',
};
const plain = rows.filter(({ yaml, kubectl }) => kubectl !== 'error' && !/key|<</.test(yaml));

const read = (text: string) => readManifests([{ file: 'a.yaml', text }]);
const object = (body: string, name = 'x') => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${body}`;
const valueIn = (body: string) => read(object(body)).objects[0]?.value;

describe('scalars', () => {
  it('are read as kubectl reads them', () => expect(plain.length).toBeGreaterThan(20));
  it.each(plain)('$yaml', ({ yaml, kubectl }) => {
    expect(parseYaml(`v: ${yaml}`)).toEqual({ v: yaml in SPECIAL ? SPECIAL[yaml] : kubectl });
  });
  it.each(['.inf', '-.Inf', '.nan'])('%s is no JSON', (text) => expect(() => parseYaml(`v: ${text}`)).toThrow(/JSON/));
  it.each([
    ['0b10', 2],
    ['-0x1F', -31],
    ['1__0', 10],
    ['017', 15],
    ['09', 9],
    ['1e3', 1000],
    ['1.', 1],
    ['~', null],
    ['', null],
    ['"yes"', 'yes'],
    ['!!str 5', '5'],
    ['-', [null]],
    ['1.2.3', '1.2.3'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['+', '+'],
  ])('%s', (text, value) => expect(parseYaml(`v: ${text === '-' ? '\n- ' : text}`)).toEqual({ v: value }));
});

describe('documents', () => {
  it('merges, lets the last of two keys win, and writes keys as texts', () => {
    expect(valueIn('a: &a {x: 1}\nb:\n  <<: *a\n  z: 2')).toMatchObject({ b: { x: 1, z: 2 } });
    expect(valueIn('data: {a: "1", a: "2"}')).toMatchObject({ data: { a: '2' } });
    expect(valueIn('data: {yes: a, 010: b, 1.5: c}')).toMatchObject({ data: { true: 'a', 8: 'b', 1.5: 'c' } });
  });

  it('cuts at document marks and knows where each begins', () => {
    const text = `\uFEFF# first\n---\n${object('')}--- # second\n${object('', 'z')}\n...\n---\n# nothing\n---\n`;
    const { objects, problems } = read(text);
    expect(problems).toEqual([]);
    expect(objects.map(({ line }) => line)).toEqual([3, 7]);
  });

  it('takes lists apart, also those that name the kind of their items', () => {
    const list =
      '{"apiVersion":"v1","kind":"ConfigMapList","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}';
    const names = read(list).objects.map(({ value }) => `${value['apiVersion']} ${value['kind']}`);
    expect(names).toEqual(['v1 ConfigMap', 'v1 ConfigMap']);
  });

  it.each([
    ['kind: A\nmetadata: {name: x}', "Missing key: 'apiVersion'"],
    ['apiVersion: v1\nmetadata: {name: x}', "Missing key: 'kind'"],
    ['apiVersion: v1\nkind: A\nmetadata: {generateName: x}', "Missing key: 'metadata.name'"],
    ['- a', 'declares no object'],
    ['--- garbage\na: 1', 'invalid YAML document separator'],
    ['a: [1', 'a.yaml:1'],
    ['a:\n\t- b', 'a.yaml:2'],
  ])('says what is wrong with %j, and still reads the rest', (bad, message) => {
    const { objects, problems } = read(`${bad}\n---\n${object('')}`);
    const [problem] = problems;
    expect(`${problem?.file}:${problem?.line} ${problem?.message}`).toContain(message);
    expect(objects).toHaveLength(1);
  });

  it.each(['[', '{"a":'])('takes nesting without end for a mistake: %s', (opening) => {
    const { objects, problems } = read(`${opening.repeat(5000)}\n---\n${object('')}`);
    expect(problems).toHaveLength(1);
    expect(objects).toHaveLength(1);
    const closed = read(`${object('')}deep: ${'['.repeat(160)}${']'.repeat(160)}`);
    expect(closed.problems[0]?.message).toContain('nested deeper');
  });

  it('does not blow up an alias bomb', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level += 1) {
      lines.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    }
    expect(read(object(lines.join('\n'))).problems[0]?.message).toMatch(/alias/i);
  });
});
