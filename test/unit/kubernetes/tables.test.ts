import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '#drift/kubernetes/manifests/yaml.ts';
import { isQuantity } from '#drift/kubernetes/scalars/quantity.ts';
import { builtinType } from '#drift/kubernetes/schema/builtin.ts';
import type { Schema } from '#drift/kubernetes/schema/schema.ts';

const table = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/kubernetes/tables/${name}.json`, import.meta.url), 'utf8'));

interface FieldRule {
  readonly list?: 'map' | 'set';
  readonly keys?: readonly string[];
  readonly map?: 'atomic';
  readonly type?: string;
  readonly default?: unknown;
}
interface TypeRule {
  readonly struct?: 'atomic';
  readonly fields?: Readonly<Record<string, FieldRule>>;
}

const RULES = Object.entries(table('list-map-keys').types as Readonly<Record<string, TypeRule>>);
/** `io.k8s.api.core.v1.PodSpec` is `core/v1/PodSpec`. */
const nameOf = (type: string): string => type.split('.').slice(-3).join('/');
/** The others are of versions that no current server has, or younger than the client library. */
const KNOWN = RULES.filter(([type]) => builtinType(nameOf(type)) !== null);

it('knows the types of every version that is not gone', () => expect(KNOWN.length).toBeGreaterThan(150));

describe.each(KNOWN)('%s', (type, { struct, fields = {} }) => {
  const schema = builtinType(nameOf(type));

  it('merges as client-go says', () => {
    if (schema?.shape !== 'struct') throw new Error('is no struct');
    if (struct === 'atomic') expect(schema.atomic).toBe(true);
    for (const [name, rule] of Object.entries(fields)) {
      const field = schema.field(name);
      // Younger or older than the models of the client library.
      if (field === null) continue;
      expect([name, shapeOf(field)]).toEqual([name, expectedOf(rule, field)]);
      if (rule.default !== undefined) expect([name, schema.defaultOf(name, {})]).toEqual([name, rule.default]);
    }
  });
});

function shapeOf(field: Schema): unknown {
  if (field.shape === 'list') return field.merge === 'keyed' ? field.keys : field.merge;
  if (field.shape === 'map')
    return [field.atomic ? 'atomic' : 'map', field.value.shape === 'scalar' ? field.value.kind : 'other'];
  return field.shape === 'scalar' ? field.kind : 'struct';
}

function expectedOf({ list, keys, map, type }: FieldRule, field: Schema): unknown {
  if (list === 'map') return keys;
  if (list === 'set') return 'set';
  const kind =
    type === undefined ? null : /Quantity/.test(type) ? 'quantity' : /IntOrString/.test(type) ? 'int-or-string' : null;
  if (field.shape === 'map') {
    const value = field.value.shape === 'scalar' ? field.value.kind : 'other';
    return [map === 'atomic' ? 'atomic' : 'map', kind ?? value];
  }
  return kind ?? shapeOf(field);
}

it.each(Object.keys(table('quantity-canonical').refused as object).filter((text) => !text.startsWith('-1')))(
  'the amount that a server refuses is none: %j',
  (text) => expect(isQuantity(text)).toBe(false),
);

/** The rows of the table of scalars that are no scalars. */
it.each([
  ['.inf', 'v: .inf', null],
  ['<<: *a (merge key)', 'v: {a: &a {x: 1}, b: {<<: *a}}', { a: { x: 1 }, b: { x: 1 } }],
  ['duplicate key', 'v: {a: 1, a: 2}', { a: 2 }],
  ['key `yes:`', 'v: {yes: 1}', { true: 1 }],
])('%s', (row, text, value) => {
  const { rows } = table('yaml-scalars') as { rows: { yaml: string }[] };
  expect(rows.map(({ yaml }) => yaml)).toContain(row);
  if (value === null) expect(() => parseYaml(text)).toThrow();
  else expect(parseYaml(text)).toEqual({ v: value });
});
