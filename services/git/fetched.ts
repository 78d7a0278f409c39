/** A folder of fetched commits: `<name>/files`, and `<name>/bytes`, whose time is when it was last used. */
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of a commit that is kept; null when it is not. */
export async function lookUp(cache: string, name: string): Promise<string | null> {
  const now = new Date();
  try {
    await utimes(join(cache, name, 'bytes'), now, now);
    return join(cache, name, 'files');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Keeps what `move` puts into a folder, whole or not at all. @returns the folder */
export async function store(
  cache: string,
  name: string,
  bytes: number,
  move: (into: string) => Promise<void>,
): Promise<string> {
  const part = join(cache, `part-${name}-${process.pid}-${Date.now()}`);
  await mkdir(part);
  try {
    await move(join(part, 'files'));
    await writeFile(join(part, 'bytes'), String(bytes));
    await rename(part, join(cache, name));
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    // Another fetch was faster: the same commit, the same files.
    if ((await lookUp(cache, name)) === null) throw error;
  }
  return join(cache, name, 'files');
}

/** A fetch takes minutes; one that is older was killed. */
const PART_MS = 60 * 60 * 1000;

/** Removes what was used longest ago, until no more than so many bytes are kept, and what killed fetches left. */
export async function evict(cache: string, maxBytes: number): Promise<void> {
  const kept: { readonly folder: string; readonly bytes: number; readonly used: number }[] = [];
  for (const name of await readdir(cache)) {
    const folder = join(cache, name);
    const mark = join(folder, 'bytes');
    const used = await stat(mark).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
    if (used === null) await removeOld(folder);
    else kept.push({ folder, used, bytes: Number(await readFile(mark, 'utf8')) });
  }
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { folder, bytes } of kept.sort((a, b) => a.used - b.used)) {
    if (total <= maxBytes) return;
    await rm(folder, { recursive: true, force: true });
    total -= bytes;
  }
}

async function removeOld(part: string): Promise<void> {
  // It may be finished, and renamed, by now.
  const made = await stat(part).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  if (made < Date.now() - PART_MS) await rm(part, { recursive: true, force: true });
}
