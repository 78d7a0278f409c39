import { setTimeout as sleep } from 'node:timers/promises';
import { Errors, type GitHttpRequest, type GitHttpResponse, listServerRefs, type ServerRef } from 'isomorphic-git';
import type { Source } from '#drift/target.ts';
import { GitError, type GitRemote } from './ports.ts';

/** All requests of one question together. */
const TIME_LIMIT_MS = 20_000;
/** A server that does not filter references sends all of them; ten thousand take about a megabyte. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 3;
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

/** Asks a git host over HTTPS where a ref is, without a clone. The token goes as basic authentication. */
export class HttpsGit implements GitRemote {
  readonly #timeLimitMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: HttpsGitOptions = {}) {
    this.#timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
    this.#fetch = options.fetch ?? fetch;
  }

  async head(source: Source, token: string | null): Promise<string> {
    if (!source.url.startsWith('https://')) throw new GitError(`${source.url}: only https:// addresses are read`);
    const signal = AbortSignal.timeout(this.#timeLimitMs);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#resolve(source, token, signal);
      } catch (error) {
        if (attempt < ATTEMPTS && isPassing(error) && !signal.aborted) await sleep(PAUSE_MS * attempt);
        else throw explain(error, source, token, this.#timeLimitMs);
      }
    }
  }

  async #resolve(source: Source, token: string | null, signal: AbortSignal): Promise<string> {
    const wanted = source.ref.startsWith('refs/')
      ? [source.ref]
      : [`refs/heads/${source.ref}`, `refs/tags/${source.ref}`];
    for (const ref of wanted) {
      const refs = await listServerRefs({
        http: { request: (request) => gitRequest(request, signal, this.#fetch) },
        url: source.url,
        prefix: ref,
        peelTags: true,
        ...(token === null ? {} : { headers: { Authorization: basic(token) } }),
      });
      const commit = commitAt(refs, ref);
      if (commit !== null) return commit;
    }
    throw new GitError(`${source.url} has no branch or tag ${source.ref}: mend the source's ref, or push it`);
  }
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

/** Any user name will do: GitHub, GitLab and Bitbucket look at the password only when it is a token. */
const basic = (token: string): string => `Basic ${Buffer.from(`x-access-token:${token.trim()}`).toString('base64')}`;

/** Git's requests over `fetch`: bounded in time and size, redirected within the same host only. */
async function gitRequest(git: GitHttpRequest, signal: AbortSignal, get: typeof fetch): Promise<GitHttpResponse> {
  const body = git.body === undefined ? null : await collect(git.body);
  let url = git.url;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await get(url, {
      method: git.method ?? 'GET',
      headers: git.headers ?? {},
      body,
      redirect: 'manual',
      signal,
    });
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || location === null) return toGit(answer, url);
    const next = new URL(location, url);
    if (redirects >= MAX_REDIRECTS) throw new GitError(`${git.url} redirects more than ${MAX_REDIRECTS} times`);
    if (next.origin !== new URL(url).origin) {
      throw new GitError(`${git.url} has moved to ${next.origin}: write the new address into the source's url`);
    }
    await answer.body?.cancel();
    url = next.href;
  }
}

function toGit(answer: Response, url: string): GitHttpResponse {
  return {
    url,
    statusCode: answer.status,
    statusMessage: answer.statusText,
    headers: Object.fromEntries(answer.headers),
    body: bounded(answer),
  };
}

async function* bounded(answer: Response): AsyncIterableIterator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new GitError(`the git host answered with more than ${MAX_ANSWER_BYTES} bytes`);
    yield chunk;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

function isPassing(error: unknown): boolean {
  if (error instanceof Errors.HttpError) return error.data.statusCode === 429 || error.data.statusCode >= 500;
  return isNetwork(error);
}

/** How `fetch` says that the connection failed or broke; other TypeErrors are mistakes of ours. */
function isNetwork(error: unknown): error is TypeError {
  return error instanceof TypeError && ['fetch failed', 'terminated'].includes(error.message);
}

/** One sentence a person can act on; never the credential, which no part of an error holds. */
function explain(error: unknown, source: Source, token: string | null, limit: number): unknown {
  if (error instanceof GitError) return error;
  const name = source.url;
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return new GitError(`${name} did not answer within ${limit / 1000} seconds`, { cause: error });
  }
  if (error instanceof Errors.HttpError)
    return new GitError(refused(error.data.statusCode, name, token), { cause: error });
  if (error instanceof Errors.SmartHttpError || error instanceof Errors.ParseError) {
    return new GitError(`${name} does not answer as a git repository: is the address right?`, { cause: error });
  }
  if (isNetwork(error)) {
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    return new GitError(`${name} could not be reached: ${cause}`, { cause: error });
  }
  return error;
}

function refused(status: number, name: string, token: string | null): string {
  if ([203, 401, 403].includes(status)) {
    return token === null
      ? `${name} wants a credential (${status}): give the source a token`
      : `${name} refused the source's token (${status}): it is wrong, has expired, or may not read this repository`;
  }
  // Git hosts hide private repositories behind a 404.
  if (status === 404) {
    const remedy = token === null ? 'or the source needs a token' : "or the source's token may not read it";
    return `${name} was not found (404): the address is wrong, ${remedy}`;
  }
  return `${name} answered with status ${status}`;
}
