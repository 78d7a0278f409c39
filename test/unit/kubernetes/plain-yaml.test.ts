import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPlainYaml } from '#drift/kubernetes/manifests/plain-yaml.ts';
import { readAnyYaml, YamlError } from '#drift/kubernetes/manifests/yaml.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cases');

const TEXTS = readdirSync(FOLDER)
  .flatMap((name) => ['config.yaml', 'live.yaml'].map((file) => readFileSync(path.join(FOLDER, name, file), 'utf8')))
  .flatMap((text) => text.split(/^---.*\n/m))
  .filter((text) => text.trim() !== '' && !/^\s*\{/.test(text));

/** What the reader of all of YAML says; null: it refuses the text, or has something to tell of it. */
function told(text: string): unknown {
  try {
    const { value, duplicates } = readAnyYaml(text);
    return duplicates.length > 0 ? null : value;
  } catch (error) {
    if (error instanceof YamlError) return null;
    throw error;
  }
}

it('plain texts say what the reader of all of YAML says', () => {
  const plain = TEXTS.map((text) => ({ text, value: readPlainYaml(text) })).filter(({ value }) => value !== null);
  expect(plain.length).toBeGreaterThan(100);
  for (const { text, value } of plain) expect(value).toEqual(told(text));
});

describe('signs that mean something', () => {
  const SIGNS = [
    ...[' ', '  ', '\n', ':', ': ', '-', '- ', '- - ', '#', ' #', '"', "'", '|', '|-', '|+', '|2', '>', '{}', '[]'],
    ...['&a ', '*a', '!!str ', '~', 'yes', '0x1F', '010', '1_000', '.5', '.inf', '12:30', '\\', '?', ',', '---', '...'],
    ...['%', '\t', 'null', '<<: ', '@', '`', '=', '# c\n', 'a: b\n', '- a\n', 'a: |\n', '\n\n', '"a": ', 'é', '\r'],
    ...['[a, "b"]', '[a,b]', "['x', -y, --z-1=2]", '[1, 2.5, yes]', ', ', '[', ']', '- [a] # c\n'],
  ];
  const sign = fc.record({ at: fc.nat(), text: fc.constantFrom(...SIGNS), over: fc.nat(4) });
  const moved = fc.record({ line: fc.nat(), by: fc.integer({ min: -2, max: 2 }) });
  const short = TEXTS.filter((text) => text.length < 1500);

  it('wherever they stand, and however lines are indented: what is read as plain is what the other one reads', () => {
    let count = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...short),
        fc.array(sign, { maxLength: 2 }),
        fc.array(moved, { maxLength: 2 }),
        (text, signs, moves) => {
          const shifted = moves.reduce(shift, text);
          const given = signs.reduce((made, { at, text: put, over }) => {
            const place = at % (made.length + 1);
            return made.slice(0, place) + put + made.slice(place + over);
          }, shifted);
          const plain = readPlainYaml(given);
          if (plain === null) return;
          count += 1;
          expect(plain).toEqual(told(given));
        },
      ),
      { numRuns: 2_000 },
    );
    expect(count).toBeGreaterThan(200);
  });
});

/** A text with one line moved to the left or right. */
function shift(text: string, { line, by }: { readonly line: number; readonly by: number }): string {
  const lines = text.split('\n');
  const at = line % lines.length;
  const old = lines[at] ?? '';
  return lines.with(at, by < 0 ? old.replace(new RegExp(`^ {0,${-by}}`), '') : ' '.repeat(by) + old).join('\n');
}

describe('by example', () => {
  it.each([
    ['a: 1\n', { a: 1 }],
    ['a:\n- b\n- c: 2\n  d:\n  - "e"\n', { a: ['b', { c: 2, d: ['e'] }] }],
    ['a:\n  b: # nothing\n  c: x # a word\n', { a: { b: null, c: 'x' } }],
    ['a: |\n  one\n\n  # two\nb: |-\n  three\nc: {}\n', { a: 'one\n\n# two\n', b: 'three', c: {} }],
    [`a: [1, "b, c", '', --d-e=f, yes] # g\nh: [a]\n`, { a: [1, 'b, c', '', '--d-e=f', true], h: ['a'] }],
    ['yes: on\nat: 12:30\nid: 9007199254740993\n', { true: true, at: '12:30', id: 9007199254740993n }],
  ])('%j', (text, value) => {
    expect(readPlainYaml(text)).toEqual(value);
    expect(told(text)).toEqual(value);
  });

  it.each([
    'a: b\n  c\n',
    'a: &x 1\nb: *x\n',
    'a: [1, {b: c}]\n',
    'a: [b: c]\n',
    'a: [b,\n  c]\n',
    'a: 1\na: 2\n',
    'a: >\n  b\n',
    '- a\n',
    '',
    'a:\tb\n',
    'a: b: c\n',
  ])('%j is left to the other reader', (text) => expect(readPlainYaml(text)).toBeNull());
});
