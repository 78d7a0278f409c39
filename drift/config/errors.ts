import { closest } from 'fastest-levenshtein';
import { type Document, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import type * as z from 'zod';
import { LATER_KEYS } from './schema.ts';

/** One mistake in a config file. Lines and columns count from 1; `message` says what to write instead. */
export interface ConfigError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of keys; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly PropertyKey[];

/** Where things stand in a parsed file. */
export interface Places {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** One line per error, as compilers print them. */
export function formatConfigErrors(errors: readonly ConfigError[]): string {
  return errors
    .map(
      ({ file, line, column, path, message }) =>
        `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
    )
    .join('\n');
}

/** An error at a path of the document; a key that is missing is reported where its parent stands. */
export function errorAt(places: Places, path: Path, message: string): ConfigError {
  const { line, col } = places.lines.linePos(offsetOf(places.document, path));
  return {
    file: places.file,
    line: Math.max(line, 1),
    column: Math.max(col, 1),
    path: path.map(String).join('.'),
    message,
  };
}

/** zod's issues as errors with a place, a path and a remedy. */
export function errorsOf(
  places: Places,
  issues: readonly z.core.$ZodIssue[],
  known: (path: Path) => readonly string[],
): ConfigError[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => errorAt(places, [...issue.path, key], unknownKey(key, known(issue.path))));
    }
    // The key's own message says what to write.
    if (issue.code === 'invalid_key') return [errorAt(places, issue.path, issue.issues[0]?.message ?? issue.message)];
    const wrongType = issue.code === 'invalid_type' || issue.code === 'invalid_union';
    const missing = wrongType && issue.input === undefined;
    return [errorAt(places, issue.path, missing ? `is missing; ${issue.message}` : issue.message)];
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  if (LATER_KEYS.has(key)) return 'is not supported by this version yet; take it out';
  const near = known.length === 0 ? undefined : closest(key, [...known]);
  const guess = near === undefined ? '' : `; did you mean "${near}"?`;
  return `is no key that Plumbline knows${guess} Known here: ${known.join(', ')}`;
}

/** Where the key at the end of the path stands, or the nearest parent that exists. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];
