import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { type Json, type JsonObject, parseJson } from '#drift/kubernetes/json.ts';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import { metadataOf, textsOf } from '#drift/kubernetes/objects.ts';
import { matchesSelector, parseSelector } from '#drift/kubernetes/selector.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { type ClusterConnection, connectionTo, fixedToken } from '#services/cluster/connection.ts';

/** A Kubernetes API that answers what a real one answered, and breaks as it is told. */
const FOLDER = path.resolve(import.meta.dirname, '../../../fixtures/kubernetes/cluster');
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
export const TOKEN = 'reader-token-5eb1';
export const NOBODY = 'nobody-token-77aa';

interface Recorded {
  readonly file: string;
  readonly path: string;
  readonly accept: string;
  readonly user: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly group: string;
}

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** How often this path was asked, from 1. */
  readonly time: number;
}

/** What happens instead of an answer; `answer` is what would have been said. */
export type Fault = (response: ServerResponse, answer: Answer, request: IncomingMessage) => void;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

const index = JSON.parse(readFileSync(path.join(FOLDER, 'index.json'), 'utf8')) as readonly Recorded[];
export const recordedBody = (file: string): Buffer => readFileSync(path.join(FOLDER, file));

export function recordedManifests(): readonly ManifestText[] {
  const folder = path.join(FOLDER, 'manifests');
  return readdirSync(folder)
    .sort()
    .map((file) => ({ file, text: readFileSync(path.join(folder, file), 'utf8') }));
}

/** Numbers keep their digits. */
export const stringify = (value: Json): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(item)) : item,
  );

const json = (status: number, value: Json, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: Buffer.from(stringify(value)),
});
const statusOf = (code: number, reason: string, message: string, details: JsonObject = {}): Answer =>
  json(code, {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
    message,
    reason,
    details,
    code,
  });

export class FakeApi {
  readonly requests: Asked[] = [];
  /** By the path of a resource, `/api/v1/configmaps`: what LIST and GET answer. */
  readonly objects = new Map<string, JsonObject[]>();
  /** Answers by `path accept`, in front of everything that is made from `objects`. */
  readonly fixed = new Map<string, Answer>();
  /** Null: nothing is broken. */
  fault: (asked: Asked) => Fault | null = () => null;
  /** What the reader may do. */
  allows: (verb: 'get' | 'list', resource: string, namespace: string | null, name: string | null) => boolean = () =>
    true;
  /** A moment of a list is forgotten after so many pages. */
  pagesKept = Number.POSITIVE_INFINITY;
  moment = 777;
  readonly #times = new Map<string, number>();
  #server: Server | null = null;
  #dir = '';
  ca = '';
  /** Shown by a client, it is the reader too. */
  certificate = { cert: '', key: '' };

