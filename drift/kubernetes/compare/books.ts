import { isList, isObject, type Json, own } from '../json.ts';
import type { Owners } from '../owners.ts';
import { below, type Path } from '../path.ts';
import type { Schema } from '../schema/schema.ts';
import { keyText, readKey } from './keys.ts';

/**
 * Whether an element that git declares and that is live belongs to nobody. Then `managedFields` is not the whole story
 * (somebody rewrote or cut it), and what it does not say proves nothing.
 */
export function hasUnownedElement(
  owners: Owners,
  declared: Json | undefined,
  live: Json | undefined,
  schema: Schema,
  path: Path,
): boolean {
  if (schema.shape === 'struct' && isObject(declared) && isObject(live)) {
    return Object.entries(declared).some(([name, value]) => {
      const field = typeof value === 'object' && value !== null ? schema.field(name) : null;
      return field !== null && hasUnownedElement(owners, value, own(live, name), field, below(path, { field: name }));
    });
  }
  if (schema.shape !== 'list' || schema.merge !== 'keyed' || !isList(declared) || !isList(live)) return false;
  const there = new Map(live.map((element) => [keyText(readKey(element, schema) ?? {}), element]));
  return declared.some((element) => {
    const key = readKey(element, schema);
    const other = key === null ? undefined : there.get(keyText(key));
    if (key === null || other === undefined) return false;
    const at = below(path, { key });
    return !owners.hasOwner(at) || hasUnownedElement(owners, element, other, schema.item, at);
  });
}
