import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan, type ResourceType, shape } from '#sandbox/provider/resource.ts';
import { pack, same, UNKNOWN, unpack, type Value } from '#sandbox/provider/values.ts';

const type: ResourceType = {
  attributes: {
    name: { type: 'string', mode: 'required', replace: true },
    size: { type: 'number', mode: 'optional' },
    rules: { type: ['set', 'string'], mode: 'optional', replace: true },
    address: { type: 'string', mode: 'computed' },
  },
  read: async () => null,
  create: async () => 'x',
  update: async () => undefined,
  delete: async () => undefined,
};
const PRIOR = { id: 'i-1', name: 'a', size: 1, rules: ['x', 'y'], address: '10.0.0.1' };

describe('values on their way to terraform', () => {
  const value = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant<Value>(UNKNOWN),
      fc.array(tie('value')),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
      ),
    ),
  })).value;

  it('come back as they were', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(unpack(pack(one))).toEqual(one);
      }),
    );
  });

  it('are the same whatever the order of a set, and no two others are', () => {
    expect(same(['a', 'b'], ['b', 'a'])).toBe(true);
    expect(same([{ a: 1, b: 2 }], [{ b: 2, a: 1 }])).toBe(true);
    expect(same(['a'], ['a', 'a'])).toBe(false);
    expect(same('1', 1)).toBe(false);
    expect(same(UNKNOWN, 'unknown')).toBe(false);
  });
});

describe('a plan', () => {
  it('of a new object knows nothing of what the account will choose', () => {
    expect(plan(type, null, { name: 'a' })).toEqual({
      planned: { id: UNKNOWN, name: 'a', size: null, rules: null, address: UNKNOWN },
      replace: [],
    });
  });

  it('keeps the object when a change can be made in place', () => {
    const { planned, replace } = plan(type, PRIOR, { ...PRIOR, size: 2 });
    expect(planned).toEqual({ ...PRIOR, size: 2 });
    expect(replace).toEqual([]);
  });

  it('makes another object when AWS would', () => {
    const { planned, replace } = plan(type, PRIOR, { ...PRIOR, name: 'b' });
    expect(planned).toEqual({ ...PRIOR, id: UNKNOWN, name: 'b', address: UNKNOWN });
    expect(replace).toEqual(['name']);
  });

  it('sees no change in another order of a set', () => {
    expect(plan(type, PRIOR, { ...PRIOR, rules: ['y', 'x'] }).replace).toEqual([]);
  });
});

describe('what was read', () => {
  it('has all attributes of the type and no others', () => {
    expect(shape(type, 'i-1', { name: 'a', size: 3, other: 'x' }, null)).toEqual({
      id: 'i-1',
      name: 'a',
      size: 3,
      rules: null,
      address: null,
    });
  });

  it('leaves null what was never declared and is empty, and shows what came to it', () => {
    const known = { id: 'i-1', name: 'a', size: 1, rules: null, address: 'x' };
    expect(shape(type, 'i-1', { name: 'a', size: 1, rules: [], address: 'x' }, known)['rules']).toBe(null);
    expect(shape(type, 'i-1', { name: 'a', size: 1, rules: ['z'], address: 'x' }, known)['rules']).toEqual(['z']);
  });
});
