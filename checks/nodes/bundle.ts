import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Header, type Pack, pack } from 'tar-stream';
import { NotReady } from '../not-ready.ts';
import { openFile, type Packed, shown } from './pack.ts';

/** As nodes take it (drift/nodes/document.ts): entries, bytes, bytes when packed. */
const BUNDLE_LIMITS = { files: 20_000, bytes: 256 * 1024 * 1024, packed: 64 * 1024 * 1024 } as const;
export type BundleLimits = Readonly<Record<keyof typeof BUNDLE_LIMITS, number>>;
/** Of every entry: the same files are the same bytes. */
const SAME = { mtime: new Date(0), uid: 0, gid: 0 } as const;

/** A folder whose files are handed over, below a folder of the bundle. */
export interface Tree {
  readonly root: string;
  readonly files: readonly Packed[];
  /** Folder of the bundle. */
  readonly as: string;
}

export interface BundleContent {
  /** Of our own making: names in the bundle, and texts. */
  readonly texts: Readonly<Record<string, string>>;
  readonly trees: readonly Tree[];
}

export interface Bundle {
  readonly bytes: Buffer;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What a node gets, as one file (tar, gzip): the same content is the same bytes. @throws NotReady */
export async function packBundle(content: BundleContent, limits: Partial<BundleLimits> = {}): Promise<Bundle> {
  const most = { ...BUNDLE_LIMITS, ...limits };
  refuseLarge(content, most);
  const chunks: Buffer[] = [];
  let size = 0;
  await pipeline(tarOf(content), createGzip(), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) {
      size += chunk.length;
      if (size > most.packed) throw tooLarge(`more than ${most.packed} bytes, packed`);
      chunks.push(chunk);
    }
  });
  const bytes = Buffer.concat(chunks);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

const tooLarge = (what: string): NotReady =>
  new NotReady(`what the playbook needs, with its collections, has ${what}: keep what is large elsewhere`);

/** Before anything is read. */
function refuseLarge({ texts, trees }: BundleContent, most: BundleLimits): void {
  const files = trees.flatMap((tree) => tree.files);
  const count = Object.keys(texts).length + files.length;
  if (count > most.files) throw tooLarge(`more than ${most.files} files`);
  const own = Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const bytes = files.reduce((sum, file) => sum + (file.kind === 'file' ? file.size : 0), own);
  if (bytes > most.bytes) throw tooLarge(`more than ${most.bytes} bytes`);
}

async function* tarOf(content: BundleContent): AsyncGenerator<Buffer> {
  const tar = pack();
  // Whoever reads it hears of it.
  const writing = write(tar, content).catch((error: unknown) => tar.destroy(asError(error)));
  try {
    yield* tar as AsyncIterable<Buffer>;
  } finally {
    tar.destroy();
    await writing;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

async function write(tar: Pack, { texts, trees }: BundleContent): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    const body = Buffer.from(text, 'utf8');
    await entry(tar, { name, type: 'file', mode: 0o644, size: body.length }, body);
  }
  for (const tree of trees) for (const packed of tree.files) await writePacked(tar, tree, packed);
  tar.finalize();
}

async function writePacked(tar: Pack, { root, as }: Tree, packed: Packed): Promise<void> {
  const name = `${as}/${packed.path}`;
  switch (packed.kind) {
    case 'folder':
      return entry(tar, { name, type: 'directory', mode: 0o755, size: 0 });
    case 'link':
      return entry(tar, { name, type: 'symlink', mode: 0o777, size: 0, linkname: packed.to });
    case 'file': {
      const body = await readWhole(root, packed);
      return entry(tar, { name, type: 'file', mode: packed.executable ? 0o755 : 0o644, size: body.length }, body);
    }
  }
}

async function readWhole(root: string, { path, size }: Packed & { readonly kind: 'file' }): Promise<Buffer> {
  const file = await openFile(root, path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    if (bytesRead === size) return buffer;
  } finally {
    await file.close();
  }
  throw new NotReady(`${shown(path)} became shorter while it was read`);
}

function entry(tar: Pack, header: Partial<Header> & Pick<Header, 'name'>, body?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error instanceof Error ? reject(error) : resolve());
    if (body === undefined) tar.entry({ ...header, ...SAME }, done);
    else tar.entry({ ...header, ...SAME }, body, done);
  });
}
