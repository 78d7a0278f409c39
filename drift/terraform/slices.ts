/** One value in a JSON text of UTF-8 bytes, from its first byte to the one after its last; not parsed yet. */
export interface Slice {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The value that a whole text is. A plan of 100 MB is read value by value through slices, so that only what is looked at
 * becomes objects. Every slice that is used ends in `JSON.parse`; of the others only strings and brackets are minded.
 * @throws SyntaxError when it is cut or damaged, as all functions here
 */
export function wholeSlice(bytes: Uint8Array): Slice {
  const start = skipSpace(bytes, 0);
  const end = skipValue(bytes, start);
  if (skipSpace(bytes, end) !== bytes.length) throw new SyntaxError(`more follows the value at ${end}`);
  return { bytes, start, end };
}

const isObjectSlice = ({ bytes, start }: Slice): boolean => bytes[start] === BRACE;
export const isListSlice = ({ bytes, start }: Slice): boolean => bytes[start] === BRACKET;

/** The text of a slice. */
export function sliceText({ bytes, start, end }: Slice): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** Keys and values of an object; nothing for any other value. */
export function* members(slice: Slice): Generator<readonly [string, Slice]> {
  if (!isObjectSlice(slice)) return;
  const { bytes } = slice;
  for (let at = first(slice); at !== null; ) {
    if (bytes[at] !== QUOTE) throw new SyntaxError(`no key at ${at}`);
    const keyEnd = skipString(bytes, at);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) throw new SyntaxError(`no colon at ${colon}`);
    const start = skipSpace(bytes, colon + 1);
    const end = skipValue(bytes, start);
    const key: string = JSON.parse(sliceText({ bytes, start: at, end: keyEnd }));
    yield [key, { bytes, start, end }];
    at = next(slice, end);
  }
}

/** The values of a list; nothing for any other value. */
export function* elements(slice: Slice): Generator<Slice> {
  if (!isListSlice(slice)) return;
  const { bytes } = slice;
  for (let start = first(slice); start !== null; ) {
    const end = skipValue(bytes, start);
    yield { bytes, start, end };
    start = next(slice, end);
  }
}

/** Where the first entry of a list or object begins; null when it is empty. */
function first({ bytes, start, end }: Slice): number | null {
  const at = skipSpace(bytes, start + 1);
  return at === end - 1 ? null : at;
}

/** Where the entry after the one that ends at `from` begins; null after the last. */
function next({ bytes, end }: Slice, from: number): number | null {
  const at = skipSpace(bytes, from);
  if (at === end - 1) return null;
  if (bytes[at] !== COMMA) throw new SyntaxError(`no comma at ${at}`);
  return skipSpace(bytes, at + 1);
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function skipString(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let first = at;
    while (bytes[first - 1] === BACKSLASH) first -= 1;
    if ((at - first) % 2 === 0) return at + 1;
  }
  throw new SyntaxError('a text has no end');
}

function skipValue(bytes: Uint8Array, from: number): number {
  const closing: number[] = [];
  let at = from;
  do {
    const byte = bytes[at];
    if (byte === undefined) throw new SyntaxError('it has no end');
    if (byte === QUOTE) at = skipString(bytes, at);
    else {
      if (byte === BRACE) closing.push(BRACE_END);
      else if (byte === BRACKET) closing.push(BRACKET_END);
      else if (byte === BRACE_END || byte === BRACKET_END) {
        if (closing.pop() !== byte) throw new SyntaxError(`brackets do not match at ${at}`);
      } else if (closing.length === 0) return skipLiteral(bytes, at);
      at += 1;
    }
  } while (closing.length > 0);
  return at;
}

/** Numbers, true, false and null. */
function skipLiteral(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte !== undefined && !isSpace(byte); byte = bytes[at]) {
    if (byte === COMMA || byte === BRACE_END || byte === BRACKET_END) break;
    at += 1;
  }
  if (at === from) throw new SyntaxError(`no value at ${at}`);
  return at;
}
