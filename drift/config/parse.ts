import { createHash } from 'node:crypto';
import { isAlias, isNode, isPair, LineCounter, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import type { Config } from '../target.ts';
import { type ConfigError, errorAt, errorsOf, type Path, type Places } from './errors.ts';
import { missingReferences } from './references.ts';
import { resolveConfig } from './resolve.ts';
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
 */
export function parseConfig(text: string, file: string): ParsedConfig {
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
  const broken = document.errors.map((error): ConfigError => {
    const at = lines.linePos(error.pos[0]);
    const message = error.message.split(' at line ')[0] ?? error.message;
    return { file, line: Math.max(at.line, 1), column: Math.max(at.col, 1), path: '', message };
  });
  const indirect = broken.length > 0 ? [] : findIndirection(places);
  if (broken.length + indirect.length > 0) return { ok: false, errors: [...broken, ...indirect].slice(0, MAX_ERRORS) };

  const written: unknown = document.toJS({ maxAliasCount: 0 });
  const lost = missingReferences(written).map(({ path, message }) => errorAt(places, path, message));
  const parsed = configFileSchema.safeParse(written, { reportInput: true });
  if (!parsed.success || lost.length > 0) {
    const wrong = parsed.success ? [] : errorsOf(places, parsed.error.issues, knownKeys);
    const errors = [...wrong, ...lost].sort((a, b) => a.line - b.line || a.column - b.column);
    return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  }
  const { config, mistakes } = resolveConfig(parsed.data, createHash('sha256').update(text).digest('hex'));
  if (mistakes.length === 0) return { ok: true, config };
  return {
    ok: false,
    errors: mistakes.slice(0, MAX_ERRORS).map(({ path, message }) => errorAt(places, path, message)),
  };
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
