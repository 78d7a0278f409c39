import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type ParsedNode, type Scalar } from 'yaml';
import type { Json } from '../json.ts';
import { readKey, readScalar, ScalarError } from './scalar.ts';

/** A node cannot be what kubectl would take; `offset` is where it stands in the text. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly offset: number | null;
  constructor(message: string, offset: number | null, cause?: unknown) {
    super(message, { cause });
    this.offset = offset;
  }
}

/** A key that a map has more than once. */
export interface Duplicate {
  readonly key: string;
  readonly offset: number;
}

/** Aliases may not stand for more values than this: a few lines could be a billion. */
const MAX_ALIASED = 200_000;
/** Deeper than anything that is ever read. */
const MAX_DEPTH = 1000;
const MERGE_TAG = 'tag:yaml.org,2002:merge';
const SURROGATE = /(?<!\\)(?:\\\\)*\\(?:u[dD][89a-fA-F]|U0000[dD][89a-fA-F])/;
/** YAML 1.1 ends a line with these too, and no plain scalar goes on in the first column. */
const LINE_ENDS = /[\u0085\u2028\u2029]/;
const ESCAPED_SLASH = /(?<!\\)(?:\\\\)*\\\//;

type Node = ParsedNode | null;
interface Anchored {
  /** Null: the node is not finished, and an alias to it stands inside of it. */
  readonly value: Json | undefined;
  readonly size: number;
}

/** Makes of a document what goyaml.v2 makes of it: the last of two keys wins, merges count in their order. */
export class Reader {
  readonly #text: string;
  readonly #anchors = new Map<string, Anchored>();
  readonly duplicates: Duplicate[] = [];
  #size = 0;
  #aliased = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws NodeError */
  read(document: Document.Parsed): Json {
    return this.#value(document.contents, 0);
  }

  #value(node: Node, depth: number): Json {
    if (node === null) return null;
    if (depth > MAX_DEPTH) throw new NodeError(`is nested deeper than ${MAX_DEPTH} levels`, offsetOf(node));
    if (isAlias(node)) return this.#alias(node.source, node);
    const { anchor } = node;
    const before = this.#size;
    this.#size += 1;
    if (anchor !== undefined) this.#anchors.set(anchor, { value: undefined, size: 0 });
    const value = isMap(node) ? this.#map(node, depth) : isSeq(node) ? this.#list(node, depth) : this.#scalar(node);
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#size - before });
    return value;
  }

  #alias(name: string, node: ParsedNode): Json {
    const anchored = this.#anchors.get(name);
    if (anchored === undefined) throw new NodeError(`unknown anchor '${name}' referenced`, offsetOf(node));
    if (anchored.value === undefined) throw new NodeError(`anchor '${name}' value contains itself`, offsetOf(node));
    this.#size += anchored.size;
    this.#aliased += anchored.size;
    if (this.#aliased > MAX_ALIASED) {
      throw new NodeError(`aliases stand for more than ${MAX_ALIASED} values`, offsetOf(node));
    }
    return anchored.value;
  }

  #list(node: ParsedNode, depth: number): Json {
    const items: Json[] = [];
    if (isSeq(node)) for (const item of node.items) items.push(this.#value(item as Node, depth + 1));
    return items;
  }

  #map(node: ParsedNode, depth: number): Json {
    const found = new Map<string, Json>();
    const declared = new Set<string>();
    for (const pair of isMap(node) ? node.items : []) {
      if (!isPair(pair)) continue;
      const [key, value] = [pair.key as Node, pair.value as Node];
      if (isMerge(key)) {
        for (const [name, merged] of this.#merged(value, depth)) found.set(name, merged);
        continue;
      }
      const name = this.#key(key);
      if (declared.has(name)) this.duplicates.push({ key: name, offset: offsetOf(key) ?? 0 });
      declared.add(name);
      found.set(name, this.#value(value, depth + 1));
    }
    return Object.fromEntries(found);
  }

  /** Of several maps the first one that has a key gives it. */
  #merged(node: Node, depth: number): ReadonlyMap<string, Json> {
    const value = this.#value(node, depth + 1);
    const merged = new Map<string, Json>();
    for (const source of Array.isArray(value) ? value.toReversed() : [value]) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) {
        throw new NodeError('map merge requires map or sequence of maps as the value', offsetOf(node));
      }
      for (const [name, item] of Object.entries(source as Readonly<Record<string, Json>>)) merged.set(name, item);
    }
    return merged;
  }

  #key(node: Node): string {
    const value = isAlias(node) ? this.#alias(node.source, node) : null;
    if (isAlias(node) && typeof value !== 'object') return String(value);
    if (node !== null && !isScalar(node)) throw new NodeError('a map has a key that is no text', offsetOf(node));
    return node === null ? this.#told(() => readKey('', null), node) : this.#scalarKey(node);
  }

  #scalarKey(node: Scalar.Parsed): string {
    const text = this.#checked(node);
    const key = this.#told(() => (isText(node) ? text : readKey(text, tagOf(node))), node);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, { value: key, size: 1 });
    return key;
  }

  #scalar(node: ParsedNode): Json {
    if (!isScalar(node)) return null;
    const text = this.#checked(node);
    return isText(node) ? text : this.#told(() => readScalar(text, tagOf(node)), node);
  }

  /** The text of a scalar, unless goyaml refuses how it is written. */
  #checked(node: Scalar.Parsed): string {
    const text = String(node.value ?? '');
    const [start, end] = node.range;
    if (node.type === 'PLAIN' && LINE_ENDS.test(text)) throw new NodeError("could not find expected ':'", start);
    if (node.type === 'QUOTE_DOUBLE') {
      const source = this.#text.slice(start, end);
      if (!source.includes('\\')) return text;
      if (SURROGATE.test(source)) throw new NodeError('found invalid Unicode character escape code', start);
      if (ESCAPED_SLASH.test(source)) throw new NodeError('found unknown escape character', start);
    } else if ((node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') && /^\n*\t/.test(text)) {
      const isIndentGiven = /^[|>][-+]?[1-9]/.test(this.#text.slice(start, end));
      if (!isIndentGiven) throw new NodeError('found a tab character where an indentation space is expected', start);
    }
    return text;
  }

  #told<T>(make: () => T, node: Node): T {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ScalarError)) throw error;
      throw new NodeError(error.message, offsetOf(node), error);
    }
  }
}

/** Quoted or in a block, and without a tag. */
const isText = (node: Scalar.Parsed): boolean => node.type !== 'PLAIN' && node.tag === undefined;
const tagOf = (node: Scalar.Parsed): string | null => node.tag ?? null;
const offsetOf = (node: Node): number | null => node?.range?.[0] ?? null;

function isMerge(key: Node): boolean {
  if (!isScalar(key) || key.value !== '<<') return false;
  return key.tag === undefined ? key.type === 'PLAIN' : key.tag === MERGE_TAG;
}
