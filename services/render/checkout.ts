import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { RenderError } from './error.ts';
import type { RenderLimits } from './request.ts';

const LFS_POINTER = Buffer.from('version https://git-lfs.github.com/spec/v1\n');
const MAX_DEPTH = 64;
const MAX_PATH = 4096;

/** What a path of a repository is. Paths are relative to its root, with `/`; the root is `.`. */
export type PathKind = 'file' | 'folder';

/**
 * The files of a repository as they were checked out: nothing outside of the root is reached, by no `..` and no
 * symlink, and what is read is counted against the limits.
 */
export class Checkout {
  readonly root: string;
  readonly limits: RenderLimits;
  /** Files that a walk has met, by their real paths: no symlink is left in those. */
  readonly #walked = new Map<string, string>();
  readonly #reached = new Set<string>();
  #files = 0;
  #bytes = 0;

  private constructor(root: string, limits: RenderLimits) {
    this.root = root;
    this.limits = limits;
  }

  static async open(root: string, limits: RenderLimits): Promise<Checkout> {
    return new Checkout(await realpath(root), limits);
  }

  /** The path that a text in a file of `folder` names. @throws RenderError when it leaves the repository */
  join(folder: string, text: string, asWritten: string): string {
    if (text.length > MAX_PATH || text.includes('\0')) throw new RenderError(`${asWritten}: this is no path`);
    const joined = path.posix.normalize(path.posix.join(folder, text)).replace(/(?<=.)\/$/, '');
    if (path.posix.isAbsolute(text) || joined === '..' || joined.startsWith('../')) {
      throw new RenderError(`${asWritten}: ${text} leads out of the repository; only its own files are read`);
    }
    return joined;
  }

  /** Null when there is nothing. @throws RenderError when a symlink leads out of the repository */
  async kind(name: string): Promise<PathKind | null> {
    try {
      const real = await realpath(this.absolute(name));
      this.#keepInside(real, name);
      const found = await stat(real);
      if (found.isDirectory()) return 'folder';
      if (found.isFile()) return 'file';
    } catch (error) {
      if (error instanceof RenderError) throw error;
      return nothing(error, name);
    }
    throw new RenderError(`${name} is neither a file nor a folder`);
  }

  /** Files that were read or looked for, and folders of which all files are, with where links lead to. */
  get reached(): Iterable<string> {
    return this.#reached;
  }

  absolute(name: string): string {
    return path.join(this.root, name);
  }

  /** Names two paths that are the same file or folder alike. */
  async identity(name: string): Promise<string> {
    return this.#walked.get(name) ?? realpath(this.absolute(name));
  }

  /** Counts a file that a tool will read by itself. @throws RenderError */
  async admit(name: string): Promise<void> {
    if ((await this.kind(name)) !== 'file') throw new RenderError(`${name} is no file`);
    const { size } = await stat(this.absolute(name));
    this.#reach(name, await realpath(this.absolute(name)));
    this.#count(name, size);
  }

  async read(name: string): Promise<string> {
    const real = this.#walked.get(name);
    // A thousand small files: waiting for each would cost more than reading it.
    if (real !== undefined) return this.#text(name, this.#readWalked(name, real));
    await this.admit(name);
    return this.#text(name, await readFile(this.absolute(name)));
  }

  /** As `read`, for an evaluator that cannot wait; null when there is no such file. */
  readNow(name: string): Buffer | null {
    let real: string;
    try {
      real = realpathSync(this.absolute(name));
    } catch (error) {
      // Once it is there, it is read in place of what is found elsewhere now.
      this.#reached.add(name);
      return nothing(error, name);
    }
    this.#keepInside(real, name);
    this.#reach(name, real);
    const content = readFileSync(real);
    this.#count(name, content.length);
    this.#text(name, content);
    return content;
  }

  /**
   * All files below a folder, sorted by path; without `hidden`, what begins with a dot is passed over. A symlink to a
   * folder inside the repository is followed, once.
   */
  async files(folder: string, hidden = false): Promise<readonly string[]> {
    const found: string[] = [];
    const seen = new Set<string>();
    const walk = async (below: string, depth: number): Promise<void> => {
      if (depth > MAX_DEPTH) throw new RenderError(`${below} lies more than ${MAX_DEPTH} folders deep`);
      const identity = await this.identity(below);
      if (seen.has(identity)) return;
      seen.add(identity);
      this.#reach(below, identity);
      for (const entry of await readdir(this.absolute(below), { withFileTypes: true })) {
        if (entry.name === '.git' || (!hidden && entry.name.startsWith('.'))) continue;
        const name = inFolder(below, entry.name);
        const kind = entry.isSymbolicLink() ? await this.kind(name) : entry.isDirectory() ? 'folder' : 'file';
        if (entry.isFile()) this.#walked.set(name, path.join(identity, entry.name));
        if (kind === 'folder') await walk(name, depth + 1);
        else if (kind === 'file' && found.push(name) > this.limits.files) this.#tooMany();
      }
    };
    await walk(folder, 0);
    return found.sort(byName);
  }

  #readWalked(name: string, real: string): Buffer {
    const file = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      this.#count(name, fstatSync(file).size);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  }

  #reach(name: string, real: string): void {
    this.#reached.add(name).add(path.relative(this.root, real) || '.');
  }

  #keepInside(real: string, name: string): void {
    if (real === this.root || real.startsWith(this.root + path.sep)) return;
    throw new RenderError(
      `${name} is a symlink that leads out of the repository; put what it names into the repository`,
    );
  }

  #count(name: string, size: number): void {
    const { fileBytes, totalBytes, files } = this.limits;
    if (size > fileBytes) throw new RenderError(`${name} has ${size} bytes, more than the ${fileBytes} that are read`);
    this.#bytes += size;
    this.#files += 1;
    if (this.#files > files) this.#tooMany();
    if (this.#bytes > totalBytes) {
      throw new RenderError(`${name}: the manifests have more than ${totalBytes} bytes together; name fewer of them`);
    }
  }

  #tooMany(): never {
    throw new RenderError(`there are more than ${this.limits.files} files in what the target names; name less`);
  }

  #text(name: string, content: Buffer): string {
    if (content.subarray(0, LFS_POINTER.length).equals(LFS_POINTER)) {
      throw new RenderError(`${name} lies in Git LFS, which is not fetched: keep manifests in git itself`);
    }
    return content.toString('utf8');
  }
}

/** A file of a folder, as `files` names it. */
export const inFolder = (folder: string, name: string): string => (folder === '.' ? name : `${folder}/${name}`);

/** By code unit, the same on every machine. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function nothing(error: unknown, name: string): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  if (code === 'ELOOP') throw new RenderError(`${name} is a symlink that leads to itself`, { cause: error });
  throw error;
}
