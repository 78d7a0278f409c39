import { isObject, type Json } from '../json.ts';
import type { ListSchema } from '../schema/schema.ts';

/** The key of an element of a keyed list, with the defaults of key fields that are not written; null: it has none. */
export function readKey(element: Json, { keys, item }: ListSchema): Readonly<Record<string, Json>> | null {
  if (!isObject(element)) return null;
  const key: Record<string, Json> = {};
  for (const name of keys) {
    const given = item.shape === 'struct' ? item.defaultOf(name, element) : undefined;
    const value = element[name] ?? given;
    if (value !== undefined) key[name] = value;
  }
  return Object.keys(key).length === 0 ? null : key;
}

export const keyText = (key: Readonly<Record<string, Json>>): string =>
  Object.values(key)
    .map((value) => `${typeof value} ${String(value)}`)
    .join('\n');
