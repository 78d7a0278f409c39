import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkOut } from '#services/git/check-out.ts';
import { type FetchRequest, fetchCommit } from '#services/git/fetch.ts';
import { startGitHost, type TestGitHost } from './git-host.ts';

let host: TestGitHost;
let cache = '';
let ca: Buffer;

beforeAll(async () => {
  host = await startGitHost();
  ca = readFileSync(host.caFile);
});
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'plumbline-fetch-test-'));
  host.answer = null;
  host.protect(null);
});
afterAll(() => host.stop());

/** `fetch` that trusts the host's certificate, as NODE_EXTRA_CA_CERTS would. */
const trusting = ((url: string, init: RequestInit) =>
  new Promise<Response>((resolve, reject) => {
    const asked = httpsRequest(url, {
      ca,
      method: init.method ?? 'GET',
      headers: init.headers as Record<string, string>,
      ...(init.signal ? { signal: init.signal } : {}),
    });
    asked.on('response', (answer) => {
      const body = Readable.toWeb(answer) as unknown as ReadableStream<Uint8Array>;
      resolve(
        new Response(body, { status: answer.statusCode ?? 0, headers: answer.headers as Record<string, string> }),
      );
    });
    asked.on('error', (cause) =>
      reject(cause.name === 'AbortError' ? cause : new TypeError('fetch failed', { cause })),
    );
    asked.end(init.body ?? undefined);
  })) as unknown as typeof fetch;

const get = (commit: string, more: Partial<FetchRequest> = {}) =>
  fetchCommit({
    url: host.url,
    commit,
    ref: 'main',
    token: null,
    cache,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    fetch: trusting,
    ...more,
  });

const requests = async (act: () => Promise<unknown>): Promise<number> => {
  const before = host.seen.length;
  await act();
  return host.seen.length - before;
};

