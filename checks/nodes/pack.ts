import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { NotReady } from '../not-ready.ts';

/** What of a repository, or of installed collections, is handed to nodes. Paths are from its root, with `/`. */
export type Packed =
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly executable: boolean }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string };

export const PACK_LIMITS = { files: 20_000, bytes: 256 * 1024 * 1024 } as const;
export type PackLimits = { readonly files: number; readonly bytes: number };

const REMEDY = 'put an ansible.cfg beside the playbook, and only what it needs below that folder';

/**
 * Lists what lies in folders of a hostile tree. No link is followed on the way: what is listed lies in the tree, and a
 * link is listed as a link.
 */
export class Packing {
  readonly #root: string;
  readonly #limits: PackLimits;
  readonly #found = new Map<string, Packed>();
  #bytes = 0;

  /** @param root a folder of ours, without links on the way to it */
  constructor(root: string, limits: PackLimits = PACK_LIMITS) {
    this.#root = root;
    this.#limits = limits;
  }

  /** All that was added, in an order that does not depend on the disk. */
  list(): readonly Packed[] {
    return [...this.#found.values()].toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }

  /** Adds a file, a link, or a folder with all that is in it; nothing, where there is none. @throws NotReady */
  async add(path: string): Promise<void> {
    const kind = await kindOf(this.#root, path);
    if (kind === null) return;
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
      this.#take({ kind: 'folder', path: folder });
    }
    await this.#addKnown(path === '.' ? '' : path);
  }

  async #addKnown(path: string): Promise<void> {
    const at = join(this.#root, path);
    const found = await lstat(at);
    if (found.isDirectory()) {
      if (path !== '') this.#take({ kind: 'folder', path });
      await this.#addFolder(path);
    } else if (found.isSymbolicLink()) {
      this.#take({ kind: 'link', path, to: await readlink(at) });
    } else if (found.isFile()) {
      this.#take({ kind: 'file', path, size: found.size, executable: (found.mode & 0o100) !== 0 });
    } else {
      throw new NotReady(`${shown(path)} is neither a file nor a folder nor a link: take it out of the repository`);
    }
  }

  async #addFolder(path: string): Promise<void> {
    // As bytes: of a name that is no UTF-8 a text would be another name.
    for (const bytes of await readdir(join(this.#root, path), { encoding: 'buffer' })) {
      const name = utf8(bytes, path);
      if (name !== '.git') await this.#addKnown(posix.join(path, name));
    }
  }

  #take(packed: Packed): void {
    if (this.#found.has(packed.path)) return;
    this.#found.set(packed.path, packed);
    this.#bytes += packed.kind === 'file' ? packed.size : 0;
    const { files, bytes } = this.#limits;
    if (this.#found.size > files) throw new NotReady(`more than ${files} files belong to the playbook: ${REMEDY}`);
    if (this.#bytes > bytes) {
      throw new NotReady(
        `the files of the playbook have more than ${bytes} bytes, with ${shown(packed.path)}: ${REMEDY}`,
      );
    }
  }
}

/** What a path of the tree is; null: it is not there. A folder on the way that is a link is none of ours. @throws NotReady */
export async function kindOf(root: string, path: string): Promise<'file' | 'folder' | 'link' | 'other' | null> {
  if (posix.isAbsolute(path) || posix.normalize(path).split('/').includes('..')) {
    throw new NotReady(`${shown(path)} leads out of the repository: name a path from its root`);
  }
  const parts = posix
    .normalize(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  for (let count = 1; count <= parts.length; count += 1) {
    const at = parts.slice(0, count).join('/');
    const found = await lstat(join(root, at)).catch(unlessMissing);
    if (found === null) return null;
    if (count === parts.length) {
      return found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other';
    }
    if (found.isSymbolicLink()) throw new NotReady(`${shown(at)} is a link: name the folder that it leads to`);
    if (!found.isDirectory()) return null;
  }
  return 'folder';
}

/** The text of a small file of the tree; null: there is no file. @throws NotReady */
export async function readSmall(root: string, path: string, maxBytes: number): Promise<string | null> {
  if ((await kindOf(root, path)) !== 'file') return null;
  const file = await openFile(root, path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new NotReady(`${shown(path)} has ${size} bytes: at most ${maxBytes} are read`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Opens a file that was listed; never what a link leads to, and never one that would make us wait. @throws NotReady */
export async function openFile(root: string, path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(join(root, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: unknown) => {
    throw new NotReady(`${shown(path)} cannot be read`, { cause });
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new NotReady(`${shown(path)} is no file any more`);
}

/** Where a link of the tree leads to, from its root; null: nowhere, or out of it. */
export async function leadsTo(root: string, path: string): Promise<string | null> {
  const real = await realpath(join(root, path)).catch(() => null);
  return real?.startsWith(`${root}/`) === true ? real.slice(root.length + 1) : null;
}

function utf8(bytes: Buffer, folder: string): string {
  const name = bytes.toString('utf8');
  if (Buffer.from(name, 'utf8').equals(bytes)) return name;
  throw new NotReady(`${shown(posix.join(folder, name))} has a name that is not UTF-8: rename it`);
}

/** A name of the repository in a sentence: it may hold anything. */
export const shown = (path: string): string =>
  /^[\w./@+:, -]{1,200}$/.test(path) ? path : `${JSON.stringify(path).slice(0, 200)}`;

function unlessMissing(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null;
  throw error;
}
