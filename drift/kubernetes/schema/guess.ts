import { isList, isObject, type Json } from '../json.ts';
import { builtinType } from './builtin.ts';
import { ANY, type ListSchema, type MapSchema, SCALARS, type Schema, type StructSchema } from './schema.ts';

/** Maps whose values are amounts wherever they are found. */
const AMOUNTS: MapSchema = { shape: 'map', atomic: false, value: SCALARS.quantity };
const RESOURCES: StructSchema = {
  shape: 'struct',
  atomic: false,
  complete: false,
  field: (name) => (name === 'limits' || name === 'requests' ? AMOUNTS : ANY),
  defaultOf: () => undefined,
  zeroIsAbsent: () => true,
};

/** A struct of which nothing is known but what its fields are called. */
export const UNKNOWN_STRUCT: StructSchema = {
  shape: 'struct',
  atomic: false,
  complete: false,
  field: (name) => (name === 'resources' ? RESOURCES : ANY),
  defaultOf: () => undefined,
  zeroIsAbsent: () => true,
};

const TEMPLATE = builtinType('core/v1/PodTemplateSpec') ?? ANY;
const ROLLOUT_SPEC: StructSchema = { ...UNKNOWN_STRUCT, field: (name) => (name === 'template' ? TEMPLATE : ANY) };
/** Custom resources of which a part is known to be of a built-in type, as `group/Kind`. */
const KNOWN_SPECS: Readonly<Record<string, StructSchema>> = { 'argoproj.io/Rollout': ROLLOUT_SPEC };

/** The schema of an object of which no schema is known. */
export function unknownKind(group: string, kind: string): StructSchema {
  const metadata = builtinType('meta/v1/ObjectMeta') ?? ANY;
  const spec = KNOWN_SPECS[`${group}/${kind}`];
  return {
    ...UNKNOWN_STRUCT,
    field: (name) => (name === 'metadata' ? metadata : name === 'spec' && spec !== undefined ? spec : ANY),
  };
}

/** The schema, or what a value most likely is where the schema says nothing, from both sides of it. */
export function guessed(schema: Schema | null, declared: Json | undefined, live: Json | undefined): Schema {
  if (schema !== null && (schema.shape !== 'scalar' || schema.kind !== 'any')) return schema;
  const sides = [declared, live].filter((side) => side !== undefined && side !== null);
  if (sides.some(isObject) && sides.every(isObject)) return schema?.maps ?? UNKNOWN_STRUCT;
  if (sides.some(isList) && sides.every(isList)) return guessList(sides.filter(isList), schema ?? ANY);
  return ANY;
}

/** Maps that all have a `name` of their own are told apart by it; everything else is compared in its order. */
function guessList(sides: readonly (readonly Json[])[], item: Schema): ListSchema {
  const named = sides.every((side) => {
    const names = side.map((item) => (isObject(item) && typeof item['name'] === 'string' ? item['name'] : null));
    return !names.includes(null) && new Set(names).size === names.length;
  });
  const some = sides.some((side) => side.length > 0);
  return { shape: 'list', merge: named && some ? 'keyed' : 'atomic', keys: ['name'], item, complete: false };
}
