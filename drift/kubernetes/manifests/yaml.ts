import { parseAllDocuments } from 'yaml';
import type { Json } from '../json.ts';
import { NodeError, Reader } from './node.ts';

/** A text is no YAML that kubectl would take; `line` counts from 1 in the text. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly line: number | null;
  constructor(message: string, line: number | null, cause?: unknown) {
    super(message, { cause });
    this.line = line;
  }
}

/** A key that a map has more than once; `line` counts from 1 in the text. */
export interface DuplicateKey {
  readonly key: string;
  readonly line: number;
}

export interface YamlDocument {
  readonly value: Json;
  readonly duplicates: readonly DuplicateKey[];
}

/** What YAML 1.1 calls printable (libyaml's reader refuses the rest). */
const UNPRINTABLE = /[^\t\n\x20-\x7E\x85\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const LINE_ENDS = /\r\n?/g;

/** The first document of a text, as kubectl reads it: YAML 1.1 in goyaml's manner. @throws YamlError */
export function readYaml(given: string): YamlDocument {
  const text = given.replace(LINE_ENDS, '\n');
  const unprintable = UNPRINTABLE.exec(text);
  if (unprintable !== null) throw new YamlError('control characters are not allowed', lineAt(text, unprintable.index));
  const reader = new Reader(text);
  try {
    const [document] = parseAllDocuments(text, {
      version: '1.1',
      // Every scalar stays a text: the reader knows what goyaml makes of it.
      schema: 'failsafe',
      resolveKnownTags: false,
      merge: false,
      uniqueKeys: false,
      logLevel: 'silent',
    });
    if (document === undefined || !('contents' in document)) {
      if (/^%/m.test(text)) throw new YamlError('did not find expected <document start>', 1);
      return { value: null, duplicates: [] };
    }
    const [error] = document.errors;
    if (error !== undefined) {
      const message = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
      throw new YamlError(message, error.linePos?.[0].line ?? null, error);
    }
    const value = reader.read(document);
    return { value, duplicates: reader.duplicates.map(({ key, offset }) => ({ key, line: lineAt(text, offset) })) };
  } catch (error) {
    if (error instanceof YamlError) throw error;
    if (!(error instanceof NodeError))
      throw new YamlError(error instanceof Error ? error.message : String(error), null, error);
    throw new YamlError(error.message, error.offset === null ? null : lineAt(text, error.offset), error);
  }
}

/** The value alone. @throws YamlError */
export const parseYaml = (text: string): Json => readYaml(text).value;

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
