import { isList, isObject, type Json } from '../json.ts';
import { guessed } from '../schema/guess.ts';
import type { Schema, StructSchema } from '../schema/schema.ts';

/** False, 0 or the empty text. */
export const isZeroScalar = (value: Json): boolean => value === false || value === 0 || value === 0n || value === '';

/** Null, and collections without anything in them. */
export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (isList(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every(isEmpty);
}

/** Whether a field that is declared like this and is not there live is the same as one that was never declared. */
export function isAsGoodAsAbsent(value: Json, schema: Schema, parent: StructSchema, name: string): boolean {
  if (value === null) return true;
  const known = guessed(schema, value, undefined);
  switch (known.shape) {
    case 'scalar':
      return isZeroScalar(value) && parent.zeroIsAbsent(name);
    case 'list':
      return isList(value) && value.length === 0;
    case 'map':
      return isObject(value) && Object.values(value).every((item) => item === null);
    default:
      return (
        isObject(value) &&
        parent.zeroIsAbsent(name) &&
        Object.entries(value).every(([field, child]) =>
          isAsGoodAsAbsent(child, guessed(known.field(field), child, undefined), known, field),
        )
      );
  }
}
