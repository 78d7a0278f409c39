import { isList, type Json, parseJson } from '../json.ts';
import { readYaml, type YamlDocument, YamlError } from './yaml.ts';

/** A text, and the colon behind it that makes it a key. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?/g;

export const isJson = (text: string): boolean => /^\s*\{/.test(text);

/** A JSON value; null when it is none. JavaScript keeps quiet about keys that are there twice: counting finds them. */
export function readJson(text: string): YamlDocument | null {
  let value: Json;
  try {
    value = parseJson(text);
  } catch {
    return null;
  }
  let keys = 0;
  for (const string of text.match(STRING) ?? []) if (string.endsWith(':')) keys += 1;
  return { value, duplicates: keys === keysOf(value) ? [] : duplicatesOf(text) };
}

function keysOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (isList(value)) for (const item of value) count += keysOf(item);
  else for (const key in value) count += 1 + keysOf(value[key] ?? null);
  return count;
}

/** YAML knows where they stand; what it cannot read of JSON has no places to tell. */
function duplicatesOf(text: string): YamlDocument['duplicates'] {
  try {
    return readYaml(text).duplicates;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return [];
  }
}

/** Where the first value of a text ends; null when it never does. */
export function endOfJson(text: string): number | null {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return null;
}

/** Braces, and strings, which may have some inside that mean nothing. */
const TOKEN = /[{}[\]]|"[^"\\]*(?:\\.[^"\\]*)*"/g;
