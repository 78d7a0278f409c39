import type { Note } from '../../note.ts';
import { isHook } from '../hooks.ts';
import { isList, isObject, type Json, type JsonObject } from '../json.ts';
import type { DeclaredObject, ManifestProblem, ManifestText } from '../live.ts';
import { metadataOf } from '../objects.ts';
import { endOfJson, isJson, readJson } from './json-text.ts';
import { readYaml, type YamlDocument, YamlError } from './yaml.ts';

/** The largest text that is read, in characters, and the most objects. */
const MAX_LENGTH = 64 * 1024 * 1024;
const MAX_OBJECTS = 100_000;
/** No object of Kubernetes is nested as deep. */
const MAX_DEPTH = 150;
const MAX_LISTS = 10;
/** Keys that are there twice are told of one by one; more than these are nothing new. */
const MAX_NOTES = 100;

export interface Manifests {
  readonly objects: readonly DeclaredObject[];
  readonly problems: readonly ManifestProblem[];
  /** What is legal and yet most likely a mistake. */
  readonly notes: readonly Note[];
}

/** Reads every object of every text, as kubectl does; what cannot be read is a problem, and the rest still counts. */
export function readManifests(texts: readonly ManifestText[]): Manifests {
  const objects: DeclaredObject[] = [];
  const problems: ManifestProblem[] = [];
  const notes: Note[] = [];
  for (const { file, text } of texts) {
    if (text.length > MAX_LENGTH) {
      problems.push({ file, line: null, message: `${file} is too large to be read: ${text.length} characters` });
      continue;
    }
    for (const document of documentsOf(text)) {
      try {
        if (document.problem !== null) throw new YamlError(document.problem, 1);
        readDocument(document, file, objects, notes);
      } catch (error) {
        if (!(error instanceof YamlError)) throw error;
        const line = document.line + Math.max(0, (error.line ?? 1) - 1);
        problems.push({ file, line, message: error.message });
      }
    }
  }
  return { objects, problems, notes };
}

function readDocument({ text, line, json }: Document, file: string, objects: DeclaredObject[], notes: Note[]): void {
  const { value, duplicates } = json ?? readYaml(text);
  for (const duplicate of duplicates.slice(0, Math.max(0, MAX_NOTES - notes.length))) {
    const where = `${file}:${line + duplicate.line - 1}`;
    notes.push({
      kind: 'duplicate-key',
      text: `${where}: the key "${duplicate.key}" is there twice: the last one counts`,
    });
  }
  if (value === null) return;
  const problem = whyUnusable(value, MAX_DEPTH);
  if (problem !== null) throw new YamlError(problem, null);
  for (const object of expand(value, MAX_LISTS)) {
    if (objects.length >= MAX_OBJECTS) throw new YamlError(`there are more than ${MAX_OBJECTS} objects`, null);
    if (isNamelessHook(object)) {
      notes.push({ kind: 'excluded', text: `${file}:${line}: a hook without a name of its own is not compared` });
    } else objects.push({ value: checked(object), file, line });
  }
}

interface Document {
  readonly text: string;
  /** Of its first line in the file, from 1. */
  readonly line: number;
  readonly problem: string | null;
  /** What it says, if it is JSON; a text that looks like JSON and is none may still be YAML. */
  readonly json: YamlDocument | null;
}

/**
 * Cuts at lines that begin with `---`, before anything is parsed, as apimachinery's YAMLReader does; between them
 * several JSON values may follow each other.
 */
function documentsOf(text: string): readonly Document[] {
  const clean = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (!clean.includes('---')) return valuesOf(clean, 1);
  const documents: Document[] = [];
  const lines = clean.split('\n');
  let start = 0;
  for (const [index, line] of [...lines.entries(), [lines.length, '---'] as const]) {
    if (!line.startsWith('---')) continue;
    const rest = line.slice(3).trim();
    const isMark = rest === '' || rest.startsWith('#');
    documents.push(...valuesOf(lines.slice(start, index).join('\n'), start + 1));
    if (!isMark) {
      const problem = `invalid YAML document separator: "${rest.slice(0, 40)}"`;
      documents.push({ text: '', line: index + 1, problem, json: null });
    }
    start = index + 1;
  }
  return documents.filter((document) => document.problem !== null || document.text.trim() !== '');
}

/** One document, or JSON values one after the other. */
function valuesOf(given: string, firstLine: number): readonly Document[] {
  const documents: Document[] = [];
  for (let [text, line] = [given, firstLine]; ; ) {
    const whole = isJson(text) ? readJson(text) : null;
    const end = whole === null && isJson(text) ? endOfJson(text) : null;
    const head = end === null ? text : text.slice(0, end);
    const json = end === null ? whole : readJson(head);
    if (end === null || json === null) return [...documents, { text, line, problem: null, json: whole }];
    documents.push({ text: head, line, problem: null, json });
    line += head.split('\n').length - 1;
    text = text.slice(end);
  }
}

/** The objects of a `List`, and of every `…List` with items, which say of which kind they are only by the list. */
function expand(value: Json, depth: number): readonly Json[] {
  if (!isObject(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return [value];
  const { items, kind, apiVersion } = value;
  if (items === null || (items === undefined && kind === 'List')) return [];
  if (!isList(items)) return [value];
  if (depth === 0) throw new YamlError(`lists are nested deeper than ${MAX_LISTS} levels`, null);
  const own: JsonObject =
    kind === 'List' ? {} : { apiVersion: apiVersion ?? null, kind: kind.slice(0, -'List'.length) };
  return items.flatMap((item) => expand(isObject(item) ? { ...own, ...item } : item, depth - 1));
}

/** Every run makes a new one: there is nothing to find again. */
function isNamelessHook(value: Json): boolean {
  if (!isObject(value) || !isHook(value)) return false;
  const { name, generateName } = metadataOf(value);
  return name === undefined && typeof generateName === 'string';
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

/** Why no server could have a value; null: it could. */
function whyUnusable(value: Json, levels: number): string | null {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'has a number that fits into no float64';
  if (typeof value !== 'object' || value === null) return null;
  if (levels === 0) return `is nested deeper than ${MAX_DEPTH} levels`;
  for (const child of Object.values(value)) {
    const problem = whyUnusable(child, levels - 1);
    if (problem !== null) return problem;
  }
  return null;
}