  async start(): Promise<void> {
    this.#dir = mkdtempSync(path.join(tmpdir(), 'plumbline-api-'));
    const files = await makeCertificates(this.#dir);
    this.ca = readFileSync(files.ca, 'utf8');
    this.certificate = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
    const tls = { ...this.certificate, requestCert: true, rejectUnauthorized: false };
    this.#server = createServer(tls, (request, response) => this.#answer(request, response));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, '127.0.0.1', resolve);
    await promise;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Back to what was recorded. */
  reset(): void {
    this.requests.length = 0;
    this.#times.clear();
    this.objects.clear();
    this.fixed.clear();
    this.fault = () => null;
    this.allows = () => true;
    this.pagesKept = Number.POSITIVE_INFINITY;
    for (const entry of index) {
      if (entry.user !== 'reader' || entry.status !== 200) continue;
      const { status, headers, file } = entry;
      const answer = { status, headers, body: recordedBody(file) };
      if (['discovery', 'resource lists', 'openapi'].includes(entry.group)) {
        this.fixed.set(`${entry.path} ${entry.accept}`, answer);
      }
      if (entry.group !== 'lists') continue;
      const list = parseJson(answer.body.toString()) as JsonObject;
      this.objects.set(entry.path, [...(list['items'] as JsonObject[])]);
      // Byte for byte, as long as nothing is asked for but all of it.
      this.fixed.set(`${entry.path} ${entry.accept}`, answer);
    }
  }

  /** Other objects than those that were recorded: by their kinds, as the recorded server names them. */
  serve(objects: readonly JsonObject[], resourceOf: (object: JsonObject) => string): void {
    for (const [resource, of] of Map.groupBy(objects, resourceOf)) this.replace(resource, of);
  }

  replace(resource: string, objects: readonly JsonObject[]): void {
    this.fixed.delete(`${resource} application/json`);
    this.objects.set(resource, [...objects]);
  }

  get port(): number {
    const address = this.#server?.address() as AddressInfo | undefined;
    return address?.port ?? 0;
  }

  connection(token: string | null = TOKEN): ClusterConnection {
    const server = `https://localhost:${this.port}`;
    return connectionTo({ server, ca: this.ca, proof: fixedToken(token), origin: 'the test' });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const time = (this.#times.get(url) ?? 0) + 1;
    this.#times.set(url, time);
    const asked: Asked = { method, path: url, headers, time };
    this.requests.push(asked);
    const isShown = (request.socket as TLSSocket).getPeerCertificate().subject?.CN === 'localhost';
    const answer = this.#answerTo(url, isShown ? { ...headers, authorization: TOKEN } : headers);
    const fault = this.fault(asked);
    if (fault === null) send(response, answer, headers['accept-encoding'] === 'gzip');
    else fault(response, answer, request);
  }

  #answerTo(url: string, headers: IncomingMessage['headers']): Answer {
    const user = headers.authorization?.replace('Bearer ', '');
    if (user !== TOKEN && user !== NOBODY) return statusOf(401, 'Unauthorized', 'Unauthorized');
    const { pathname, searchParams } = new URL(url, 'https://x');
    const accept = headers.accept ?? '';
    const fixed = this.fixed.get(`${url.replace(/\?limit=\d+$/, '')} ${accept}`);
    const isList = this.objects.has(pathname);
    if (fixed !== undefined && !isList) {
      if (headers['if-none-match'] !== undefined && headers['if-none-match'] === fixed.headers['Etag']) {
        return { status: 304, headers: {}, body: Buffer.alloc(0) };
      }
      return fixed;
    }
    const parts = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/.exec(pathname);
    let [, root = '', namespace = null, resource = '', name = null] = parts ?? [];
    const own = /^\/api\/v1\/namespaces\/([^/]+)$/.exec(pathname);
    if (own !== null) [root, namespace, resource, name] = ['/api/v1', null, 'namespaces', own[1] ?? ''];
    const all = this.objects.get(`${root}/${resource}`);
    if (all === undefined) {
      return { status: 404, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from('404 page not found\n') };
    }
    const verb = name === null ? 'list' : 'get';
    if (user === NOBODY || !this.allows(verb, resource, namespace, name)) {
      const where = namespace === null ? 'at the cluster scope' : `in the namespace "${namespace}"`;
      const message = `${resource} is forbidden: User "system:serviceaccount:ops:reader" cannot ${verb} resource "${resource}" in API group "" ${where}`;
      return statusOf(403, 'Forbidden', message, { kind: resource });
    }
    const here = all.filter((item) => namespace === null || metadataOf(item)['namespace'] === namespace);
    if (name !== null) return this.#object(here, root, resource, name);
    if (fixed !== undefined) return fixed;
    return this.#list(here, root, searchParams, accept.includes('PartialObjectMetadataList'));
  }

  #object(here: readonly JsonObject[], root: string, resource: string, name: string): Answer {
    const found = here.find((item) => metadataOf(item)['name'] === name);
    if (found === undefined)
      return statusOf(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource });
    return json(200, { ...found, apiVersion: root.replace(/^\/apis?\//, '') });
  }

  #list(here: readonly JsonObject[], root: string, query: URLSearchParams, partial: boolean): Answer {
    const limit = Number(query.get('limit') ?? 0) || here.length;
    const label = query.get('labelSelector');
    const fitting =
      label === null
        ? here
        : here.filter((item) => matchesSelector(parseSelector(label), textsOf(metadataOf(item)['labels'])));
    const token = query.get('continue');
    const start = token === null ? 0 : Number(Buffer.from(token, 'base64url').toString());
    if (start / limit >= this.pagesKept) {
      const expired = index.find(({ status }) => status === 410);
      return { status: 410, headers: {}, body: recordedBody(expired?.file ?? '') };
    }
    const items = fitting.slice(start, start + limit);
    const rest = fitting.length - start - items.length;
    const next = rest > 0 ? { continue: Buffer.from(String(start + limit)).toString('base64url') } : {};
    const left = rest > 0 && label === null ? { remainingItemCount: rest } : {};
    const kind = partial ? 'PartialObjectMetadataList' : 'SomeList';
    return json(200, {
      kind,
      apiVersion: partial ? 'meta.k8s.io/v1' : root.replace(/^\/apis?\//, ''),
      metadata: { resourceVersion: String(this.moment), ...next, ...left },
      items: partial ? items.map(({ metadata }) => ({ ...PART, metadata: metadata ?? null })) : items,
    });
  }
}

const PART = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };

export function send(response: ServerResponse, { status, headers, body }: Answer, gzip = false): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (gzip) response.setHeader('Content-Encoding', 'gzip');
  response.end(gzip ? gzipSync(body) : body);
}

/** Everything that can go wrong between two machines. */
export const faults = {
  reset: (response) => response.socket?.destroy(),
  /** Dies in the middle of a body whose length it has told. */
  cut: (response, { body }) => {
    response.writeHead(200, { 'Content-Length': body.length });
    response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
  },
  /** The same with chunks: there is no length to miss. */
  cutChunks: (response, { body }) => {
    response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
  },
  cutGzip: (response, { body }) => {
    const packed = gzipSync(body);
    response.writeHead(200, { 'Content-Encoding': 'gzip' });
    response.end(packed.subarray(0, packed.length / 2));
  },
  /** A well-formed answer whose JSON ends too early. */
  cutJson: (response, { body }) => response.end(body.subarray(0, body.length / 2)),
  page: (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>please log in</html>'),
  silent: () => undefined,
  drip: (response) => {
    response.writeHead(200, { 'Content-Length': 1_000_000 });
    const timer = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(timer));
  },
  busy: (response) => {
    const { headers, file } = index.find(({ status }) => status === 429) ?? { headers: {}, file: '' };
    send(response, { status: 429, headers, body: recordedBody(file) });
  },
  broken: (response) => send(response, statusOf(500, 'InternalError', 'etcdserver: request timed out')),
  away: (response) =>
    send(response, { status: 503, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from('no') }),
} satisfies Readonly<Record<string, Fault>>;

export const status = (code: number, headers: Readonly<Record<string, string>> = {}): Fault => {
  return (response) => send(response, { ...statusOf(code, 'Some', 'some'), headers });
};
