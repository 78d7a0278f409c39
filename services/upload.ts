import { setTimeout as sleep } from 'node:timers/promises';

/** What was to be written was not; the message holds no part of the address. */
export class UploadFailed extends Error {
  override readonly name = 'UploadFailed';
}

export interface UploadOptions {
  /** @default the global one */
  readonly fetch?: typeof fetch;
  /** Of one attempt. @default 15 seconds */
  readonly timeLimitMs?: number;
  /** Before the second attempt; longer before each further one. @default half a second */
  readonly pauseMs?: number;
}

/** What may pass by itself: the network, S3's bad minute, another write under way. */
const ATTEMPTS = 3;

/**
 * Writes one object to a signed address that takes one only (`Uploads`).
 * @returns whether this wrote it; false: it was there already, as after an answer that got lost
 * @throws UploadFailed
 */
export async function uploadOnce(address: string, text: string, options: UploadOptions = {}): Promise<boolean> {
  const { pauseMs = 500 } = options;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await put(address, text, options);
    if (answer === 200) return true;
    if (answer === 412) return false;
    const passes = typeof answer === 'string' || answer === 409 || answer === 429 || answer >= 500;
    if (!passes || attempt === ATTEMPTS) {
      const why = answer === 403 ? '403: its time is over, or who signed it may not write there' : answer;
      throw new UploadFailed(`the report could not be handed over: the signed address answered ${why}`);
    }
    await sleep(pauseMs * attempt);
  }
}

/** The status, or the network's word for what went wrong. An error of `fetch` may hold the address: it is not passed on. */
async function put(address: string, text: string, options: UploadOptions): Promise<number | string> {
  try {
    const answer = await (options.fetch ?? fetch)(address, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'if-none-match': '*' },
      body: text,
      redirect: 'error',
      signal: AbortSignal.timeout(options.timeLimitMs ?? 15_000),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return 'not in time';
    const { code } = (
      error instanceof Error && error.cause instanceof Error ? error.cause : {}
    ) as NodeJS.ErrnoException;
    return `not at all (${code ?? 'unknown reason'})`;
  }
}
