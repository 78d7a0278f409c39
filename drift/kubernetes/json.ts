/** A JSON value whose integers beyond 2^53 are exact: those, and only those, are `bigint`. Beyond 64 bits Go rounds. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Sixteen digits in a row that are not the inside of a word: only then can a number have lost its last digits. */
const LONG_NUMBER = /(?<![\w"])-?\d{16}/;
const LONG = 16;

/** `JSON.parse` that loses no digit of an integer. @throws SyntaxError */
export function parseJson(text: string): Json {
  return (hasLongRun(text) && LONG_NUMBER.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text)) as Json;
}

/** Of sixteen digits in a row one stands at every sixteenth place: the characters between need not be looked at. */
function hasLongRun(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigit(text, at)) continue;
    let [start, end] = [at, at + 1];
    while (isDigit(text, start - 1)) start -= 1;
    while (isDigit(text, end)) end += 1;
    if (end - start >= LONG) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const { source } = context ?? {};
  return source !== undefined && /^-?\d+$/.test(source) ? asGoReads(BigInt(source)) : value;
}

/** What does not fit into Go's int64 becomes a float64. */
export function asGoReads(integer: bigint): bigint | number {
  return BigInt.asIntN(64, integer) === integer ? integer : Number(integer);
}

/** A member of an object, and nothing that JavaScript gives every object: `constructor` may be a key of a ConfigMap. */
export function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Of foreign data: a scalar as a text. What is none, an object that may define `toString` too, is an empty one. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'object' ? '' : String(value ?? '');
}
