/** One request to a git host's API. The headers may hold a credential. */
export interface HostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with POST; absent: GET. */
  readonly body?: string;
}

export interface HostRequestOptions {
  readonly signal: AbortSignal;
  /** Of the answer. */
  readonly maxBytes: number;
  readonly fetch: typeof fetch;
}

export interface HostAnswer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  /** Null: it was longer than was wanted. */
  readonly text: string | null;
}

/** Asks once, and is never followed to another address: the request may hold a credential. @throws what `fetch` throws */
export async function hostRequest(
  { url, headers, body }: HostRequest,
  options: HostRequestOptions,
): Promise<HostAnswer> {
  const { signal, maxBytes } = options;
  const sent = body === undefined ? { method: 'GET' } : { method: 'POST', body };
  const answer = await options.fetch(url, { ...sent, headers, redirect: 'manual', signal });
  const text = await bounded(answer, maxBytes);
  return { status: answer.status, ok: answer.ok, headers: answer.headers, text };
}

async function bounded(answer: Response, maxBytes: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
