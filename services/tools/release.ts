import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { ToolError, type ToolName } from './tool.ts';

/** Where releases lie. Below each address: `<folder>/<name>_<version>_SHA256SUMS` and the archives it lists. */
export interface ReleaseSource {
  readonly base: string;
  /** The folder of a version below `base`. */
  readonly folder: (version: string) => string;
}

export const RELEASES: Readonly<Record<ToolName, ReleaseSource>> = {
  terraform: { base: 'https://releases.hashicorp.com/terraform', folder: (version) => version },
  tofu: { base: 'https://github.com/opentofu/opentofu/releases/download', folder: (version) => `v${version}` },
};

const MAX_SUMS_BYTES = 256 * 1024;
const MAX_ARCHIVE_BYTES = 256 * 1024 * 1024;
const MAX_BINARY_BYTES = 512 * 1024 * 1024;
const TIME_LIMIT_MS = 180_000;

export interface DownloadRequest {
  readonly name: ToolName;
  readonly version: string;
  /** Folder of all cached releases. Readable for everyone, so that the tool may run as another user. */
  readonly cache: string;
  readonly releases?: ReleaseSource;
  readonly signal?: AbortSignal;
}

/**
 * A pinned release: from the cache, else fetched, compared with the release's own SHA256SUMS and unpacked. A release
 * becomes visible in the cache whole or not at all.
 * @returns the binary's path
 * @throws ToolError
 */
export async function downloadRelease(request: DownloadRequest): Promise<string> {
  const { name, version, cache } = request;
  const folder = join(cache, `${name}-${version}-${platform()}`);
  const binary = join(folder, name);
  if (await isFile(binary)) return binary;

  const source = request.releases ?? RELEASES[name];
  const base = `${source.base}/${source.folder(version)}`;
  const archive = `${name}_${version}_${platform()}.zip`;
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
  const sums = await get(`${base}/${name}_${version}_SHA256SUMS`, MAX_SUMS_BYTES, signal, name, version);
  const wanted = checksumOf(sums.toString('utf8'), archive);
  if (wanted === null)
    throw new ToolError(`${name} ${version} is not released for ${platform()}: name another version`);
  const zip = await get(`${base}/${archive}`, MAX_ARCHIVE_BYTES, signal, name, version);
  const actual = createHash('sha256').update(zip).digest('hex');
  if (actual !== wanted) {
    throw new ToolError(`${archive} is not what its release says: SHA-256 ${actual} instead of ${wanted}; not used`);
  }
  await store(folder, name, unpack(zip, name, archive));
  return binary;
}

/** As release archives name it: `linux_amd64`. */
function platform(): string {
  const architecture = { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch;
  return `${process.platform === 'win32' ? 'windows' : process.platform}_${architecture}`;
}

function checksumOf(sums: string, archive: string): string | null {
  for (const line of sums.split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] === archive) return match[1];
  }
  return null;
}

async function get(
  url: string,
  maxBytes: number,
  signal: AbortSignal,
  name: ToolName,
  version: string,
): Promise<Buffer> {
  const remedy = `put ${name} ${version} on the PATH, or let ${new URL(url).host} be reached`;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const answer = await fetch(url, { signal });
    if (answer.status === 404) throw new ToolError(`there is no ${name} ${version} at ${url}: mend the version`);
    if (!answer.ok) throw new ToolError(`${url} answered ${answer.status}: ${remedy}`);
    for await (const chunk of answer.body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new ToolError(`${url} is larger than ${maxBytes} bytes; not used`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ToolError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ToolError(`${url} could not be fetched (${why}): ${remedy}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function unpack(zip: Buffer, name: ToolName, archive: string): Uint8Array {
  let tooLarge = false;
  let files: Readonly<Record<string, Uint8Array>>;
  try {
    files = unzipSync(zip, {
      filter: (file) => {
        if (file.name !== name) return false;
        tooLarge = file.originalSize > MAX_BINARY_BYTES;
        return !tooLarge;
      },
    });
  } catch (cause) {
    throw new ToolError(`${archive} cannot be unpacked: it is damaged`, { cause });
  }
  if (tooLarge) throw new ToolError(`${archive}: ${name} is larger than ${MAX_BINARY_BYTES} bytes; not used`);
  const binary = files[name];
  if (binary === undefined) throw new ToolError(`${archive} holds no file ${name}`);
  return binary;
}

async function store(folder: string, name: ToolName, binary: Uint8Array): Promise<void> {
  const parts = `${folder}.${process.pid}.part`;
  await rm(parts, { recursive: true, force: true });
  await mkdir(parts, { recursive: true, mode: 0o755 });
  await writeFile(join(parts, name), binary);
  await chmod(join(parts, name), 0o755);
  try {
    await rename(parts, folder);
  } catch (error) {
    await rm(parts, { recursive: true, force: true });
    // Another process was faster: what it stored went through the same check.
    if (!(await isFile(join(folder, name)))) throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
