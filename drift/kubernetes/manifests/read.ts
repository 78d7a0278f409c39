import { isList, isObject, type Json, type JsonObject, parseJson } from '../json.ts';
import type { DeclaredObject, ManifestProblem, ManifestText } from '../live.ts';
import { parseYaml, YamlError } from './yaml.ts';

/** The largest text that is read, in characters, and the most objects. */
const MAX_LENGTH = 64 * 1024 * 1024;
const MAX_OBJECTS = 100_000;
/** No object of Kubernetes is nested as deep. */
const MAX_DEPTH = 150;
const MAX_LISTS = 10;

export interface Manifests {
  readonly objects: readonly DeclaredObject[];
  readonly problems: readonly ManifestProblem[];
}

/** Reads every object of every text, as kubectl does; what cannot be read is a problem, and the rest still counts. */
export function readManifests(texts: readonly ManifestText[]): Manifests {
  const objects: DeclaredObject[] = [];
  const problems: ManifestProblem[] = [];
  for (const { file, text } of texts) {
    if (text.length > MAX_LENGTH) {
      problems.push({ file, line: null, message: `${file} is too large to be read: ${text.length} characters` });
      continue;
    }
    for (const document of documentsOf(text)) {
      try {
        if (document.problem !== null) throw new YamlError(document.problem, 1);
        readDocument(document, file, objects);
      } catch (error) {
        if (!(error instanceof YamlError)) throw error;
        const line = document.line + Math.max(0, (error.line ?? 1) - 1);
        problems.push({ file, line, message: error.message });
      }
    }
  }
  return { objects, problems };
}

function readDocument({ text, line }: Document, file: string, objects: DeclaredObject[]): void {
  const value = isJson(text) ? readJson(text) : parseYaml(text);
  if (value === null) return;
  if (isDeeper(value, MAX_DEPTH)) throw new YamlError(`is nested deeper than ${MAX_DEPTH} levels`, null);
  for (const object of expand(value, MAX_LISTS)) {
    if (objects.length >= MAX_OBJECTS) throw new YamlError(`there are more than ${MAX_OBJECTS} objects`, null);
    objects.push({ value: checked(object), file, line });
  }
}

const isJson = (text: string): boolean => /^\s*\{/.test(text);

/** A text that looks like JSON and is none may still be YAML. */
function readJson(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return parseYaml(text);
  }
}

interface Document {
  readonly text: string;
  /** Of its first line in the file, from 1. */
  readonly line: number;
  readonly problem: string | null;
}

/** Cuts at lines that begin with `---`, before anything is parsed, as apimachinery's YAMLReader does. */
function documentsOf(text: string): readonly Document[] {
  const clean = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (!clean.includes('---') || isWholeJson(clean)) return [{ text: clean, line: 1, problem: null }];
  const documents: Document[] = [];
  const lines = clean.split('\n');
  let start = 0;
  for (const [index, line] of [...lines.entries(), [lines.length, '---'] as const]) {
    if (!line.startsWith('---')) continue;
    const rest = line.slice(3).trim();
    const isMark = rest === '' || rest.startsWith('#');
    documents.push({ text: lines.slice(start, index).join('\n'), line: start + 1, problem: null });
    if (!isMark) {
      documents.push({ text: '', line: index + 1, problem: `invalid YAML document separator: "${rest.slice(0, 40)}"` });
    }
    start = index + 1;
  }
  return documents.filter((document) => document.problem !== null || document.text.trim() !== '');
}

function isWholeJson(text: string): boolean {
  if (!isJson(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The objects of a `List`, and of every `…List` with items, which say of which kind they are only by the list. */
function expand(value: Json, depth: number): readonly Json[] {
  if (!isObject(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return [value];
  const { items, kind, apiVersion } = value;
  if (!isList(items)) return [value];
  if (depth === 0) throw new YamlError(`lists are nested deeper than ${MAX_LISTS} levels`, null);
  const own: JsonObject =
    kind === 'List' ? {} : { apiVersion: apiVersion ?? null, kind: kind.slice(0, -'List'.length) };
  return items.flatMap((item) => expand(isObject(item) ? { ...own, ...item } : item, depth - 1));
}

/** @throws YamlError when it is no object that Kubernetes could have */
function checked(value: Json): JsonObject {
  if (!isObject(value))
    throw new YamlError('declares no object: a map with apiVersion, kind and metadata is needed', null);
  const lacking = ['apiVersion', 'kind'].filter((key) => typeof value[key] !== 'string' || value[key] === '');
  if (lacking.length > 0) {
    const keys = lacking.map((key) => `'${key}'`).join(' and ');
    throw new YamlError(`Missing key: ${keys}: every object needs it, as a text`, null);
  }
  const { metadata } = value;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  if (typeof name !== 'string' || name === '') {
    throw new YamlError(
      `Missing key: 'metadata.name': a ${value['kind']} without a name of its own cannot be found again`,
      null,
    );
  }
  const namespace = isObject(metadata) ? (metadata['namespace'] ?? '') : '';
  if (typeof namespace !== 'string') throw new YamlError('metadata.namespace must be a text: put it in quotes', null);
  return value;
}

function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((child) => isDeeper(child, levels - 1));
}
