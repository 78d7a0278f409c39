import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Certificates } from '#sandbox/tls.ts';

/** What came to a link. */
export interface Put {
  readonly path: string;
  readonly ifNoneMatch: string | undefined;
  readonly body: Buffer;
}
/** `drop`: stores it, and breaks the connection instead of answering. */
type Fault = number | 'drop';

/** Signed links as S3 answers them: one bundle, and objects that are written once. */
export class Store {
  readonly certificates: Certificates;
  readonly puts: Put[] = [];
  readonly objects = new Map<string, Buffer>();
  /** Of the next requests, in this order; `GET` or `PUT`. */
  readonly faults: { readonly GET: Fault[]; readonly PUT: Fault[] } = { GET: [], PUT: [] };
  requests = 0;
  #bundle: Buffer | { readonly megabytes: number } = Buffer.alloc(0);
  readonly #server: Server;

  private constructor(server: Server, certificates: Certificates) {
    this.#server = server;
    this.certificates = certificates;
  }

  static async start(certificates: Certificates): Promise<Store> {
    const server = createServer({ cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) });
    const store = new Store(server, certificates);
    server.on('request', (request, response) => void store.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  link(path: string): string {
    return `https://localhost:${this.port}/${path}?X-Amz-Expires=60&X-Amz-Signature=abc%2Fdef`;
  }

  reset(bundle: Buffer | { readonly megabytes: number }): void {
    this.#bundle = bundle;
    this.puts.length = 0;
    this.faults.GET.length = 0;
    this.faults.PUT.length = 0;
    this.objects.clear();
    this.requests = 0;
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const isPut = request.method === 'PUT';
    const fault = this.faults[isPut ? 'PUT' : 'GET'].shift();
    const [path = ''] = (request.url ?? '').split('?');
    if (!isPut && fault === undefined) return this.#give(response);
    const body = await buffer(request);
    if (isPut) this.puts.push({ path, ifNoneMatch: request.headers['if-none-match'], body });
    const isTaken = this.objects.has(path);
    if (isPut && !isTaken && (fault === undefined || fault === 'drop')) this.objects.set(path, body);
    if (fault === 'drop') request.socket.destroy();
    else response.writeHead(fault ?? (isTaken ? 412 : 200)).end();
  }

  #give(response: ServerResponse): void {
    if (Buffer.isBuffer(this.#bundle)) {
      response.end(this.#bundle);
      return;
    }
    const part = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < this.#bundle.megabytes; sent += 1) response.write(part);
    response.end();
  }
}

/** A proxy for HTTPS that notes where it was asked to go. */
export class ConnectProxy {
  readonly asked: string[] = [];
  readonly #server: TcpServer;

  private constructor(server: TcpServer) {
    this.#server = server;
  }

  static async start(): Promise<ConnectProxy> {
    const server = createTcpServer();
    const proxy = new ConnectProxy(server);
    server.on('connection', (client) => {
      client.on('error', () => client.destroy());
      client.once('data', (head) => {
        const [, host = '', port = ''] = /^CONNECT ([^:]+):(\d+) /.exec(head.toString('latin1')) ?? [];
        proxy.asked.push(host);
        const there = connect(Number(port), '127.0.0.1', () => {
          client.write('HTTP/1.1 200 Connection established\r\n\r\n');
          client.pipe(there).pipe(client);
        });
        there.on('error', () => client.destroy());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
  }
}
