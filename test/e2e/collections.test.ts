import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CollectionsWorld } from '#checks/nodes/bounded.ts';
import { installCollections } from '#checks/nodes/collections.ts';
import { isVendored, type Vendored, wantedCollections } from '#checks/nodes/requirements.ts';
import { NotReady } from '#checks/not-ready.ts';
import { makeScratch, type Scratch } from '#checks/scratch.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { type GalaxyServer, startGalaxy } from './galaxy-server.ts';
import { startGitHost } from './git-host.ts';

const isRoot = process.getuid?.() === 0;
const VENDORED: Vendored = { collections: ['ansible/collections', 'shared'], roles: ['ansible/roles'] };
let folder: string;
let ca: string;
let galaxy: GalaxyServer;
let root: string;
let scratch: Scratch;
let said: string[];

beforeAll(async () => {
  // Another user reads the certificate and runs what is installed.
  folder = mkdtempSync('/tmp/plumbline-collections-');
  chmodSync(folder, 0o755);
  const tls = await makeCertificates(folder);
  ca = tls.ca;
  const module = { 'plugins/modules/tool.py': '#!/usr/bin/python\n' };
  galaxy = await startGalaxy(
    [
      { name: 'acme.tools', version: '1.0.0' },
      { name: 'acme.tools', version: '1.2.0', files: module },
      { name: 'acme.needy', version: '2.0.0', dependencies: { 'acme.tools': '>=1.0.0', 'acme.other': '*' } },
      { name: 'acme.other', version: '0.1.0' },
      { name: 'acme.huge', version: '1.0.0', files: { 'files/zeros': '0'.repeat(300 * 1024 * 1024) } },
    ],
    tls,
  );
});
afterAll(async () => {
  await galaxy.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  root = mkdtempSync(path.join(folder, 'repository-'));
  scratch = await makeScratch(isRoot ? { uid: 65534, gid: 65534 } : undefined);
  said = [];
});
afterEach(() => scratch.remove());

const write = (files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
};
const requirements = (collections: readonly unknown[]): string => JSON.stringify({ collections });
const wanted = () => wantedCollections(root, ['ansible'], VENDORED);
const world = (over: Partial<CollectionsWorld> = {}): CollectionsWorld => ({
  env: { ...process.env, AWS_SECRET_ACCESS_KEY: 'build-secret', ANSIBLE_GALAXY_TOKEN: 'x' },
  ansibleCache: path.join(folder, 'cache'),
  scratch,
  ...(isRoot ? { user: { uid: 65534, gid: 65534 } } : {}),
  signal: new AbortController().signal,
  say: (line) => said.push(line),
  left: () => 200_000,
  ...over,
});
/** With the server's own authority instead of the system's, for everything but PyPI. */
const install = async (over: Partial<CollectionsWorld> = {}): Promise<string> => {
  const trusting = {
    ...world(over),
    env: { ...world().env, SSL_CERT_FILE: ca, PIP_CERT: process.env['SSL_CERT_FILE'] },
  };
  return installCollections(await wanted(), (name) => isVendored(root, name, VENDORED), trusting);
};
const refusal = async (act: () => Promise<unknown>): Promise<string> => {
  const error = await act().then(
    () => new Error('nothing was refused'),
    (caught: unknown) => caught as Error,
  );
  expect(error).toBeInstanceOf(NotReady);
  return error.message;
};
const file = (at: string, name: string): string => path.join(at, 'ansible_collections', name);

