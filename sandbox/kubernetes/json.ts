/** A number that a double cannot hold: kept as it was written, as the real server keeps 64 bits. */
export class Exact {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): unknown {
    return JSON_WITH_RAW.rawJSON(this.text);
  }
}

export type Json = string | number | boolean | null | Exact | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** What this Node has and the compiler's library does not know yet. */
interface JsonWithRaw {
  rawJSON(text: string): unknown;
  parse(text: string, revive: (key: string, value: Json, context: { readonly source?: string }) => Json): Json;
}
const JSON_WITH_RAW = JSON as unknown as JsonWithRaw;
const LONG_NUMBER = /\d{16}/;

/** @throws SyntaxError */
export function parseJson(text: string): Json {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text) as Json;
  return JSON_WITH_RAW.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
      ? new Exact(source)
      : value,
  );
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Exact);
}

export function clone<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)])) as T;
}

export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a instanceof Exact || b instanceof Exact) return a instanceof Exact && b instanceof Exact && a.text === b.text;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(a[key], b[key]));
}

/** The object below a key; an empty one that belongs to nobody where there is none. */
export function at(object: Json | undefined, ...path: readonly string[]): JsonObject {
  let here: Json | undefined = object;
  for (const key of path) here = isObject(here) ? here[key] : undefined;
  return isObject(here) ? here : {};
}

export function valueAt(object: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here: Json | undefined = object;
  for (const key of path) here = isObject(here) ? here[key] : undefined;
  return here;
}

export function textAt(object: Json | undefined, ...path: readonly string[]): string {
  const found = valueAt(object, ...path);
  return typeof found === 'string' ? found : '';
}

export function listAt(object: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = valueAt(object, ...path);
  return Array.isArray(found) ? found : [];
}

export function stringsAt(object: Json | undefined, ...path: readonly string[]): readonly string[] {
  return listAt(object, ...path).filter((item) => typeof item === 'string');
}

/** The object below a key, put there when there is none. */
export function ensure(object: JsonObject, key: string): JsonObject {
  const found = object[key];
  if (isObject(found)) return found;
  const made: JsonObject = {};
  object[key] = made;
  return made;
}
