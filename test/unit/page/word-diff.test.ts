import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOutJson } from '#drift/page/json-layout.ts';
import { visible } from '#drift/page/visible.ts';
import { type Part, wordDiffer } from '#drift/page/word-diff.ts';

const marked = (parts: readonly Part[] | undefined): string | undefined =>
  parts?.map(({ text, common }) => (common ? text : `{${text}}`)).join('');
const joined = (parts: readonly Part[] | undefined): string | undefined => parts?.map(({ text }) => text).join('');

describe('word by word', () => {
  test.each([
    ['t3.micro in eu', 't3.large in eu', 't3.{micro} in eu', 't3.{large} in eu'],
    ['a b c', 'a c', 'a {b }c', 'a c'],
    [
      'port = 80\nuser = web\n',
      'port = 8080\nuser = web\n',
      'port = {80}\nuser = web\n',
      'port = {8080}\nuser = web\n',
    ],
    ['größe', 'große', '{größe}', '{große}'],
    ['', 'x', '', '{x}'],
  ])('%j and %j', (declared, live, git, running) => {
    const diff = wordDiffer()(declared, live);
    expect([marked(diff?.declared), marked(diff?.live)]).toEqual([git, running]);
  });

  test('both sides stay whole, and what is common is common', () => {
    const words = fc.array(fc.constantFrom('a', 'b', ' ', '\n', '.', 'ä', '<', '😀')).map((list) => list.join(''));
    fc.assert(
      fc.property(words, words, (declared, live) => {
        const diff = wordDiffer()(declared, live);
        if (diff === null) return;
        expect([joined(diff.declared), joined(diff.live)]).toEqual([declared, live]);
        const common = (parts: readonly Part[]): string | undefined => joined(parts.filter((part) => part.common));
        expect(common(diff.declared)).toBe(common(diff.live));
      }),
    );
  });

  test.each([
    ['(sensitive)', '(sensitive)'],
    ['(sensitive)', '(also) sensitive'],
    ['password=(sensitive) user=a', 'password=(sensitive) user=b'],
    ['(known after apply)', 'known before'],
  ])('never what is hidden or not known: %j and %j', (declared, live) => {
    expect(wordDiffer()(declared, live)).toBeNull();
    expect(wordDiffer()(live, declared)).toBeNull();
  });

  test('texts with little in common are left whole: the work would grow with the square of their words', () => {
    const words = (prefix: string, count: number): string =>
      Array.from({ length: count }, (_, index) => `${prefix}${index}`).join(' ');
    expect(wordDiffer()(words('a', 50), words('b', 50))).not.toBeNull();
    expect(wordDiffer()(words('a', 5000), words('b', 5000))).toBeNull();
  });

  test('one page compares a bounded amount of text', () => {
    const differ = wordDiffer();
    const text = 'x'.repeat(250_000);
    expect(differ(text, `${text}y`) === null).toBe(true);
    expect(differ(text, text) === null).toBe(false);
    expect(differ('a b', 'a c')).toBeNull();
    expect(wordDiffer()('a b', 'a c')).not.toBeNull();
  });
});

describe('JSON', () => {
  test.each([
    ['{"a":[1,{"b":null}],"c":{}}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {}\n}'],
    ['[12345678901234567890,1.50]', '[\n  12345678901234567890,\n  1.50\n]'],
    ['["a, {b}: \\"c\\""]', '[\n  "a, {b}: \\"c\\""\n]'],
    ['["a"] and 2 that both sides have', '[\n  "a"\n] and 2 that both sides have'],
    ['{"a":"b c… (cut, 1234 characters)', '{\n  "a": "b c… (cut, 1234 characters)'],
    ['[section]', null],
    ['[[ -f x ]] && exit', null],
    ['plain text', null],
    ['{"a":1} and more', null],
  ])('%s has a line for each element', (text, laidOut) => {
    expect(layOutJson(text)).toBe(laidOut);
  });

  test('means the same afterwards', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify([value]);
        expect(JSON.parse(layOutJson(text) ?? text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('that is deep does not become long, and what only looks like it does no harm', () => {
    const deep = '['.repeat(2000) + ']'.repeat(2000);
    expect(layOutJson(deep)?.length).toBeLessThan(2 * deep.length);
    expect(layOutJson(`${'['.repeat(12)}${'1,'.repeat(1000)}1${']'.repeat(12)}`)).toBeNull();
    expect(layOutJson('[]]]]]… (cut, 9 characters)')).toContain(']… (cut, 9 characters)');
  });
});

test('every character can be seen', () => {
  expect(visible('a\u202eb\u0000\u200b\u00a0\ufeff\u{e0041}\r\ud800')).toBe(
    'a\\u202eb\\u0000\\u200b\\u00a0\\ufeff\\u{e0041}\\u000d\\ud800',
  );
  expect(visible('größe 😀\t\n日本')).toBe('größe 😀\t\n日本');
});
