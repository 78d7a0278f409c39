import { describe, expect, it } from 'vitest';
import { manifestsIn } from '#services/render/jsonnet/manifests.ts';
import { sentence } from '#services/render/jsonnet/program.ts';

const object = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const found = (value: unknown): unknown => manifestsIn('main.jsonnet', JSON.stringify(value));

describe('the manifests in what a program made', () => {
  it.each([
    ['one', object('a'), ['a']],
    ['a list', [object('a'), object('b')], ['a', 'b']],
    ['nested', { x: { y: [object('a')], z: null }, w: object('b') }, ['a', 'b']],
    ['a List', { apiVersion: 'v1', kind: 'List', items: [object('a'), [object('b')]] }, ['a', 'b']],
    ['a List in an object', { x: { apiVersion: 'v1', kind: 'List', items: [object('a')] } }, ['a']],
  ])('%s', (_what, value, names) => expect(found(value)).toEqual(names.map(object)));

  it.each([
    ['a text', ['secret'], /\$\[0\] is a text/],
    ['a number', { a: { b: 1 } }, /\$\.a\.b is a number/],
    ['nothing', {}, /makes no manifest/],
    ['no kind', { apiVersion: 'v1' }, /\$\.apiVersion is a text/],
  ])('%s is refused, without its value', (_what, value, message) => {
    expect(() => found(value)).toThrow(message);
    expect(() => found(value)).not.toThrow('secret');
  });

  it('not endlessly deep', () => {
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    expect(() => manifestsIn('main.jsonnet', deep)).toThrow('more than 64 levels deep');
  });
});

describe('what jsonnet says', () => {
  it.each([
    ['STATIC ERROR: a/b.jsonnet:1:2-3: Unknown variable: x\n', 'a/b.jsonnet:1:2-3: Unknown variable: x'],
    [
      'RUNTIME ERROR: no size\n\tlib/x.libsonnet:(3:1)-(4:2)\tobject <x>\n\tm.jsonnet:1:1-9\t\n',
      'lib/x.libsonnet:3: no size',
    ],
    ['RUNTIME ERROR: bad\n\tstd.jsonnet:12:5-9\tfunction <map>\n\tm.jsonnet:7:1-9\t\n', 'm.jsonnet:7: bad'],
    ['RUNTIME ERROR: bad\n\t<builtin>\tfunction\n', 'm.jsonnet: bad'],
  ])('%j is a sentence', (failure, text) => expect(sentence('m.jsonnet', failure)).toBe(text));
});
