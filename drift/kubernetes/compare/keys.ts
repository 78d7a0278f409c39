import { isObject, type Json, own, textOf } from '../json.ts';
import type { ListSchema } from '../schema/schema.ts';

/** The key of an element of a keyed list, with the defaults of key fields that are not written; null: it has none. */
export function readKey(element: Json, { keys, item }: ListSchema): Readonly<Record<string, Json>> | null {
  if (!isObject(element)) return null;
  const key: Record<string, Json> = {};
  for (const name of keys) {
    const given = item.shape === 'struct' ? item.defaultOf(name, element) : undefined;
    const value = own(element, name) ?? given;
    if (value !== undefined) key[name] = value;
  }
  return Object.keys(key).length === 0 ? null : key;
}

export const keyText = (key: Readonly<Record<string, Json>>): string =>
  Object.values(key)
    .map((value) => `${typeof value} ${textOf(value)}`)
    .join('\n');

type Key = Readonly<Record<string, Json>>;

/** Elements of both sides by their keys. */
export interface Matched {
  readonly pairs: readonly { readonly key: Key; readonly declared: Json; readonly live: Json | undefined }[];
  /** Live, and not declared. */
  readonly extra: readonly { readonly key: Key; readonly element: Json }[];
}

/**
 * Puts elements of a keyed list side by side. Where a key is there twice, the first belongs to the first. A declared
 * element that leaves out a part of its key (the server has a default that nobody told us) is the one that agrees with
 * the rest. @returns null when an element has no key at all
 */
export function matchByKey(declared: readonly Json[], live: readonly Json[], schema: ListSchema): Matched | null {
  const wanted = declared.map((element) => ({ element, key: readKey(element, schema) }));
  const rest = live.map((element) => ({ element, key: readKey(element, schema) }));
  if ([...wanted, ...rest].some(({ key }) => key === null)) return null;
  const byText = new Map<string, { element: Json; key: Key | null }[]>();
  for (const item of rest) {
    const text = keyText(item.key ?? {});
    const twins = byText.get(text);
    if (twins === undefined) byText.set(text, [item]);
    else twins.push(item);
  }
  const taken = new Set<unknown>();
  const found = wanted.map(({ key }) => {
    const item = byText.get(keyText(key ?? {}))?.shift();
    if (item !== undefined) taken.add(item);
    return item;
  });
  const pairs = wanted.map(({ element, key }, index) => {
    let other = found[index];
    if (other === undefined && Object.keys(key ?? {}).length < schema.keys.length) {
      other = rest.find((item) => !taken.has(item) && agrees(key ?? {}, item.key ?? {}));
      if (other !== undefined) taken.add(other);
    }
    return { key: other?.key ?? key ?? {}, declared: element, live: other?.element };
  });
  const extra = rest.flatMap((item) => (taken.has(item) ? [] : [{ key: item.key ?? {}, element: item.element }]));
  return { pairs, extra };
}

const agrees = (part: Key, whole: Key): boolean => Object.entries(part).every(([name, value]) => whole[name] === value);
