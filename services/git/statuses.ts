import pRetry from 'p-retry';
import type { StatusRequest } from '#drift/statuses/request.ts';
import { type CommitStatuses, StatusRefused } from '../ports.ts';
import { type HostAnswer, hostRequest } from './host-request.ts';
import { isNetwork } from './http.ts';

const RETRIES = 2;
/** Of an answer: only what a refusal says is looked at. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_WORDS = 200;

/** The host did not take it now. */
class NotNow extends Error {
  override readonly name = 'NotNow';
}

export interface HttpsStatusesOptions {
  /** Of one attempt. @default 5 seconds */
  readonly timeLimitMs?: number;
  /** Before the second attempt; longer before the third. @default half a second */
  readonly pauseMs?: number;
  /** @default the global one */
  readonly fetch?: typeof fetch;
}

/** Tells a git host the status of a commit. It is never followed to another address: the request holds a credential. */
export class HttpsStatuses implements CommitStatuses {
  readonly #timeLimitMs: number;
  readonly #pauseMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: HttpsStatusesOptions = {}) {
    this.#timeLimitMs = options.timeLimitMs ?? 5000;
    this.#pauseMs = options.pauseMs ?? 500;
    this.#fetch = options.fetch ?? fetch;
  }

  async send(request: StatusRequest): Promise<void> {
    await pRetry(() => this.#once(request), {
      retries: RETRIES,
      minTimeout: this.#pauseMs,
      shouldRetry: ({ error }) => error instanceof NotNow,
    });
  }

  async #once(request: StatusRequest): Promise<void> {
    const { hostname } = new URL(request.url);
    let answer: HostAnswer;
    try {
      const signal = AbortSignal.timeout(this.#timeLimitMs);
      answer = await hostRequest(request, { signal, maxBytes: MAX_ANSWER_BYTES, fetch: this.#fetch });
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw new NotNow(`${hostname} did not answer within ${this.#timeLimitMs / 1000} seconds`);
      }
      if (!isNetwork(error)) throw error;
      throw new NotNow(`${hostname} could not be reached: ${error.cause instanceof Error ? error.cause.message : ''}`);
    }
    const words = wordsOf(answer.text ?? '', Object.values(request.headers));
    if (answer.ok || isSaidAlready(answer.status, words)) return;
    const said = `${hostname} answered ${answer.status}${words === '' ? '' : `: ${words}`}`;
    if (answer.status === 429 || answer.status >= 500 || isRateLimited(answer)) throw new NotNow(said);
    throw new StatusRefused(`${said}. ${remedy(answer.status)}`);
  }
}

/** GitLab refuses to make a status what it is. */
const isSaidAlready = (status: number, words: string): boolean =>
  status === 400 && words.startsWith('Cannot transition status');

/** GitHub answers 403 to too many (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). */
const isRateLimited = ({ status, headers }: HostAnswer): boolean =>
  status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0');

function remedy(status: number): string {
  if ([401, 403, 404].includes(status)) {
    return 'The token is wrong, has expired, or may not write commit statuses of this repository';
  }
  if (status >= 300 && status < 400) return "It has moved: write the new address into the source's url";
  return 'Statuses of this repository cannot be written';
}

/** What the host says of it, one line without what we sent to prove who we are. */
function wordsOf(text: string, secrets: readonly string[]): string {
  let said: unknown;
  try {
    said = (JSON.parse(text) as { readonly message?: unknown } | null)?.message;
  } catch {
    return '';
  }
  if (typeof said !== 'string') return '';
  const tokens = secrets.map((value) => value.replace(/^Bearer /, ''));
  return tokens
    .reduce((line, token) => line.replaceAll(token, '…'), said.replace(/[^\x20-\x7e]+/g, ' '))
    .slice(0, MAX_WORDS);
}
