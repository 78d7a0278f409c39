import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Agent, request as send } from 'node:https';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** How long, and how much, one answer may be. */
export interface AnswerLimits {
  /** Until there is a connection, TLS included: an endpoint that is private to another network never gives one. */
  readonly connectMs: number;
  /** Nothing was heard for so long. */
  readonly silentMs: number;
  /** From the first byte sent to the last one heard. */
  readonly totalMs: number;
  /** Of the body, unpacked. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Whole: a body that was cut is an error. */
  readonly body: string;
}

/** There was no whole answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** `too large` and `untrusted` are the same the next time. */
  readonly kind: 'broken' | 'too large' | 'untrusted';
  constructor(kind: NoAnswer['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface GetRequest {
  readonly url: string;
  readonly agent: Agent;
  /** Several values are several headers. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  readonly limits: AnswerLimits;
}

/** One GET. Redirects are not followed. @throws NoAnswer; or the reason of `signal` */
export const httpGet = (request: GetRequest): Promise<HttpAnswer> => exchange(request, 'GET', null);

/** One POST of JSON, for questions that have a body. @throws as `httpGet` */
export const httpPost = (request: GetRequest, body: string): Promise<HttpAnswer> => exchange(request, 'POST', body);

async function exchange(
  { url, agent, headers, signal, limits }: GetRequest,
  method: 'GET' | 'POST',
  body: string | null,
): Promise<HttpAnswer> {
  const total = AbortSignal.timeout(limits.totalMs);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = send(url, {
    ...{ method, agent, signal: AbortSignal.any([signal, total]) },
    headers: {
      ...{ 'Accept-Encoding': 'gzip', 'User-Agent': 'plumbline' },
      ...(body === null
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
      ...(headers as Record<string, string | string[]>),
    },
  });
  request.setTimeout(limits.silentMs, () => {
    request.destroy(new NoAnswer('broken', `said nothing for ${limits.silentMs / 1000} seconds`));
  });
  request.once('socket', (socket) => limitConnecting(request, socket, limits.connectMs));
  request.once('response', resolve);
  request.on('error', reject);
  request.end(body ?? undefined);
  let response: IncomingMessage | null = null;
  try {
    response = await promise;
    const text = await bodyOf(response, limits.maxBytes);
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  } catch (error) {
    signal.throwIfAborted();
    if (total.aborted) throw new NoAnswer('broken', `did not answer within ${limits.totalMs / 1000} seconds`);
    throw explained(error);
  } finally {
    // What was given up half-way must not be used again.
    if (response?.complete !== true) request.destroy();
  }
}

function limitConnecting(request: ClientRequest, socket: Socket, connectMs: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    request.destroy(new NoAnswer('broken', `did not take the connection within ${connectMs / 1000} seconds`));
  }, connectMs);
  for (const event of ['secureConnect', 'close']) socket.once(event, () => clearTimeout(timer));
}

/** Packed JSON becomes about so much larger: what is unpacked in one piece need not be put together. */
const UNPACKED = 12;
const [MIN_PIECE, MAX_PIECE] = [16 * 1024, 1024 * 1024];

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // What ends too early throws.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  // Nothing is packed in the answer that nothing has changed, whatever its header says.
  if (response.headers['content-encoding'] !== 'gzip' || response.statusCode === 304) return body.toString('utf8');
  const chunkSize = Math.min(MAX_PIECE, Math.max(MIN_PIECE, bytes * UNPACKED));
  try {
    // A page takes a few milliseconds: to give it to another thread takes longer.
    return gunzipSync(body, { maxOutputLength: maxBytes, chunkSize }).toString('utf8');
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(maxBytes) : error;
  }
}

const tooLarge = (maxBytes: number): NoAnswer => new NoAnswer('too large', `answered with more than ${maxBytes} bytes`);

/** OpenSSL's and Node's words for a certificate that must not be believed. */
const UNTRUSTED = /^(ERR_TLS_CERT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

function explained(error: unknown): unknown {
  if (error instanceof NoAnswer || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (UNTRUSTED.test(code)) return new NoAnswer('untrusted', code);
  return new NoAnswer('broken', REASONS[code] ?? `broke off (${code})`);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'broke the connection off',
  ENOTFOUND: 'has an address that no name server knows',
  ETIMEDOUT: 'did not answer the connection',
  EPROTO: 'does not speak TLS',
  Z_BUF_ERROR: 'broke off in the middle of its answer',
  ERR_STREAM_PREMATURE_CLOSE: 'broke off in the middle of its answer',
};
