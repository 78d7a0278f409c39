import { describe, expect, it } from 'vitest';
import { OptionsError, readOptions } from '#drift/kubernetes/read-options.ts';

const read = (options: unknown) => readOptions({ options }).options;

describe('options in every form that they are written in', () => {
  it.each([
    ['app=a', 'app=a'],
    [{ app: 'a', tier: 'b' }, 'app=a,tier=b'],
    [{ matchLabels: { app: 'a' } }, 'app=a'],
    [null, null],
  ])('a selector %j', (selector, label) => expect(read({ inventory: { selector } }).orphans?.label).toBe(label));

  it.each([
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    ['a', ['a']],
  ])('namespaces %j', (namespaces, list) =>
    expect(read({ inventory: { namespaces } }).orphans?.namespaces).toEqual(list),
  );

  it.each([
    [{ a: 'b' }, { a: 'b' }],
    [{ a: true }, { a: 'true' }],
    ['a=b,c=d=e', { a: 'b', c: 'd=e' }],
  ])('what is left out %j', (exclude, map) => expect(read({ exclude }).exclude).toEqual(map));

  it.each([
    [{ 'a.b/Kind': [{ field: 'x', type: 't' }] }, { group: 'a.b', kind: 'Kind' }],
    [{ 'a.b_Kind': { x: 't' } }, { group: 'a.b', kind: 'Kind' }],
    [{ Kind: { x: 't' } }, { group: '*', kind: 'Kind' }],
    [{ x: 't' }, { group: '*', kind: '*' }],
    [[{ path: 'x', type: 't' }], { group: '*', kind: '*' }],
  ])('known types %j', (knownTypes, of) =>
    expect(read({ knownTypes }).knownTypes).toEqual([{ ...of, field: 'x', type: 't' }]),
  );

  it('what nobody knows is no reason to refuse the rest', () => {
    expect(read({ preferredVersion: 'apps/v1', kubeVersion: 1.36, served: ['v1'] }).served).toEqual(['v1']);
  });

  it.each([
    [{ ignore: 'x' }, 'options.ignore'],
    [{ inventory: 5 }, 'options.inventory'],
    [{ served: [1] }, 'options.served'],
    [{ forbidden: [5] }, 'options.forbidden'],
  ])('says where %j is wrong', (options, place) => {
    expect(() => read(options)).toThrow(OptionsError);
    expect(() => read(options)).toThrow(place);
  });
});
