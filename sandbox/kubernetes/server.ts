import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Answer, Api, json } from './api.ts';
import { type Account, ANONYMOUS, eksUser, impersonated, Tokens } from './authenticate.ts';
import { Faults } from './faults.ts';
import { fromProtobuf, PROTOBUF } from './protobuf.ts';
import { isAllowed, refusalText, type User } from './rbac.ts';
import { type Asked, askedOf, attemptOf, isWatch } from './requests.ts';
import { forbidden, Refused } from './status.ts';
import { watch } from './watch.ts';

export interface ServerOptions {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  readonly account: Account | null;
}

const LARGEST_BODY = 3 * 1024 * 1024;
/** The server does not compress less. */
const COMPRESSED_FROM = 128 * 1024;

/** A Kubernetes API over TLS on this machine. */
export class ApiServer {
  readonly api = new Api();
  readonly tokens = new Tokens();
  readonly faults = new Faults();
  readonly #options: ServerOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** Starts it; a second time on the port that it had. */
  async start(): Promise<void> {
    if (this.#server !== null) return;
    const { cert, key } = this.#options;
    const server = createServer({ cert, key }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
    this.#server = server;
  }

  /** Takes it off the net; what it holds stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.faults.take(request.method ?? 'GET', request.url ?? '/');
    const asked = askedOf(request.method ?? 'GET', request.url ?? '/');
    const body = await bodyOf(request);
    if (fault?.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delay));
    const answer = fault?.answer ?? (await this.#answer(request, response, asked, body));
    if (answer !== null) send(request, response, answer, fault?.isCut === true);
  }

  /** Null when the answer is a stream that was begun. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked,
    body: Buffer | null,
  ): Promise<Answer | null> {
    try {
      const sender = await this.#user(request.headers.authorization ?? '');
      if (sender === null) throw new Refused(401, 'Unauthorized', 'Unauthorized');
      const user = impersonated(sender, request.headersDistinct, this.api.store);
      this.#authorise(user, asked);
      if (body === null)
        throw new Refused(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${LARGEST_BODY}`, {});
      if (asked.target !== null && asked.method === 'GET' && isWatch(asked) && asked.target.name === '') {
        const resource = this.api.served(asked.target);
        if (resource !== null) return watch(this.api.store, resource, asked, request.headers.accept ?? '', response);
      }
      return this.api.answer({
        asked,
        user,
        accept: request.headers.accept ?? '',
        contentType: request.headers['content-type'] ?? '',
        userAgent: request.headers['user-agent'] ?? '',
        body: textOf(body, request.headers['content-type'] ?? ''),
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return json(error.code, error.body, error.code === 403 ? { 'X-Content-Type-Options': 'nosniff' } : {});
    }
  }

  async #user(authorization: string): Promise<User | null> {
    if (authorization === '') return ANONYMOUS;
    const token = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) return ANONYMOUS;
    const known = this.tokens.find(token);
    if (known !== null || this.#options.account === null) return known;
    return eksUser(token, this.#options.name, this.#options.account);
  }

  #authorise(user: User, asked: Asked): void {
    const attempt = attemptOf(asked);
    if (isAllowed(this.api.store, user, attempt)) return;
    const why = refusalText(user, attempt);
    if ('path' in attempt) throw new Refused(403, 'Forbidden', `forbidden: ${why}`, {});
    const { group, resource: plural } = attempt;
    const resource = {
      group,
      plural,
      kind: plural,
      version: '',
      singular: '',
      namespaced: true,
      verbs: [],
      subresources: [],
      custom: null,
    };
    throw forbidden(resource, attempt.name, why);
  }
}

/** Null when it is larger than the server takes. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size <= LARGEST_BODY) parts.push(part as Buffer);
  }
  return size > LARGEST_BODY ? null : Buffer.concat(parts);
}

const textOf = (body: Buffer, kind: string): string =>
  kind.startsWith(PROTOBUF) ? JSON.stringify(fromProtobuf(body)) : body.toString('utf8');

function send(request: IncomingMessage, response: ServerResponse, answer: Answer, isCut: boolean): void {
  const plain = typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : answer.body;
  const wantsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const isCompressed = wantsGzip && plain.length >= COMPRESSED_FROM;
  const body = isCompressed ? gzipSync(plain, { level: 1 }) : plain;
  response.writeHead(answer.code, {
    'Audit-Id': randomUUID(),
    'Cache-Control': 'no-cache, private',
    ...(answer.headers as Record<string, string | string[]>),
    ...(isCompressed ? { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' } : {}),
    'Content-Length': body.length,
  });
  if (!isCut) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
}
