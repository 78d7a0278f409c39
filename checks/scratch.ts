import { chown, cp, lstat, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ProcessUser } from '#services/process.ts';

/** A private folder for one check: plan files hold secrets in clear text. */
export interface Scratch {
  readonly folder: string;
  /** A folder inside, owned by the tool's user. */
  makeFolder(name: string): Promise<string>;
  /** A file inside, readable for the tool's user alone. */
  write(name: string, text: string): Promise<string>;
  /** Never throws: what was found matters more than what is left. */
  remove(): Promise<void>;
}

/** Below the system's temporary folder, where another user can reach it too. */
export async function makeScratch(user?: ProcessUser): Promise<Scratch> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'plumbline-')));
  const own = async (path: string): Promise<string> => {
    if (user !== undefined) await chown(path, user.uid, user.gid);
    return path;
  };
  await own(folder);
  return {
    folder,
    makeFolder: async (name) => {
      await mkdir(join(folder, name), { mode: 0o700 });
      return own(join(folder, name));
    },
    write: async (name, text) => {
      await writeFile(join(folder, name), text, { mode: 0o600, flag: 'wx' });
      return own(join(folder, name));
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined),
  };
}

const MAX_FILES = 100_000;
const MAX_BYTES = 1024 ** 3;
/** Large, and of no meaning to a plan. */
const LEFT_OUT = new Set(['.git', '.terraform', 'node_modules']);

/** A working copy that is too large to be copied. */
export class CopyTooLarge extends Error {
  override readonly name = 'CopyTooLarge';
}

/** Copies a working copy, so that the tool may write beside it. @throws CopyTooLarge */
export async function copySource(from: string, to: string): Promise<void> {
  let files = 0;
  let bytes = 0;
  await cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: async (path) => {
      if (LEFT_OUT.has(basename(path)) && path !== from) return false;
      const found = await lstat(path);
      files += 1;
      bytes += found.isFile() ? found.size : 0;
      if (files > MAX_FILES || bytes > MAX_BYTES) {
        throw new CopyTooLarge(`${from} has more than ${MAX_FILES} files or ${MAX_BYTES} bytes`);
      }
      return found.isFile() || found.isDirectory() || found.isSymbolicLink();
    },
  });
}
