import { lstat, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { parse } from 'ini';
import { NotReady } from '../not-ready.ts';
import type { Layout } from './layout.ts';
import { shown } from './pack.ts';
import { CONNECTION, LANGUAGE, type Setting } from './settings.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * What of the repository's ansible.cfg holds for a check, as variables of Ansible: paths, language and privileges; on a
 * person's machine also how nodes are connected to. Never what would show, keep or reorder results: callbacks,
 * strategies, caches, logs. `{source}` stands for the root of the repository.
 * @throws NotReady
 */
export async function repositorySettings(
  source: string,
  { folder, hasConfig }: Layout,
  place: 'here' | 'node',
): Promise<Readonly<Record<string, string>>> {
  if (!hasConfig) return {};
  const file = join(source, folder, 'ansible.cfg');
  const found = await lstat(file);
  const name = posix.join(folder, 'ansible.cfg');
  // A link may lead out of the repository, where the person who checks can read more than its authors.
  if (!found.isFile()) throw new NotReady(`${name} is no plain file: put the file itself there`);
  if (found.size > MAX_BYTES) throw new NotReady(`${name} is larger than 1 MB: an ansible.cfg has some kilobytes`);
  return settingsOf(await readFile(file, 'utf8'), folder, place);
}

/** The settings of a file's text. @param folder of the file, from the root of the source @throws NotReady */
export function settingsOf(text: string, folder: string, place: 'here' | 'node'): Readonly<Record<string, string>> {
  const sections: Readonly<Record<string, unknown>> = parse(asLibraryReads(text));
  const settings: Record<string, string> = {};
  for (const { section, key, variable, kind } of [...LANGUAGE, ...(place === 'here' ? CONNECTION : [])]) {
    const value = (sections[section] as Readonly<Record<string, unknown>> | undefined)?.[key];
    if (value === undefined || typeof value === 'object' || String(value) === '') continue;
    settings[variable] = placed(String(value), kind, folder, key);
  }
  return settings;
}

/** Paths start where their file lies; in variables they would start elsewhere. @throws NotReady */
function placed(value: string, kind: Setting['kind'], folder: string, key: string): string {
  if (kind === 'text') return value;
  const separator = { path: null, paths: ':', list: ',' }[kind];
  const parts = separator === null ? [value] : value.split(separator);
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => part.replace(/^\{\{\s*CWD\s*\}\}/, '.'))
    .map((part) => (/^[/~$]/.test(part) ? part : inSource(part, folder, key)))
    .join(separator ?? '');
}

/** A place beside the repository is one of its author's machine: without it, a role of the same name could be taken. */
function inSource(path: string, folder: string, key: string): string {
  const place = posix.join(folder, path);
  if (place !== '..' && !place.startsWith('../')) return posix.join('{source}', place);
  throw new NotReady(
    `${posix.join(folder, 'ansible.cfg')}: ${key} names ${shown(path)}, which leads out of the repository: name a place in it, or a path from /`,
  );
}

/**
 * Ansible reads with Python's configparser: a value may go on in lines that stand deeper, and ":" is as good as "=".
 * Every character is looked at some few times, whatever the text is.
 */
function asLibraryReads(text: string): string {
  const entries: string[][] = [];
  for (const written of text.split(/\r?\n/)) {
    const line = withoutComment(written);
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const last = entries.at(-1);
    const goesOn = /^\s/.test(line) && last !== undefined && !last[0]?.startsWith('[');
    if (goesOn) last.push(trimmed);
    else entries.push([trimmed]);
  }
  return entries.flatMap((lines) => asIni(lines.join(' '))).join('\n');
}

/** A comment begins with a ";" at the beginning, or after white space. */
function withoutComment(line: string): string {
  for (let at = line.indexOf(';'); at >= 0; at = line.indexOf(';', at + 1)) {
    if (at === 0 || /\s/.test(line.charAt(at - 1))) return line.slice(0, at);
  }
  return line;
}

function asIni(entry: string): readonly string[] {
  if (entry.startsWith('[')) return [entry];
  const end = entry.search(/[=:]/);
  if (end <= 0) return [];
  const value = entry.slice(end + 1).trim();
  const isQuoted = value.length > 1 && /^["']/.test(value) && value.endsWith(value.charAt(0));
  return [`${entry.slice(0, end).trim().toLowerCase()} = ${JSON.stringify(isQuoted ? value.slice(1, -1) : value)}`];
}
