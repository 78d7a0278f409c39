/** A number that a double cannot hold, or not to the digit. Compared by its digits. */
export class ExactNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
  toJSON(): string {
    return this.digits;
  }
}

/** Nesting deeper than this is not a plan. */
const MAX_DEPTH = 200;
/** Only texts that hold such a number are parsed with their digits kept; it costs time. */
const LONG_NUMBER = /[\d.]{16}|\d[eE][+-]?\d/;

/** A JSON file as tools write it, in UTF-8 or UTF-16 with or without a byte-order mark, as bare UTF-8. */
export function toUtf8(file: string | Uint8Array): Uint8Array {
  if (typeof file === 'string') return Buffer.from(file.replace(/^\uFEFF/, ''), 'utf8');
  const encoding = encodingOf(file);
  if (encoding !== 'utf-8') return Buffer.from(new TextDecoder(encoding).decode(file), 'utf8');
  const marked = file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf;
  return marked ? file.subarray(3) : file;
}

/** Parses JSON without losing a digit. @throws SyntaxError when it is cut or damaged */
export function parseJson(text: string): unknown {
  const parsed: unknown = LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits as Reviver) : JSON.parse(text);
  if (deeperThan(parsed, MAX_DEPTH)) throw new SyntaxError(`nested deeper than ${MAX_DEPTH}`);
  return parsed;
}

type Reviver = (key: string, value: unknown) => unknown;

/** The third argument is the source text of a primitive (ECMAScript's "JSON.parse source text access"). */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const same = Number.isSafeInteger(value) || sameNumber(String(value), context.source);
  return same ? value : new ExactNumber(context.source);
}

/** Whether two spellings of a decimal number mean the same. */
function sameNumber(a: string, b: string): boolean {
  const [left, right] = [parts(a), parts(b)];
  return left.sign === right.sign && left.digits === right.digits && left.exponent === right.exponent;
}

function parts(text: string): { sign: string; digits: string; exponent: number } {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] = match ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  return { sign, digits, exponent: Number(exponent) - fraction.length + (all.length - digits.length) };
}

/** A canonical spelling, so that 1.0, 1 and 10e-1 are one. */
export function canonicalNumber(value: number | ExactNumber): string {
  const { sign, digits, exponent } = parts(value instanceof ExactNumber ? value.digits : String(value));
  return digits === '' ? '0' : `${sign}${digits}e${exponent}`;
}

function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0x7b && second === 0) return 'utf-16le';
  if (first === 0 && second === 0x7b) return 'utf-16be';
  return 'utf-8';
}

function deeperThan(root: unknown, limit: number): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((node) => (typeof node === 'object' && node !== null ? Object.values(node) : []));
  }
  return false;
}
