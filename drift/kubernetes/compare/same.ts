import { isList, isObject, type Json, type JsonObject, own } from '../json.ts';
import { sameBytes } from '../scalars/base64.ts';
import { sameDuration } from '../scalars/duration.ts';
import { sameNumber } from '../scalars/number.ts';
import { sameAmount, sameQuantity } from '../scalars/quantity.ts';
import { guessed } from '../schema/guess.ts';
import type { ListSchema, ScalarKind, Schema, StructSchema } from '../schema/schema.ts';

/** How scalars are read. */
export interface ScalarRules {
  /** Texts that are durations or amounts may be spelt differently: in custom resources, whose schema cannot say so. */
  readonly custom: boolean;
}

/** Whether two scalars, or two values of unknown shape, mean the same. */
export function sameScalar(a: Json, b: Json, kind: ScalarKind, inMap: boolean, rules: ScalarRules): boolean {
  if (a === b) return true;
  switch (kind) {
    case 'quantity':
      // A list of resources is rounded up to thousandths, everything else to billionths.
      return sameQuantity(a, b, inMap ? 'milli' : 'nano');
    case 'bytes':
      return sameBytes(a, b);
    case 'time':
      return typeof a === 'string' && typeof b === 'string' && sameTime(a, b);
    case 'text':
      return rules.custom && !inMap && sameSpelling(a, b);
    case 'any':
      return sameNumber(a, b) || (rules.custom && !inMap && sameSpelling(a, b));
    default:
      return sameNumber(a, b);
  }
}

/** Two texts of one duration, or of one amount. */
const sameSpelling = (a: Json, b: Json): boolean => sameDuration(a, b) || sameAmount(a, b);

function sameTime(a: string, b: string): boolean {
  const [first, second] = [Date.parse(a), Date.parse(b)];
  return !Number.isNaN(first) && first === second;
}

/**
 * Whether two whole values mean the same, both ways: nothing on either side that the other lacks, but for what is
 * empty or a default.
 */
export function sameValue(a: Json | undefined, b: Json | undefined, schema: Schema, rules: ScalarRules): boolean {
  const [left, right] = [a ?? null, b ?? null];
  if (left === right) return true;
  const known = guessed(schema, left, right);
  switch (known.shape) {
    case 'struct':
      return sameStruct(asObject(left), asObject(right), known, rules);
    case 'map':
      return sameMap(asObject(left), asObject(right), known.value, rules);
    case 'list':
      return sameList(asList(left), asList(right), known, rules);
    default:
      return left !== null && right !== null && sameScalar(left, right, known.kind, false, rules);
  }
}

const asObject = (value: Json): JsonObject | null => (value === null ? {} : isObject(value) ? value : null);
const asList = (value: Json): readonly Json[] | null => (value === null ? [] : isList(value) ? value : null);

function sameStruct(a: JsonObject | null, b: JsonObject | null, schema: StructSchema, rules: ScalarRules): boolean {
  if (a === null || b === null) return false;
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const field = guessed(schema.field(name), own(a, name), own(b, name));
    const left = own(a, name) ?? schema.defaultOf(name, a) ?? zeroOf(own(b, name), schema.zeroIsAbsent(name));
    const right = own(b, name) ?? schema.defaultOf(name, b) ?? zeroOf(own(a, name), schema.zeroIsAbsent(name));
    if (!sameValue(left, right, field, rules)) return false;
  }
  return true;
}

/** The zero of the same type, where nothing means zero. */
function zeroOf(value: Json | undefined, isAbsent: boolean): Json | undefined {
  if (!isAbsent) return undefined;
  if (typeof value === 'boolean') return false;
  if (typeof value === 'number' || typeof value === 'bigint') return 0;
  return typeof value === 'string' ? '' : undefined;
}

function sameMap(a: JsonObject | null, b: JsonObject | null, value: Schema, rules: ScalarRules): boolean {
  if (a === null || b === null) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [left, right] = [own(a, name), own(b, name)];
      if (left === undefined || right === undefined) return false;
      return value.shape === 'scalar' && value.kind !== 'any'
        ? sameScalar(left ?? '', right ?? '', value.kind, true, rules)
        : sameValue(left, right, value, rules);
    })
  );
}

function sameList(
  a: readonly Json[] | null,
  b: readonly Json[] | null,
  schema: ListSchema,
  rules: ScalarRules,
): boolean {
  if (a === null || b === null || a.length !== b.length) return false;
  if (schema.merge === 'atomic') return a.every((item, index) => sameValue(item, b[index], schema.item, rules));
  const rest = [...b];
  return a.every((item) => {
    const at = rest.findIndex((other) => sameValue(item, other, schema.item, rules));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}
