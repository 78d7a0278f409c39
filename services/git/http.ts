import { Errors, type GitHttpRequest, type GitHttpResponse } from 'isomorphic-git';
import { GitError } from '../ports.ts';

const MAX_REDIRECTS = 3;

/** Any user name will do: GitHub, GitLab and Bitbucket look at the password only when it is a token. */
export const basic = (token: string): string =>
  `Basic ${Buffer.from(`x-access-token:${token.trim()}`).toString('base64')}`;

export interface GitRequestOptions {
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Of one answer. */
  readonly maxBytes: number;
  /** What an answer that is larger is told as. */
  readonly tooLarge: string;
}

/** Git's requests over `fetch`: bounded in time and size, redirected within the same host only. */
export async function gitRequest(git: GitHttpRequest, options: GitRequestOptions): Promise<GitHttpResponse> {
  const body = git.body === undefined ? null : await collect(git.body);
  let url = git.url;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await options.fetch(url, {
      method: git.method ?? 'GET',
      headers: git.headers ?? {},
      body,
      redirect: 'manual',
      signal: options.signal,
    });
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || location === null) return toGit(answer, url, options);
    const next = new URL(location, url);
    if (redirects >= MAX_REDIRECTS) throw new GitError(`${git.url} redirects more than ${MAX_REDIRECTS} times`);
    if (next.origin !== new URL(url).origin) {
      throw new GitError(`${git.url} has moved to ${next.origin}: write the new address into the source's url`);
    }
    await answer.body?.cancel();
    url = next.href;
  }
}

function toGit(answer: Response, url: string, options: GitRequestOptions): GitHttpResponse {
  return {
    url,
    statusCode: answer.status,
    statusMessage: answer.statusText,
    headers: Object.fromEntries(answer.headers),
    body: bounded(answer, options),
  };
}

async function* bounded(answer: Response, options: GitRequestOptions): AsyncIterableIterator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > options.maxBytes) throw new GitError(options.tooLarge);
    yield chunk;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** How `fetch` says that the connection failed or broke; other TypeErrors are mistakes of ours. */
export function isNetwork(error: unknown): error is TypeError {
  return error instanceof TypeError && ['fetch failed', 'terminated'].includes(error.message);
}

/** One sentence a person can act on; never the credential, which no part of an error holds. */
export function explain(error: unknown, name: string, token: string | null, limit: number): unknown {
  if (error instanceof GitError) return error;
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
