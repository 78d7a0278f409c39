import { createHash } from 'node:crypto';
import { type Document, isAlias, isNode, isPair, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml';
import * as z from 'zod';
import type { Config } from '../target.ts';
import { ambiguousValues } from './ambiguous.ts';
import { type ConfigError, errorAt, errorsOf, type Path, type Places } from './errors.ts';
import { readablePart } from './readable.ts';
import { missingReferences, writtenTargets } from './references.ts';
import { resolveConfig } from './resolve.ts';
import { ruleMistakes } from './rules.ts';
import { configFileSchema } from './schema.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_ERRORS = 100;

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/**
 * Reads a `plumbline.yaml`. All errors are reported at once, each with file, line and what to write instead.
 * @param text the file's content
 * @param file its name, for errors
 * @param asOf acknowledgements that ended before are errors; null where an ended one merely does not apply any more
 */
export function parseConfig(text: string, file: string, asOf: Date | null): ParsedConfig {
  const whole = (message: string): ParsedConfig => ({
    ok: false,
    errors: [{ file, line: 1, column: 1, path: '', message }],
  });
  if (Buffer.byteLength(text) > MAX_BYTES) return whole('is larger than 1 MB; a config has some kilobytes');
  if (text.trim() === '') return whole('is empty; start with "version: 1"');

  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    strict: true,
    uniqueKeys: true,
    merge: false,
  });
  const places: Places = { file, document, lines };
  const spelling = [...document.errors.map((error) => spellingError(places, error)), ...findIndirection(places)];
  if (!isReadable(document)) return failed(spelling);

  const hash = createHash('sha256').update(text).digest('hex');
  const { config, errors } = parseWritten(document.toJS({ maxAliasCount: 0 }), places, hash, asOf);
  const found = [...spelling, ...ambiguousValues(places), ...errors];
  return config !== null && found.length === 0 ? { ok: true, config } : failed(found);
}

/** What the file says, against the schema and within itself. */
function parseWritten(
  written: unknown,
  places: Places,
  hash: string,
  asOf: Date | null,
): { readonly config: Config | null; readonly errors: readonly ConfigError[] } {
  const lost = missingReferences(written);
  const parsed = configFileSchema.safeParse(written, { reportInput: true });
  const issues = parsed.success ? [] : parsed.error.issues;
  const readable = parsed.success ? { file: written, written: (path: Path) => path } : readablePart(written, issues);
  const file = configFileSchema.safeParse(readable?.file);
  const wrong = errorsOf(places, issues, knownKeys);
  if (readable === null || !file.success) {
    return { config: null, errors: [...wrong, ...lost.map(({ path, message }) => errorAt(places, path, message))] };
  }
  const { config, mistakes } = resolveConfig(file.data, hash);
  const broken = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  const between = [...mistakes, ...ruleMistakes(file.data, writtenTargets(written), asOf)]
    .map(({ path, message }) => ({ path: readable.written(path), message }))
    .filter(({ path }) => !broken.some((other) => isWithin(other, path)));
  const errors = [...wrong, ...[...lost, ...between].map(({ path, message }) => errorAt(places, path, message))];
  return { config: errors.length === 0 ? config : null, errors };
}

function failed(errors: readonly ConfigError[]): ParsedConfig {
  const sorted = [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, errors: sorted.slice(0, MAX_ERRORS) };
}

function spellingError({ file, lines }: Places, error: YAMLParseError): ConfigError {
  const at = lines.linePos(error.pos[0]);
  const message = error.message.split(' at line ')[0] ?? error.message;
  const remedy = error.code === 'DUPLICATE_KEY' ? '; take one of the two out' : '';
  return { file, line: Math.max(at.line, 1), column: Math.max(at.col, 1), path: '', message: `${message}${remedy}` };
}

/** Whether the rest of the file can be looked at: it means one thing, but for a key that is there twice. */
function isReadable(document: Document): boolean {
  let aliases = false;
  visit(document, {
    Alias() {
      aliases = true;
      return visit.BREAK;
    },
  });
  return !aliases && document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
}

/** Whether one path is the other, or above or below it: what is lost there follows from what is wrong there. */
function isWithin(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((step, index) => String(step) === String(b[index]));
}

/** Anchors, aliases, merge keys and tags make a file say more than it shows; they are refused. */
function findIndirection(places: Places): ConfigError[] {
  const errors: ConfigError[] = [];
  const add = (offset: number, message: string): void => {
    const { line, col } = places.lines.linePos(offset);
    errors.push({ file: places.file, line, column: col, path: '', message });
  };
  visit(places.document, (_key, node) => {
    if (errors.length >= MAX_ERRORS) return visit.BREAK;
    if (isPair(node) || !isNode(node)) return undefined;
    const offset = node.range?.[0] ?? 0;
    if (isAlias(node))
      add(offset, `aliases (*${node.source}) are not allowed; write the value out, or use \${…} of the environment`);
    else if (node.anchor !== undefined) add(offset, `anchors (&${node.anchor}) are not allowed; write the value out`);
    else if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:'))
      add(offset, `tags (${node.tag}) are not allowed`);
    return undefined;
  });
  return errors;
}

/** The keys that the schema knows at a path. */
function knownKeys(path: Path): readonly string[] {
  let node: JsonSchema | undefined = JSON_SCHEMA;
  for (const step of path) {
    const next: JsonSchema | undefined =
      typeof step === 'number' ? node?.items : (node?.properties?.[String(step)] ?? node?.additionalProperties);
    node = next?.anyOf?.find((option) => option.properties !== undefined) ?? next;
  }
  return Object.keys(node?.properties ?? {});
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}
const JSON_SCHEMA = z.toJSONSchema(configFileSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