describe('collections of requirements.yml', () => {
  test('are installed from an address and from a Galaxy server, as they are pinned, as another user', async () => {
    const address = `${galaxy.url}/acme-other-0.1.0.tar.gz`;
    const pinned = { name: 'acme.tools', version: '1.2.0', source: `${galaxy.url}/` };
    write({ 'ansible/collections/requirements.yml': requirements([pinned, { name: address, type: 'url' }]) });
    const at = await install();
    expect(readFileSync(file(at, 'acme/tools/plugins/modules/tool.py'), 'utf8')).toBe('#!/usr/bin/python\n');
    expect(JSON.parse(readFileSync(file(at, 'acme/other/MANIFEST.json'), 'utf8')).collection_info.version).toBe(
      '0.1.0',
    );
    if (isRoot) expect(statSync(file(at, 'acme/tools/README.md')).uid).toBe(65534);
    expect(galaxy.seen.map(({ authorization }) => authorization).filter((sent) => sent !== undefined)).toEqual([]);
    expect(said).toEqual(['installing ansible-core for ansible-galaxy', 'installing 2 collections']);
    const cache = statSync(path.join(folder, 'cache'));
    if (isRoot) expect([cache.uid, cache.mode & 0o022]).toEqual([0, 0]);
  });

  test('are installed with an ansible-core that is kept', async () => {
    write({ 'ansible/requirements.yml': requirements([{ name: `${galaxy.url}/acme-tools-1.0.0.tar.gz` }]) });
    await install();
    expect(said).toEqual(['installing 1 collection']);
  });

  test('are installed from a commit of a git repository', async () => {
    const host = await startGitHost();
    const galaxyFile = 'namespace: acme\nname: fromgit\nversion: 3.0.0\nreadme: README.md\nauthors: [us]\n';
    const commit = await host.commit({ 'galaxy.yml': galaxyFile, 'README.md': '# first\n' });
    await host.commit({ 'README.md': '# second\n' });
    // Another user reads it.
    const caFile = path.join(folder, 'git-ca.pem');
    writeFileSync(caFile, readFileSync(host.caFile));
    write({ 'ansible/requirements.yml': requirements([{ name: host.url, type: 'git', version: commit }]) });
    const env = { ...world().env, GIT_SSL_CAINFO: caFile };
    const at = await installCollections(await wanted(), async () => false, world({ env }));
    expect(readFileSync(file(at, 'acme/fromgit/README.md'), 'utf8')).toBe('# first\n');
    await host.stop();
  });

  test('that need others, which nobody named, are refused by name', async () => {
    const needy = { name: 'acme.needy', version: '2.0.0', source: galaxy.url };
    const tools = { name: 'acme.tools', version: '1.0.0', source: galaxy.url };
    write({ 'ansible/requirements.yml': requirements([needy, tools]) });
    expect(await refusal(install)).toBe(
      'the collection acme.needy needs acme.other: write it into requirements.yml, in an exact version',
    );
    // What is in the repository itself is there.
    write({ 'shared/ansible_collections/acme/other/MANIFEST.json': '{}' });
    await scratch.remove();
    scratch = await makeScratch(isRoot ? { uid: 65534, gid: 65534 } : undefined);
    await install();
  });

  test('that are not there are the reason, with what to do instead', async () => {
    write({ 'ansible/requirements.yml': requirements([{ name: 'acme.tools', version: '9.9.9', source: galaxy.url }]) });
    expect(await refusal(install)).toMatch(
      /^the collections of requirements\.yml could not be installed: .*acme\.tools.*; or vendor the collections below/,
    );
  });

  test('from a server that hangs end in time, and when the build is stopped', async () => {
    write({ 'ansible/requirements.yml': requirements([{ name: `${galaxy.url}/hang`, type: 'url' }]) });
    expect(await refusal(() => install({ left: () => 3000 }))).toMatch(/installed: not within 3 s; or vendor/);
    await scratch.remove();
    scratch = await makeScratch(isRoot ? { uid: 65534, gid: 65534 } : undefined);
    expect(await refusal(() => install({ signal: AbortSignal.timeout(1500) }))).toMatch(/installed: stopped; or/);
  });

  test('that unpack to more than is handed over are given up', async () => {
    write({
      'ansible/requirements.yml': requirements([{ name: `${galaxy.url}/acme-huge-1.0.0.tar.gz`, type: 'url' }]),
    });
    expect(await refusal(install)).toMatch(/installed: more than 268435456 bytes were written; or vendor/);
  });

  test('need PyPI where ansible-core is not kept yet, which is said', async () => {
    write({ 'ansible/requirements.yml': requirements([{ name: `${galaxy.url}/acme-tools-1.0.0.tar.gz` }]) });
    const offline = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/nonexistent', PIP_CONFIG_FILE: '/dev/null' };
    const message = await refusal(async () =>
      installCollections(await wanted(), async () => false, {
        ...world({ env: { ...world().env, ...offline } }),
        ansibleCache: path.join(folder, 'other'),
      }),
    );
    expect(message).toMatch(/^ansible-core could not be installed from PyPI: ERROR: .*; try again, or vendor/);
  });
});
