import { isList, isObject, type Json, type JsonObject, own, textOf } from '../json.ts';
import { mayHaveApplied } from '../last-applied.ts';
import { DECLARABLE_METADATA } from '../objects.ts';
import { hasApplyEntry } from '../owners.ts';
import { below } from '../path.ts';
import { guessed } from '../schema/guess.ts';
import type { ListSchema, MapSchema, Schema, StructSchema } from '../schema/schema.ts';
import { refusal, refusedScalar } from '../valid.ts';
import { BOOKKEEPING } from './books-of-tools.ts';
import { type ScalarRules, sameScalar, sameValue } from './same.ts';
import { isControllersField } from './tolerance.ts';
import { isEmpty, isZeroScalar } from './zero.ts';

/** Deeper values are left to those who can say that they are too deep. */
const MAX_DEPTH = 100;
/** At the top of an object: what is no declaration, and what is looked at by itself. */
const APART: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'status', 'metadata']);
const METADATA_PATH = below(null, { field: 'metadata' });

/** Of the object as a whole. */
interface Context extends ScalarRules {
  readonly kind: string;
  readonly live: JsonObject;
}

/**
 * Whether a live object is what git declares, and nothing more but defaults, the books of tools, and what controllers
 * fill in: then neither `refusal` nor `Comparer` has a word to say. So it is with most objects of most clusters, and it
 * is told in a fraction of the time. False proves nothing: whatever takes a second look is left to them.
 */
export function isPlainlySame(
  declared: JsonObject,
  live: JsonObject,
  schema: StructSchema,
  rules: ScalarRules,
): boolean {
  const context = { ...rules, kind: textOf(live['kind']), live };
  return (
    isSameMetadata(declared['metadata'], live['metadata'], schema.field('metadata'), context) &&
    isSameStruct(declared, live, schema, '', 0, context)
  );
}

function isSameMetadata(
  declared: Json | undefined,
  live: Json | undefined,
  schema: Schema | null,
  context: Context,
): boolean {
  if (!isObject(declared) || !isObject(live) || schema?.shape !== 'struct') return false;
  for (const name of DECLARABLE_METADATA) {
    const [value, other] = [declared[name] ?? null, live[name] ?? null];
    if (value === null && isEmpty(other)) continue;
    const field = schema.field(name);
    if (other === null || field === null) return false;
    if (value !== null && !isSame(value, other, field, name, 0, false, context)) return false;
    if (value === null && !(isObject(other) && hasNothingElse(other, {}, name))) return false;
  }
  return refusal(declared, schema, METADATA_PATH) === null;
}

/** @param name of the field, or key, that holds the value */
function isSame(
  declared: Json,
  live: Json,
  schema: Schema,
  name: string,
  depth: number,
  inMap: boolean,
  context: Context,
): boolean {
  if (depth > MAX_DEPTH) return false;
  switch (schema.shape) {
    case 'struct':
      return isObject(declared) && isObject(live) && isSameStruct(declared, live, schema, name, depth + 1, context);
    case 'map':
      return isObject(declared) && isObject(live) && isSameMap(declared, live, schema, name, depth + 1, context);
    case 'list':
      return isList(declared) && isList(live) && isSameList(declared, live, schema, depth + 1, context);
    default:
      return (
        typeof declared !== 'object' &&
        (declared === live || sameScalar(declared, live, schema.kind, inMap, context)) &&
        refusedScalar(declared, schema.kind, null) === null
      );
  }
}

function isSameStruct(
  declared: JsonObject,
  live: JsonObject,
  schema: StructSchema,
  name: string,
  depth: number,
  context: Context,
): boolean {
  let found = 0;
  for (const field in live) {
    const other = live[field] ?? null;
    if (other === null || (depth === 0 && APART.has(field))) continue;
    const value = own(declared, field) ?? null;
    if (value === null) {
      if (isDefault(field, other, live, schema, context) || isFilledIn(field, name, depth, context)) continue;
      return false;
    }
    const known = schema.field(field);
    if (known === null || !isSame(value, other, known, field, depth, false, context)) return false;
    found += 1;
  }
  return found === declaredFields(declared, depth);
}

function declaredFields(declared: JsonObject, depth: number): number {
  let count = 0;
  for (const name in declared) {
    if ((declared[name] ?? null) !== null && !(depth === 0 && APART.has(name))) count += 1;
  }
  return count;
}

/** Not declared, and nothing that anybody would have to declare. */
function isDefault(name: string, value: Json, live: JsonObject, schema: StructSchema, context: Context): boolean {
  if (isEmpty(value) || (isZeroScalar(value) && schema.zeroIsAbsent(name))) return true;
  const given = schema.defaultOf(name, live);
  if (given === undefined) return false;
  return value === given || sameValue(value, given, guessed(schema.field(name), undefined, value), context);
}

/** A controller's field, at the top of an object, that nobody ever sent from git. */
function isFilledIn(field: string, parent: string, depth: number, { kind, live }: Context): boolean {
  if (depth > 1) return false;
  const shape = depth === 0 ? field : `${parent}.${field}`;
  return isControllersField(kind, shape) && !hasApplyEntry(live) && !mayHaveApplied(live, field);
}

function isSameMap(
  declared: JsonObject,
  live: JsonObject,
  schema: MapSchema,
  name: string,
  depth: number,
  context: Context,
): boolean {
  for (const key in declared) {
    const [value, other] = [declared[key] ?? null, own(live, key) ?? null];
    if (value === null || other === null || !isSame(value, other, schema.value, key, depth, true, context))
      return false;
  }
  return hasNothingElse(live, declared, name);
}

/** Whether all that is live is declared too, but for labels and annotations in which tools keep their books. */
function hasNothingElse(live: JsonObject, declared: JsonObject, name: string): boolean {
  const mayHaveBooks = name === 'labels' || name === 'annotations';
  return Object.keys(live).every(
    (key) => live[key] === null || Object.hasOwn(declared, key) || (mayHaveBooks && BOOKKEEPING.has(key)),
  );
}

/** Elements in the order in which they are declared, none missing and none more. */
function isSameList(
  declared: readonly Json[],
  live: readonly Json[],
  schema: ListSchema,
  depth: number,
  context: Context,
): boolean {
  // A list whose structure was guessed may show another one in its owners' books.
  if (declared.length !== live.length || !schema.complete) return false;
  if (schema.merge === 'set' && schema.item.shape !== 'scalar') return false;
  return declared.every((element, index) => {
    const other = live[index] ?? null;
    if (schema.merge === 'keyed' && !haveSameKey(element, other, schema)) return false;
    return isSame(element, other, schema.item, '', depth, false, context);
  });
}

function haveSameKey(declared: Json, live: Json, { keys, item }: ListSchema): boolean {
  if (!isObject(declared) || !isObject(live) || item.shape !== 'struct') return false;
  let hasKey = false;
  for (const name of keys) {
    const key = own(declared, name) ?? item.defaultOf(name, declared);
    if (key !== (own(live, name) ?? item.defaultOf(name, live)) || key === null) return false;
    hasKey ||= key !== undefined;
  }
  return hasKey;
}
