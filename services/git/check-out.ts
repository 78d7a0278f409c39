import fs from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as git from 'isomorphic-git';
import { GitError } from '../ports.ts';

const MAX_FILES = 50_000;
const MAX_DEPTH = 128;

export interface CheckOutRequest {
  readonly gitdir: string;
  readonly commit: string;
  readonly into: string;
  readonly maxBytes: number;
  /** As messages name the repository. */
  readonly url: string;
  readonly signal: AbortSignal;
}

export interface Stored {
  readonly bytes: number;
}

interface Leaf {
  readonly path: string;
  readonly oid: string;
  readonly link: boolean;
}

/**
 * Writes the files of a commit. A tree can hold names that no working copy has (`..`, `.git`, one name twice): those
 * are refused, and symlinks come last, so that no file is written through one.
 * @throws GitError
 */
export async function checkOut(request: CheckOutRequest): Promise<Stored> {
  const { gitdir, commit, into, maxBytes, url, signal } = request;
  const cache = {};
  const leaves: Leaf[] = [];
  const walk = async (oid: string, folder: string, depth: number): Promise<void> => {
    signal.throwIfAborted();
    if (depth > MAX_DEPTH) throw new GitError(`${url}: ${folder} lies more than ${MAX_DEPTH} folders deep`);
    const { tree } = await git.readTree({ fs, gitdir, oid, cache });
    await mkdir(join(into, folder), { recursive: true });
    const names = new Set<string>();
    for (const entry of tree) {
      const path = folder === '' ? entry.path : `${folder}/${entry.path}`;
      if (!isName(entry.path) || names.has(entry.path)) throw new GitError(`${url}: ${path} is no usable path`);
      names.add(entry.path);
      if (entry.type === 'tree') await walk(entry.oid, path, depth + 1);
      // A submodule is another repository: an empty folder, as git leaves it.
      else if (entry.type === 'commit') await mkdir(join(into, path));
      else leaves.push({ path, oid: entry.oid, link: entry.mode === '120000' });
      if (leaves.length > MAX_FILES) throw new GitError(`${url} has more than ${MAX_FILES} files: too many to check`);
    }
  };
  const found = await git.readCommit({ fs, gitdir, oid: commit, cache });
  await walk(found.commit.tree, '', 0);

  let bytes = 0;
  for (const { path, oid, link } of leaves.toSorted((a, b) => Number(a.link) - Number(b.link))) {
    signal.throwIfAborted();
    const { blob } = await git.readBlob({ fs, gitdir, oid, cache });
    bytes += blob.length;
    if (bytes > maxBytes) throw new GitError(`${url} is larger than ${maxBytes} bytes: too large to check`);
    if (link) await symlink(Buffer.from(blob).toString('utf8'), join(into, path));
    else await writeFile(join(into, path), blob, { flag: 'wx' });
  }
  return { bytes };
}

function isName(name: string): boolean {
  return !/^(|\.|\.\.|\.git)$/i.test(name) && !/[/\\\0]/.test(name);
}
