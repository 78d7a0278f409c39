import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** A server of collections as Galaxy is one (its version 3), with small collections of our own. */
export interface GalaxyServer {
  readonly url: string;
  /** Paths and headers of all requests so far. */
  readonly seen: { readonly path: string; readonly authorization: string | undefined }[];
  stop(): Promise<void>;
}

export interface Served {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

export async function startGalaxy(
  collections: readonly Served[],
  tls: { readonly cert: string; readonly key: string },
): Promise<GalaxyServer> {
  const archives = await Promise.all(collections.map(async (served) => ({ served, bytes: await archiveOf(served) })));
  const seen: { path: string; authorization: string | undefined }[] = [];
  const server: Server = createServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) });
  const listening = new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  await listening;
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    seen.push({ path, authorization: request.headers.authorization });
    if (path === '/hang') return;
    const file = archives.find(({ served }) => path === `/${fileName(served)}`);
    if (file !== undefined) {
      response.writeHead(200, { 'content-type': 'application/gzip' }).end(file.bytes);
      return;
    }
    const answer = answerTo(path, archives, url);
    response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { errors: [{ title: 'Not found.' }] }));
  });
  return {
    url,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const fileName = ({ name, version }: Served): string => `${name.replace('.', '-')}-${version}.tar.gz`;

function answerTo(
  path: string,
  archives: readonly { readonly served: Served; readonly bytes: Buffer }[],
  url: string,
): unknown {
  if (path === '/api' || path === '/api/') return { available_versions: { v3: 'v3/' }, description: 'test' };
  const [, namespace, name, version] =
    /^\/api\/v3\/(?:plugin\/ansible\/content\/published\/collections\/index|collections)\/(\w+)\/(\w+)\/(?:versions\/(?:([\d.]+)\/)?)?$/.exec(
      path,
    ) ?? [];
  const ours = archives.filter(({ served }) => served.name === `${namespace}.${name}`);
  if (ours.length === 0) return null;
  if (version === undefined && path.endsWith('/versions/')) {
    const data = ours.map(({ served }) => ({ version: served.version, href: `${path}${served.version}/` }));
    return { meta: { count: data.length }, links: { next: null }, data };
  }
  const found = ours.find(({ served }) => served.version === version);
  if (found === undefined) return null;
  return {
    ...{ version, namespace: { name: namespace }, collection: { name }, name },
    href: path,
    download_url: `${url}/${fileName(found.served)}`,
    artifact: { filename: fileName(found.served), sha256: sha256(found.bytes), size: found.bytes.length },
    metadata: { dependencies: found.served.dependencies ?? {} },
    signatures: [],
  };
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** What `ansible-galaxy collection build` makes. */
async function archiveOf({ name, version, dependencies = {}, files = {} }: Served): Promise<Buffer> {
  const [namespace, last] = name.split('.');
  const own = { 'README.md': `# ${name}\n`, ...files };
  const listed = [
    { name: '.', ftype: 'dir', chksum_type: null, chksum_sha256: null, format: 1 },
    ...Object.entries(own).map(([file, text]) => {
      return { name: file, ftype: 'file', chksum_type: 'sha256', chksum_sha256: sha256(text), format: 1 };
    }),
  ];
  const filesText = JSON.stringify({ files: listed, format: 1 });
  const manifest = JSON.stringify({
    collection_info: {
      ...{ namespace, name: last, version, authors: ['us'], readme: 'README.md', tags: [], description: '' },
      ...{ license: ['Apache-2.0'], license_file: null, dependencies, repository: null },
      ...{ documentation: null, homepage: null, issues: null },
    },
    file_manifest_file: {
      ...{ name: 'FILES.json', ftype: 'file', chksum_type: 'sha256', chksum_sha256: sha256(filesText), format: 1 },
    },
    format: 1,
  });
  const tar = pack();
  for (const [file, text] of Object.entries({ 'MANIFEST.json': manifest, 'FILES.json': filesText, ...own })) {
    tar.entry({ name: file, mode: 0o644 }, text);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
