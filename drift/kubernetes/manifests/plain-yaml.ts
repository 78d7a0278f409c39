import type { Json, JsonObject } from '../json.ts';
import { readKey, readScalar, ScalarError } from './scalar.ts';

/** Nothing but ASCII without tabs and carriage returns. */
const PLAIN_TEXT = /^[\x20-\x7e\n]*$/;
/** A key in one word, or in quotes without anything to undo. */
const ENTRY = /(?:([A-Za-z_][\w./-]{0,100})|"([^"\\]{0,100})"|'([^']{0,100})'):(?: +|$)/y;
const QUOTED = /^(?:"([^"\\]*)"|'([^']*)') *(?: #.*)?$/;
const EMPTY = /^(?:(\{\})|\[\]) *(?: #.*)?$/;
/** A list in one line, of texts in quotes and of words that have no sign inside. */
const FLOW_LIST =
  /^\[((?: *(?:"[^"\\]*"|'[^']*'|-{0,2}[\w./=]+(?:-+[\w./=]+)*) *(?:,(?= *[^\] ])|(?=\])))+)\] *(?: #.*)?$/;
const FLOW_ITEM = /"([^"\\]*)"|'([^']*)'|[^\s,]+/g;
const LITERAL = /^\|(-?) *(?: #.*)?$/;
/** Begins with no sign that means something. */
const SCALAR = /^(?:[\w./+~$(=<^;\\]|-[^\s-])/;
const MAX_DEPTH = 100;

/** There is more in a text than is read here. */
class NotPlain extends Error {
  override readonly name = 'NotPlain';
}

/**
 * Reads YAML as most people and tools write it: maps and lists in their own lines, words, texts in quotes, and blocks of
 * lines. It is read twenty times as fast as YAML with all that it may have; null where there is any of that, or anything
 * that is doubtful: then the other reader has the word. Where this one says something, the other one says the same.
 */
export function readPlainYaml(text: string): JsonObject | null {
  if (!PLAIN_TEXT.test(text)) return null;
  try {
    return new PlainReader(text.split('\n')).document();
  } catch (error) {
    if (error instanceof NotPlain || error instanceof ScalarError) return null;
    throw error;
  }
}

class PlainReader {
  readonly #lines: string[];
  /** The line that is looked at. */
  #at = 0;

  constructor(lines: string[]) {
    this.#lines = lines;
  }

  document(): JsonObject {
    if (this.#next() !== 0) throw new NotPlain();
    const value = this.#map(0, 0);
    if (this.#next() !== -1) throw new NotPlain();
    return value;
  }

  get #line(): string {
    return this.#lines[this.#at] ?? '';
  }

  /** Goes to the next line that says something. @returns how far it is indented; -1: there is none */
  #next(): number {
    for (; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#line;
      const indent = indentOf(line);
      if (indent < line.length && line[indent] !== '#') return indent;
    }
    return -1;
  }

  #map(indent: number, depth: number): JsonObject {
    if (depth > MAX_DEPTH) throw new NotPlain();
    const found: Record<string, Json> = {};
    for (let next = this.#next(); next >= indent; next = this.#next()) {
      const line = this.#line;
      ENTRY.lastIndex = indent;
      const entry = next === indent ? ENTRY.exec(line) : null;
      if (entry === null) {
        if (next === indent && isItem(line, indent)) return found;
        throw new NotPlain();
      }
      const start = ENTRY.lastIndex;
      const [, word, double, single = ''] = entry;
      const key = word === undefined ? (double ?? single) : readKey(word, null);
      if (key === '__proto__' || Object.hasOwn(found, key)) throw new NotPlain();
      found[key] = this.#value(line.slice(start), indent, depth, true);
    }
    return found;
  }

  #list(indent: number, depth: number): readonly Json[] {
    if (depth > MAX_DEPTH) throw new NotPlain();
    const items: Json[] = [];
    for (let next = this.#next(); next >= indent; next = this.#next()) {
      const line = this.#line;
      if (next > indent) throw new NotPlain();
      if (!isItem(line, indent)) return items;
      const start = indent + 1 + indentOf(line.slice(indent + 1));
      if (isItem(line, start)) throw new NotPlain();
      ENTRY.lastIndex = start;
      if (ENTRY.test(line)) {
        // The map begins in the line of the item: as if it began in one of its own.
        this.#lines[this.#at] = ' '.repeat(start) + line.slice(start);
        items.push(this.#map(start, depth + 1));
      } else items.push(this.#value(line.slice(start), indent, depth, false));
    }
    return items;
  }

  /** @param indent of the key, or the item, that has the value */
  #value(text: string, indent: number, depth: number, inMap: boolean): Json {
    this.#at += 1;
    if (text === '' || text.startsWith('#')) return this.#nested(indent, depth, inMap);
    const literal = LITERAL.exec(text);
    if (literal !== null) return this.#literal(indent, literal[1] === '-');
    const value = scalarOf(text);
    // It would go on there.
    if (this.#next() > indent) throw new NotPlain();
    return value;
  }

  #nested(indent: number, depth: number, inMap: boolean): Json {
    const next = this.#next();
    const isList = next >= 0 && isItem(this.#line, next);
    if (next > indent) return isList ? this.#list(next, depth + 1) : this.#map(next, depth + 1);
    return inMap && next === indent && isList ? this.#list(next, depth + 1) : null;
  }

  #literal(indent: number, isStripped: boolean): string {
    const block = indentOf(this.#line);
    if (block <= indent || block === this.#line.length) throw new NotPlain();
    const content: string[] = [];
    for (; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#line;
      const own = indentOf(line);
      if (own === line.length && own > block) throw new NotPlain();
      if (own < line.length && own < block) break;
      content.push(line.slice(block));
    }
    // Without an end of its last line it is told in another way.
    if (content.at(-1) !== '' && this.#at === this.#lines.length) throw new NotPlain();
    while (content.at(-1) === '') content.pop();
    return content.join('\n') + (isStripped ? '' : '\n');
  }
}

/** In one line. */
function scalarOf(text: string): Json {
  const quoted = QUOTED.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? '';
  const empty = EMPTY.exec(text);
  if (empty !== null) return empty[1] === undefined ? [] : {};
  const list = FLOW_LIST.exec(text);
  if (list !== null) {
    return [...(list[1] ?? '').matchAll(FLOW_ITEM)].map(
      ([item, double, single]) => double ?? single ?? readScalar(item, null),
    );
  }
  const comment = text.indexOf(' #');
  const word = (comment < 0 ? text : text.slice(0, comment)).trimEnd();
  if (!SCALAR.test(word) || word.includes(': ') || word.endsWith(':')) throw new NotPlain();
  return readScalar(word, null);
}

function indentOf(line: string): number {
  let indent = 0;
  while (line.charCodeAt(indent) === 0x20) indent += 1;
  return indent;
}

const isItem = (line: string, at: number): boolean =>
  line[at] === '-' && (line.length === at + 1 || line[at + 1] === ' ');
