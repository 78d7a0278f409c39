import fc from 'fast-check';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import table from '#drift/kubernetes/schema/builtin-types.json' with { type: 'json' };
import type { ListSchema, Schema } from '#drift/kubernetes/schema/schema.ts';

/** A type's fields, by the object that the schema gives for it. */
const FIELDS = table.types as unknown as Readonly<Record<string, Readonly<Record<string, string>>>>;
const MAX_DEPTH = 7;

/** Two spellings of one value. */
export type Twins = readonly [Json, Json];
const same = (value: Json): Twins => [value, value];

const SCALARS: Readonly<Record<string, fc.Arbitrary<Twins>>> = {
  text: fc.string({ minLength: 1, maxLength: 8 }).map(same),
  integer: fc.integer({ min: 1 }).map(same),
  number: fc.integer({ min: 1 }).map(same),
  boolean: fc.constant(same(true)),
  quantity: fc.constantFrom<Twins>(['1', '1000m'], ['1Gi', '1024Mi'], [2, '2'], ['0.5', '500m']),
  'int-or-string': fc.constantFrom(same(80), same('25%')),
  time: fc.constant<Twins>(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00+00:00']),
  bytes: fc.constantFrom<Twins>(['aGVsbG8=', 'aGVs\nbG8='], same('')),
  any: fc.constantFrom(same('x'), same(7), same({ a: [1, { b: 'c' }] })),
};

/** A declaration that fits a schema, and what a server could answer for it: other order, other spelling. */
function twins(code: string, schema: Schema, depth: number): fc.Arbitrary<Twins> {
  switch (schema.shape) {
    case 'scalar':
      return SCALARS[schema.kind] ?? fc.constant(same('x'));
    case 'map':
      return fc
        .dictionary(
          fc.constantFrom('a', 'b.c', 'd-e'),
          twins(code.slice(code.indexOf('}') + 1), schema.value, depth + 1),
          {
            minKeys: 1,
            noNullPrototype: true,
          },
        )
        .map((entries) => sides(entries));
    case 'list':
      return list(code.slice(code.indexOf(']') + 1), schema, depth);
    default:
      return struct(code, schema, depth);
  }
}

/** A declaration that fits the schema of a type, and what a server could answer for it. */
export function struct(type: string, schema: Schema & { shape: 'struct' }, depth: number): fc.Arbitrary<Twins> {
  const fields = Object.entries(FIELDS[type] ?? {}).flatMap(([name, code]) => {
    const field = schema.field(name);
    const isDeep = depth >= MAX_DEPTH && field?.shape !== 'scalar';
    return field === null || isDeep || SKIPPED.has(name) ? [] : [{ name, code, field }];
  });
  if (fields.length === 0) return fc.constant(same({}));
  return fc
    .subarray(fields, { minLength: 1, maxLength: Math.min(3, fields.length) })
    .chain((some) =>
      fc.record(Object.fromEntries(some.map(({ name, code, field }) => [name, twins(code, field, depth + 1)]))),
    )
    .map((entries) => sides(entries));
}
/** The server's own, and what Secrets turn into something else. */
const SKIPPED = new Set(['apiVersion', 'kind', 'metadata', 'status', 'stringData']);

function list(item: string, schema: ListSchema, depth: number): fc.Arbitrary<Twins> {
  return fc.array(twins(item, schema.item, depth + 1), { minLength: 1, maxLength: 3 }).map((elements): Twins => {
    if (schema.merge !== 'keyed') return [elements.map(([a]) => a), elements.map(([, b]) => b)];
    const named = elements.map(([a, b], index): Twins => [withKey(a, schema, index), withKey(b, schema, index)]);
    return [named.map(([a]) => a), named.map(([, b]) => b).reverse()];
  });
}

function withKey(element: Json, { keys, item }: ListSchema, index: number): Json {
  const key = keys.map((name): [string, Json] => {
    const field = item.shape === 'struct' ? item.field(name) : null;
    return [name, field?.shape === 'scalar' && field.kind === 'integer' ? index + 1 : `${name}-${index}`];
  });
  return { ...(element as JsonObject), ...Object.fromEntries(key) };
}

function sides(entries: Readonly<Record<string, Twins>>): Twins {
  const of = (side: 0 | 1): JsonObject => Object.fromEntries(Object.entries(entries).map(([k, v]) => [k, v[side]]));
  return [of(0), Object.fromEntries(Object.entries(of(1)).reverse())];
}
