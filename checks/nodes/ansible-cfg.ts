import { lstat, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { parse } from 'ini';
import { NotReady } from '../not-ready.ts';
import type { Layout } from './layout.ts';
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

/** The settings of a file's text. @param folder of the file, from the root of the source */
export function settingsOf(text: string, folder: string, place: 'here' | 'node'): Readonly<Record<string, string>> {
  const sections: Readonly<Record<string, unknown>> = parse(asLibraryReads(text));
  const settings: Record<string, string> = {};
  for (const { section, key, variable, kind } of [...LANGUAGE, ...(place === 'here' ? CONNECTION : [])]) {
    const value = (sections[section] as Readonly<Record<string, unknown>> | undefined)?.[key];
    if (value === undefined || typeof value === 'object' || String(value) === '') continue;
    settings[variable] = placed(String(value), kind, folder);
  }
  return settings;
}

/** Paths start where their file lies; in variables they would start elsewhere. */
function placed(value: string, kind: Setting['kind'], folder: string): string {
  if (kind === 'text') return value;
  const separator = { path: null, paths: ':', list: ',' }[kind];
  const parts = separator === null ? [value] : value.split(separator);
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => part.replace(/^\{\{\s*CWD\s*\}\}/, '.'))
    .map((part) => (/^[/~$]/.test(part) ? part : posix.join('{source}', folder, part)))
    .join(separator ?? '');
}

/** Ansible reads with Python's configparser: a value may go on in lines that stand deeper, and ":" is as good as "=". */
function asLibraryReads(text: string): string {
  const lines: string[] = [];
  for (const written of text.split(/\r?\n/)) {
    const line = written.replace(/(^|\s);.*$/, '');
    if (/^\s*(#|$)/.test(line)) continue;
    const goesOn = /^\s/.test(line) && lines.length > 0 && !lines.at(-1)?.startsWith('[');
    if (goesOn) lines.push(`${lines.pop()} ${line.trim()}`);
    else lines.push(line.trim());
  }
  return lines
    .filter((line) => /^\[|[=:]/.test(line))
    .map((line) =>
      line.replace(/^([^[=:][^=:]*?)\s*[=:]\s*(.*)$/, (_, key: string, value: string) => {
        return `${key.toLowerCase()} = ${JSON.stringify(value.replace(/^(["'])(.*)\1$/, '$2'))}`;
      }),
    )
    .join('\n');
}
