import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PlaybookRun } from './playbook.ts';

/** Of a file that holds a password and nothing else. */
const MAX_BYTES = 64 * 1024;
const ANY_MAY_RUN = 0o111;
const FILES = ['VAULT', 'BECOME', 'CONNECTION'].map((kind) => `ANSIBLE_${kind}_PASSWORD_FILE`);

/**
 * The passwords in the files that a call names, whether the config or an ansible.cfg says so. What a script says to
 * Ansible alone is not known.
 */
export async function passwordsOf(run: PlaybookRun, home: string = homedir()): Promise<readonly string[]> {
  const { arguments: args, environment, cwd } = run;
  const given = args.flatMap((argument, index) => (args[index - 1] === '--vault-id' ? [argument] : []));
  const ids = [...given, ...(environment['ANSIBLE_VAULT_IDENTITY_LIST'] ?? '').split(',')];
  const files = [...ids.map((id) => id.slice(id.indexOf('@') + 1)), ...FILES.map((name) => environment[name] ?? '')];
  const paths = files.map((file) => file.trim()).filter((file) => file !== '');
  const read = paths.map((file) => passwordIn(resolve(cwd, file.startsWith('~/') ? join(home, file.slice(2)) : file)));
  return (await Promise.all(read)).flat();
}

async function passwordIn(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile() || found.size > MAX_BYTES || (found.mode & ANY_MAY_RUN) !== 0) return [];
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim() === '' ? [] : [text.trim()];
}
