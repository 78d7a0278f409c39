import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseJson } from '#drift/kubernetes/json.ts';
import { makeCertificates } from '#sandbox/tls.ts';

/**
 * `node server.ts OBJECTS`: a Kubernetes API that only lists, as fast as it can, so that what is measured is who asks:
 * every page is packed before the first request. Discovery is the recorded one. Prints one line of JSON when it is ready;
 * `GET /count` tells how many requests there were since the last time.
 */
const RECORDED = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cluster');
const PAGE = 500;

interface Answer {
  readonly body: Buffer;
  readonly type: string;
}

interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
}

const answers = new Map<string, Answer>();
/** Of every object once, unpacked. */
let bytes = 0;

function recorded(): readonly { readonly apiVersion: string; readonly kind: string; readonly resource: string }[] {
  const index: readonly Record<string, unknown>[] = JSON.parse(readFileSync(path.join(RECORDED, 'index.json'), 'utf8'));
  const kinds: { apiVersion: string; kind: string; resource: string }[] = [];
  for (const entry of index) {
    const {
      file,
      path: at,
      accept,
      status,
      user,
      headers,
    } = entry as Record<string, string> & { headers: Record<string, string> };
    if (Number(status) !== 200 || user !== 'reader') continue;
    const known = ['/version', '/api', '/apis'].includes(String(at)) || String(at).startsWith('/openapi/v3');
    if (!known) continue;
    const body = readFileSync(path.join(RECORDED, String(file)));
    const isAggregated = String(accept).includes('APIGroupDiscoveryList');
    answers.set(`${isAggregated ? 'aggregated ' : ''}${at}`, {
      body: gzipSync(body),
      type: headers?.['Content-Type'] ?? '',
    });
    if (!isAggregated) continue;
    for (const group of JSON.parse(body.toString('utf8')).items) {
      const name: string = group.metadata.name ?? '';
      for (const version of group.versions) {
        for (const { resource, responseKind } of version.resources) {
          const apiVersion = name === '' ? version.version : `${name}/${version.version}`;
          kinds.push({ apiVersion, kind: responseKind.kind, resource });
        }
      }
    }
  }
  return kinds;
}

/** Pages as a real server makes them: items of built-in kinds have neither apiVersion nor kind. */
function addLists(file: string): void {
  const objects = parseJson(readFileSync(file, 'utf8')) as unknown as readonly Item[];
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? Number(item) : item));
  const byKind = Map.groupBy(objects, ({ apiVersion, kind }) => `${apiVersion} ${kind}`);
  for (const { apiVersion, kind, resource } of recorded()) {
    const root = `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}`;
    const own = byKind.get(`${apiVersion} ${kind}`) ?? [];
    const places: readonly (readonly [string, readonly Item[]])[] = [
      [`${root}/${resource}`, own],
      ...[...Map.groupBy(own, ({ metadata }) => metadata.namespace ?? '')].map(
        ([namespace, items]) => [`${root}/namespaces/${namespace}/${resource}`, items] as const,
      ),
    ];
    for (const [place, items] of places) {
      for (let start = 0; start === 0 || start < items.length; start += PAGE) {
        const rest = items.length - start - PAGE;
        const metadata = {
          resourceVersion: '4711',
          ...(rest > 0 ? { continue: `from-${start + PAGE}`, remainingItemCount: rest } : {}),
        };
        const page = items.slice(start, start + PAGE).map(({ apiVersion: _version, kind: _kind, ...item }) => item);
        const json = text({ kind: `${kind}List`, apiVersion, metadata, items: page });
        if (place === places[0]?.[0]) bytes += Buffer.byteLength(json);
        const body = gzipSync(json);
        answers.set(start === 0 ? place : `${place} from-${start}`, { body, type: 'application/json' });
      }
    }
  }
}

addLists(process.argv[2] ?? '');
const { ca, cert, key } = await makeCertificates(mkdtempSync(path.join(tmpdir(), 'plumbline-bench-tls-')));
let count = 0;
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  const url = new URL(request.url ?? '', 'https://localhost');
  if (url.pathname === '/count') {
    response.end(String(count));
    count = 0;
    return;
  }
  count += 1;
  const next = url.searchParams.get('continue');
  const isAggregated = request.headers.accept?.includes('APIGroupDiscoveryList') === true;
  const place = `${url.pathname}${next === null ? '' : ` ${next}`}`;
  const answer = (isAggregated ? answers.get(`aggregated ${place}`) : undefined) ?? answers.get(place);
  if (answer === undefined) {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found');
    return;
  }
  response.writeHead(200, { 'Content-Type': answer.type, 'Content-Encoding': 'gzip' }).end(answer.body);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ server: `https://127.0.0.1:${port}`, ca, bytes: (bytes / 1e6).toFixed(1) }));
});
