import { decode, ExtensionCodec, encode } from '@msgpack/msgpack';

/** A value that is known only after apply: extension type 0 in terraform's msgpack. */
export const UNKNOWN = Symbol('known after apply');

export type Value =
  | string
  | number
  | boolean
  | null
  | typeof UNKNOWN
  | readonly Value[]
  | { readonly [key: string]: Value };
export type Values = Readonly<Record<string, Value>>;

class Unknown {}
const codec = new ExtensionCodec();
codec.register({
  type: 0,
  encode: (value) => (value instanceof Unknown ? new Uint8Array([0]) : null),
  decode: () => new Unknown(),
});
// Refined unknowns (a known prefix, not null, …) are unknown all the same.
codec.register({ type: 12, encode: () => null, decode: () => new Unknown() });

/** A value as terraform sends it. */
export function unpack(bytes: Uint8Array): Value {
  return fromWire(decode(bytes, { extensionCodec: codec }));
}

/** A value as terraform wants it. */
export function pack(value: Value): Uint8Array {
  return encode(toWire(value), { extensionCodec: codec });
}

function fromWire(value: unknown): Value {
  if (value instanceof Unknown) return UNKNOWN;
  if (Array.isArray(value)) return value.map(fromWire);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromWire(item)]));
  }
  return value as Value;
}

function toWire(value: Value): unknown {
  if (value === UNKNOWN) return new Unknown();
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toWire(item)]));
  }
  return value;
}

/** Whether two values are the same; lists are compared as sets, because that is how they are declared here. */
export function same(a: Value, b: Value): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: Value): string {
  if (value === UNKNOWN) return 'unknown';
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
      .sort()
      .join()}}`;
  }
  return JSON.stringify(value);
}