describe('a commit is fetched without a git binary', () => {
  it('whole, without history, and once', async () => {
    await host.commit({ 'k8s/a.yaml': 'a: 1\n' });
    const commit = await host.commit({ 'k8s/a.yaml': 'a: 2\n', 'k8s/deep/b.yaml': 'ü\n' });
    const { folder } = await get(commit);
    expect(readFileSync(path.join(folder, 'k8s/a.yaml'), 'utf8')).toBe('a: 2\n');
    expect(readFileSync(path.join(folder, 'k8s/deep/b.yaml'), 'utf8')).toBe('ü\n');
    expect(readdirSync(cache)).toHaveLength(1);
    expect(existsSync(path.join(folder, '.git'))).toBe(false);
    expect(await requests(() => get(commit))).toBe(0);
  });

  it('although the ref moved on meanwhile, where the host serves single commits', async () => {
    const commit = await host.commit({ 'a.yaml': 'before' });
    await host.commit({ 'a.yaml': 'after' });
    const { folder } = await get(commit);
    expect(readFileSync(path.join(folder, 'a.yaml'), 'utf8')).toBe('before');
  });

  it('or says that the host has it no more, after it was rewritten', async () => {
    const gone = '1'.repeat(40);
    await expect(get(gone)).rejects.toThrow(`has no commit ${gone} that it would serve, and main is elsewhere now`);
    await expect(get(gone, { ref: 'never-was' })).rejects.toThrow(`has no commit ${gone} that it would serve`);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('with a token, which no message holds', async () => {
    const commit = await host.commit({ 'a.yaml': 'protected' });
    host.protect('a-token-0123456789');
    await expect(get(commit)).rejects.toThrow('wants a credential (401): give the source a token');
    await expect(get(commit, { token: 'wrong-0123456789' })).rejects.toThrow("refused the source's token");
    await expect(get(commit, { token: 'wrong-0123456789' })).rejects.not.toThrow('wrong-0123456789');
    await expect(get(commit, { token: 'a-token-0123456789' })).resolves.toMatchObject({ commit });
  });

  it('in bounded size, both as it travels and as it lies there', async () => {
    const random = execFileSync('head', ['-c', '300000', '/dev/urandom']).toString('base64');
    const commit = await host.commit({ 'random.yaml': random });
    await expect(get(commit, { maxBytes: 200_000 })).rejects.toThrow('is larger than 200000 bytes');
    const bomb = await host.commit({ 'random.yaml': '', 'zeros.yaml': '0'.repeat(1_000_000) });
    await expect(get(bomb, { maxBytes: 500_000 })).rejects.toThrow('is larger than 500000 bytes');
    const bombs = Object.fromEntries(
      Array.from({ length: 5 }, (_, index) => [`${index}.yaml`, `${index}`.repeat(150_000)]),
    );
    await expect(get(await host.commit(bombs), { maxBytes: 500_000 })).rejects.toThrow('is larger than 500000 bytes');
    expect(readdirSync(cache)).toEqual([]);
    await host.commit(Object.fromEntries(['zeros.yaml', ...Object.keys(bombs)].map((name) => [name, ''])));
  });

  it('and what was used longest ago makes room', async () => {
    const one = await host.commit({ 'a.yaml': 'x'.repeat(4_000) });
    const two = await host.commit({ 'a.yaml': 'y'.repeat(4_000) });
    const three = await host.commit({ 'a.yaml': 'z'.repeat(4_000) });
    const bounded = (commit: string) => get(commit, { maxCacheBytes: 10_000 });
    mkdirSync(path.join(cache, 'part-killed'));
    utimesSync(path.join(cache, 'part-killed'), 0, 0);
    for (const commit of [one, two, one, three]) await bounded(commit);
    expect(readdirSync(cache)).not.toContain('part-killed');
    expect(await requests(() => bounded(one))).toBe(0);
    expect(await requests(() => bounded(two))).toBeGreaterThan(0);
  });

  it('in bounded time, and not after it is stopped', async () => {
    const commit = await host.commit({ 'a.yaml': 'slow' });
    host.answer = () => undefined;
    await expect(get(commit, { timeoutMs: 500 })).rejects.toThrow('did not answer within 0.5 seconds');
    await expect(get(commit, { signal: AbortSignal.timeout(300) })).rejects.toThrow('was not fetched: stopped');
    host.answer = (_request, response) => void response.writeHead(404).end();
    await expect(get(commit)).rejects.toThrow('was not found (404)');
    host.answer = (_request, response) => void response.end('<html>');
    await expect(get(commit)).rejects.toThrow('does not answer as a git repository');
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    ['http://git.acme.example/x', 'only https://'],
    ['https://user:pw@git.acme.example/x', 'only https://'],
  ])('%s is not read', async (url, message) => {
    await expect(get('0'.repeat(40), { url })).rejects.toThrow(message);
  });
});

describe('the files of a commit', () => {
  const repository = mkdtempSync(path.join(tmpdir(), 'plumbline-fetch-test-'));
  const git = (args: readonly string[], input = ''): string =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      encoding: 'utf8',
      input,
    }).trim();
  const blob = (text: string): string => git(['hash-object', '-w', '--stdin'], text);
  /** A tree as git itself would not make it. */
  const tree = (...entries: readonly (readonly [mode: string, name: string, oid: string])[]): string => {
    const content = Buffer.concat(
      entries.map(([mode, name, oid]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')])),
    );
    return execFileSync('git', ['-C', repository, 'hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], {
      input: content,
      encoding: 'utf8',
    }).trim();
  };
  const checkedOut = async (root: string): Promise<string> => {
    const into = path.join(mkdtempSync(path.join(tmpdir(), 'plumbline-fetch-test-')), 'files');
    const commit = git(['commit-tree', root, '-m', 'x']);
    const gitdir = path.join(repository, '.git');
    const { signal } = new AbortController();
    await checkOut({ gitdir, commit, into, maxBytes: 1_000_000, url: 'https://git.acme.example/x', signal });
    return into;
  };
  beforeAll(() => void execFileSync('git', ['init', '--quiet', repository]));

  it('keep symlinks and leave submodules empty', async () => {
    const into = await checkedOut(
      tree(['100644', 'a', blob('A')], ['120000', 'link', blob('../a')], ['160000', 'other', '1'.repeat(40)]),
    );
    expect(lstatSync(path.join(into, 'link')).isSymbolicLink()).toBe(true);
    expect(readdirSync(path.join(into, 'other'))).toEqual([]);
  });

  it.each(['..', '.git', '.GIT', 'a/b'])('are refused where one is called %s', async (name) => {
    await expect(checkedOut(tree(['100644', name, blob('A')]))).rejects.toThrow(/usable path|[Uu]nsafe/);
  });

  it('are never written through a symlink of the same commit', async () => {
    const outside = mkdtempSync(path.join(tmpdir(), 'plumbline-fetch-test-'));
    const inner = tree(['100644', 'planted', blob('A')]);
    await expect(checkedOut(tree(['120000', 'a', blob(outside)], ['40000', 'a', inner]))).rejects.toThrow(
      'usable path',
    );
    expect(readdirSync(outside)).toEqual([]);
  });
});

afterAll(() => {
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith('plumbline-fetch-test-')) rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
  }
});
