import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { readBounded } from '../config-file.ts';
import { UsageError } from '../terminal.ts';
import { type ModuleFiles, readModule } from './hcl.ts';

/** How much of a repository is looked at. */
const MAX_FOLDERS = 20_000;
const MAX_DEPTH = 12;
const MAX_FILE_BYTES = 1024 * 1024;
const LOCK = '.terraform.lock.hcl';

/** A folder that terraform is run in. */
export interface RootModule {
  /** From the top, with slashes; `.` is the top. */
  readonly path: string;
  readonly tool: 'terraform' | 'tofu';
  readonly isRemote: boolean;
  /** Stems of `env/*.tfvars`. */
  readonly environments: readonly string[];
}

interface Found extends ModuleFiles {
  readonly path: string;
  readonly lock: string | null;
  readonly environments: readonly string[];
}

/** The root modules below a folder, in the order of their paths: pinned, with a backend, or with a provider and used by no other. */
export async function findRootModules(top: string): Promise<readonly RootModule[]> {
  const found = await findModules(top);
  const used = new Set(found.flatMap(({ path, localModules }) => localModules.map((local) => posix.join(path, local))));
  return found
    .filter((one) => one.lock !== null || one.hasBackend || (one.hasProvider && !used.has(one.path)))
    .map(({ path, lock, isRemote, environments }) => ({
      path,
      tool: lock?.includes('registry.opentofu.org') ? ('tofu' as const) : ('terraform' as const),
      isRemote,
      environments,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function findModules(top: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  const folders = [{ path: '.', depth: 0 }];
  for (let at = 0; at < Math.min(folders.length, MAX_FOLDERS); at += 1) {
    const { path, depth } = folders[at] ?? { path: '.', depth: 0 };
    const entries = await list(top, path);
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const below = entries.filter((entry) => entry.isDirectory() && !isForeign(entry.name)).map(({ name }) => name);
    if (files.some((name) => name.endsWith('.tf'))) found.push(await readFolder(top, path, files, below));
    if (depth < MAX_DEPTH) folders.push(...below.map((name) => ({ path: posix.join(path, name), depth: depth + 1 })));
  }
  return found;
}

async function list(top: string, path: string): Promise<readonly Dirent[]> {
  return readdir(join(top, path), { withFileTypes: true }).catch((cause: unknown) => {
    throw new UsageError(`${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  });
}

/** Folders that hold no code of the repository's own. */
const isForeign = (name: string): boolean => name.startsWith('.') || name === 'node_modules' || name === 'vendor';

async function readFolder(
  top: string,
  path: string,
  files: readonly string[],
  below: readonly string[],
): Promise<Found> {
  const read = async (name: string): Promise<string> =>
    (await readBounded(join(top, path, name), posix.join(path, name), MAX_FILE_BYTES)).toString('utf8');
  const texts = await Promise.all(files.filter((name) => name.endsWith('.tf')).map(read));
  const variables = below.includes('env') ? await list(top, posix.join(path, 'env')) : [];
  return {
    ...readModule(texts),
    path,
    lock: files.includes(LOCK) ? await read(LOCK) : null,
    environments: variables
      .map(({ name }) => name)
      .filter((name) => name.endsWith('.tfvars') && !name.startsWith('.'))
      .map((name) => name.slice(0, -'.tfvars'.length))
      .sort(),
  };
}
