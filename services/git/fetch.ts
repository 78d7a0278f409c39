import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as git from 'isomorphic-git';
import { GitError } from '../ports.ts';
import { checkOut, type Stored } from './check-out.ts';
import { evict, lookUp, store } from './fetched.ts';
import { basic, explain, type GitRequestOptions, gitRequest } from './http.ts';
import { checkPack, PackTooLarge } from './pack.ts';

const MIB = 1024 * 1024;
const MAX_REPOSITORY_BYTES = 200 * MIB;
const MAX_CACHE_BYTES = 400 * MIB;
const REMOTE = 'origin';

export interface FetchRequest {
  /** `https://…`, without a credential. */
  readonly url: string;
  /** 40 hex digits. */
  readonly commit: string;
  /** Where the commit can be found when the host does not serve single commits. */
  readonly ref: string;
  readonly token: string | null;
  /** A folder of ours, kept from run to run. */
  readonly cache: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** @default 200 MiB, of what is fetched and of what is checked out */
  readonly maxBytes?: number;
  /** @default 400 MiB: what was used longest ago goes first */
  readonly maxCacheBytes?: number;
  /** @default the global one */
  readonly fetch?: typeof fetch;
}

export interface FetchedCommit {
  /** Holds the files of the commit and no `.git`. To be read only: the next run may get it again. */
  readonly folder: string;
  readonly commit: string;
}

/**
 * The files of one commit, fetched over HTTPS without a git binary: that commit alone, no history, no tags, no
 * submodules (their folders are empty) and no LFS objects (their pointers stay). Fetched once as long as it is cached.
 * @throws GitError with one sentence that holds no credential
 */
export async function fetchCommit(request: FetchRequest): Promise<FetchedCommit> {
  const { url, commit, cache } = request;
  if (!/^https:\/\/[^@\s]+$/.test(url)) throw new GitError(`${url}: only https:// without user is read`);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new GitError(`"${commit}" is no commit id`);
  const name = createHash('sha256').update(`${url}\n${commit}`).digest('hex').slice(0, 32);
  const known = await lookUp(cache, name);
  if (known !== null) return { folder: known, commit };

  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'part-'));
  try {
    const files = join(work, 'files');
    const { bytes } = await fetchInto(request, join(work, 'git'), files);
    // What is about to be kept must find room beside what is.
    await evict(cache, (request.maxCacheBytes ?? MAX_CACHE_BYTES) - bytes);
    return { folder: await store(cache, name, bytes, (into) => rename(files, into)), commit };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fetchInto(request: FetchRequest, gitdir: string, files: string): Promise<Stored> {
  const { url, commit, token, timeoutMs } = request;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([limit, request.signal]);
  const maxBytes = request.maxBytes ?? MAX_REPOSITORY_BYTES;
  try {
    await git.init({ fs, dir: files, gitdir });
    await git.addRemote({ fs, gitdir, remote: REMOTE, url });
    await single(request, gitdir, signal, maxBytes);
    return await checkOut({ gitdir, commit, into: files, maxBytes, url, signal });
  } catch (error) {
    if (request.signal.aborted) throw new GitError(`${url} was not fetched: stopped`, { cause: error });
    throw explain(error, url, token, timeoutMs);
  }
}

/** The commit by its id, else by the ref that had it: not every host serves what no branch or tag names. */
async function single(request: FetchRequest, gitdir: string, signal: AbortSignal, maxBytes: number): Promise<void> {
  const { url, commit, ref } = request;
  for (const wanted of [commit, ref]) {
    try {
      await fetchOne(request, gitdir, wanted, signal, maxBytes);
    } catch (error) {
      // No such ref. A commit that is not served is no error to isomorphic-git: it just does not come.
      if (!(error instanceof git.Errors.NotFoundError)) throw error;
    }
    if (await isThere(gitdir, commit)) return;
  }
  throw new GitError(
    `${url} has no commit ${commit} that it would serve, and ${ref} is elsewhere now: start the check again`,
  );
}

async function fetchOne(
  request: FetchRequest,
  gitdir: string,
  ref: string,
  signal: AbortSignal,
  maxBytes: number,
): Promise<void> {
  const { url, token } = request;
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const options: GitRequestOptions = {
    signal,
    fetch: request.fetch ?? fetch,
    maxBytes,
    tooLarge: `${url} is larger than ${maxBytes} bytes: too large to check`,
  };
  const http: git.HttpClient = {
    request: async (asked) => {
      const answer = await gitRequest(asked, options);
      return answer.body === undefined ? answer : { ...answer, body: telling(answer.body, reject) };
    },
  };
  const headers = token === null ? {} : { headers: { Authorization: basic(token) } };
  const one = { ref, remoteRef: ref, singleBranch: true, tags: false, depth: 1 };
  try {
    // Isomorphic-git may wait for ever for the rest of an answer that broke.
    await Promise.race([
      git.fetch({ fs: checkingPacks(maxBytes, options.tooLarge), http, gitdir, remote: REMOTE, ...one, ...headers }),
      broken,
    ]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Isomorphic-git unpacks a whole pack in memory as soon as it is written: what is too large must not get that far. */
function checkingPacks(maxBytes: number, tooLarge: string): git.PromiseFsClient {
  const writeFile = async (file: string, data: Buffer, options?: fs.WriteFileOptions): Promise<void> => {
    if (file.endsWith('.pack')) {
      try {
        checkPack(data, maxBytes);
      } catch (cause) {
        throw cause instanceof PackTooLarge ? new GitError(tooLarge, { cause }) : cause;
      }
    }
    await fs.promises.writeFile(file, data, options);
  };
  return { promises: { ...fs.promises, writeFile } };
}

async function* telling(
  body: AsyncIterableIterator<Uint8Array>,
  reject: (error: unknown) => void,
): AsyncIterableIterator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    reject(error);
    throw error;
  }
}

const isThere = (gitdir: string, oid: string): Promise<boolean> =>
  git.readCommit({ fs, gitdir, oid }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof git.Errors.NotFoundError) return false;
      throw error;
    },
  );
