import { setTimeout as sleep } from 'node:timers/promises';
import { Errors, listServerRefs, type ServerRef } from 'isomorphic-git';
import type { Source } from '#drift/target.ts';
import { basic, explain, type GitRequestOptions, gitRequest, isNetwork } from './git/http.ts';
import { GitError, type GitRemote } from './ports.ts';

/** All requests of one question together. */
const TIME_LIMIT_MS = 20_000;
/** A server that does not filter references sends all of them; ten thousand take about a megabyte. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** What may pass by itself: the network, or a server's bad minute. */
const ATTEMPTS = 3;
const PAUSE_MS = 500;

const COMMIT = /^[0-9a-f]{40}$/;

export interface HttpsGitOptions {
  /** @default 20 seconds */
  readonly timeLimitMs?: number;
  /** @default the global one */
  readonly fetch?: typeof fetch;
}

/** Asks a git host over HTTPS where refs are, without a clone. The token goes as basic authentication. */
export class HttpsGit implements GitRemote {
  readonly #timeLimitMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: HttpsGitOptions = {}) {
    this.#timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
    this.#fetch = options.fetch ?? fetch;
  }

  head(source: Source, token: string | null): Promise<string> {
    return this.#ask(source, token, (options) => resolveRef(source, token, options));
  }

  isHead(source: Source, commit: string, token: string | null): Promise<boolean> {
    return this.#ask(source, token, async (options) => {
      for (const prefix of ['refs/heads/', 'refs/tags/']) {
        const refs = await listRefs(source, prefix, token, options);
        if (refs.some(({ oid, peeled }) => oid === commit || peeled === commit)) return true;
      }
      return false;
    });
  }

  async #ask<T>(source: Source, token: string | null, act: (options: GitRequestOptions) => Promise<T>): Promise<T> {
    if (!source.url.startsWith('https://')) throw new GitError(`${source.url}: only https:// addresses are read`);
    const signal = AbortSignal.timeout(this.#timeLimitMs);
    const tooLarge = `the git host answered with more than ${MAX_ANSWER_BYTES} bytes`;
    const options = { signal, fetch: this.#fetch, maxBytes: MAX_ANSWER_BYTES, tooLarge };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act(options);
      } catch (error) {
        if (attempt < ATTEMPTS && isPassing(error) && !signal.aborted) await sleep(PAUSE_MS * attempt);
        else throw explain(error, source.url, token, this.#timeLimitMs);
      }
    }
  }
}

async function resolveRef(source: Source, token: string | null, options: GitRequestOptions): Promise<string> {
  const wanted = source.ref.startsWith('refs/')
    ? [source.ref]
    : [`refs/heads/${source.ref}`, `refs/tags/${source.ref}`];
  for (const ref of wanted) {
    const commit = commitAt(await listRefs(source, ref, token, options), ref);
    if (commit !== null) return commit;
  }
  throw new GitError(`${source.url} has no branch or tag ${source.ref}: mend the source's ref, or push it`);
}

function listRefs(
  { url }: Source,
  prefix: string,
  token: string | null,
  options: GitRequestOptions,
): Promise<readonly ServerRef[]> {
  return listServerRefs({
    http: { request: (request) => gitRequest(request, options) },
    url,
    prefix,
    peelTags: true,
    ...(token === null ? {} : { headers: { Authorization: basic(token) } }),
  });
}

/** An annotated tag is an object of its own: what it points to is the commit. */
function commitAt(refs: readonly ServerRef[], ref: string): string | null {
  const peeledByName = refs.find((candidate) => candidate.ref === `${ref}^{}`)?.oid;
  const found = refs.find((candidate) => candidate.ref === ref);
  const commit = found?.peeled ?? peeledByName ?? found?.oid;
  if (commit === undefined) return null;
  if (!COMMIT.test(commit)) throw new GitError(`${ref} is at ${commit.slice(0, 80)}, which is no SHA-1 commit id`);
  return commit;
}

function isPassing(error: unknown): boolean {
  if (error instanceof Errors.HttpError) return error.data.statusCode === 429 || error.data.statusCode >= 500;
  return isNetwork(error);
}
