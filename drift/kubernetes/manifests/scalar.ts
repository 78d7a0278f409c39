import { asGoReads, type Json } from '../json.ts';
import { decodeBase64 } from '../scalars/base64.ts';

const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const NOT_JSON = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;
const NUMBER = /^[-+]?\.?\d/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9]\d*)$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const TIME = /^\d{4}-\d{1,2}-\d{1,2}/;
const TAG = 'tag:yaml.org,2002:';
const RESOLVED: ReadonlySet<string> = new Set(['null', 'bool', 'int', 'float', 'timestamp']);

/** A scalar that kubectl refuses; the message says why. */
export class ScalarError extends Error {
  override readonly name = 'ScalarError';
}

type Type = 'null' | 'bool' | 'int' | 'float' | 'str';
interface Resolved {
  readonly type: Type;
  readonly value: Json;
}

/**
 * A scalar as goyaml.v2 resolves it. With a tag its text is resolved too, quoted or not, and a type that is not the one
 * that the tag names is refused; tags that nobody knows leave a text.
 * @param tag null: it is plain and has none
 * @throws ScalarError
 */
export function readScalar(text: string, tag: string | null): Json {
  return typed(text, tag).value;
}

/** A scalar as the key of a map, which JSON has as a text (sigs.k8s.io/yaml). @throws ScalarError */
export function readKey(text: string, tag: string | null): string {
  const { type, value } = typed(text, tag);
  if (value === null || (type === 'int' && !isInt64(value)))
    throw new ScalarError('a map has a key that is neither a text nor a number that fits');
  return type === 'float' ? floatText(Number(value)) : String(value);
}

function typed(text: string, tag: string | null): Resolved {
  if (tag === null) return resolve(text);
  const name = tag.startsWith(TAG) ? tag.slice(TAG.length) : '';
  if (name === 'binary') {
    const bytes = decodeBase64(text);
    if (bytes === null) throw new ScalarError('!!binary value contains invalid base64 data');
    return { type: 'str', value: bytes.toString('utf8') };
  }
  if (!RESOLVED.has(name) || (name === 'timestamp' && TIME.test(text))) return { type: 'str', value: text };
  const { type, value } = resolve(text);
  if (type === name) return { type, value };
  if (name === 'float' && type === 'int' && isInt64(value)) return { type: 'float', value: Number(value) };
  throw new ScalarError(`cannot decode !!${type} as a !!${name}`);
}

/** Larger ones have become floats. */
const isInt64 = (value: Json): boolean => typeof value === 'bigint' || Number.isSafeInteger(value);

function resolve(text: string): Resolved {
  if (NUMBER.test(text)) return number(text);
  if (NULL.test(text)) return { type: 'null', value: null };
  if (TRUE.test(text)) return { type: 'bool', value: true };
  if (FALSE.test(text)) return { type: 'bool', value: false };
  if (NOT_JSON.test(text)) throw new ScalarError(`${text} cannot be written in JSON`);
  return { type: 'str', value: text };
}

/** Go's integers of every base with underscores, then floats; no sexagesimals, no timestamps. The rest is a text. */
function number(text: string): Resolved {
  const plain = text.replaceAll('_', '');
  const integer = INTEGER.exec(plain);
  if (integer !== null) {
    const digits = (integer[2] ?? '').replace(/^0[oO]?(?=[0-7])/, '0o');
    const value = BigInt(digits) * (integer[1] === '-' ? -1n : 1n);
    return { type: 'int', value: Number.isSafeInteger(Number(value)) ? Number(value) : asGoReads(value) };
  }
  const value = FLOAT.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(value) ? { type: 'float', value } : { type: 'str', value: text };
}

/** As Go writes a float32 in the shortest way: 1e+06, 0.5. */
function floatText(value: number): string {
  const single = Math.fround(value);
  let text = value.toExponential();
  for (let digits = 0; digits < 9; digits += 1) {
    text = value.toExponential(digits);
    if (Math.fround(Number(text)) === single) break;
  }
  const [mantissa = '', exponent = '0'] = text.split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(text));
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
