import { chownSync, existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changedFiles } from '#services/git/changed.ts';
import { cloneCommit } from '#services/git/clone.ts';
import type { GitRequest } from '#services/git/tool.ts';
import { startGitHost, type TestGitHost } from './git-host.ts';

const TOKEN = 'glpat-7f3a91c2bd55e0';
let host: TestGitHost;
let first: string;
let second: string;
let scratch: string;

beforeAll(async () => {
  host = await startGitHost();
  first = await host.commit({ 'terraform/main.tf': 'locals {}\n', 'README.md': 'first\n' });
  second = await host.commit({ 'README.md': 'second\n', '.gitattributes': '*.md filter=evil\n' });
});
afterAll(() => host.stop());
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'plumbline-clone-'));
  await mkdir(join(scratch, 'home'));
  host.protect(null);
  host.answer = null;
  await host.allowCommits(true);
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const request = (extra: Partial<GitRequest> = {}): GitRequest => ({
  url: host.url,
  commit: first,
  ref: 'main',
  token: null,
  folder: join(scratch, 'source'),
  home: join(scratch, 'home'),
  path: process.env['PATH'] ?? '',
  caFile: host.caFile,
  proxies: {},
  timeoutMs: 30_000,
  signal: new AbortController().signal,
  ...extra,
});
const clone = (extra: Partial<GitRequest> = {}): Promise<void> => cloneCommit(request(extra));
const read = (name: string): Promise<string> => readFile(join(scratch, 'source', name), 'utf8');

describe('a commit', () => {
  test('that is not the newest, and nothing else', async () => {
    await clone();
    expect(await read('README.md')).toBe('first\n');
    expect(await read('terraform/main.tf')).toBe('locals {}\n');
    expect(existsSync(join(scratch, 'source/.gitattributes'))).toBe(false);
    expect(existsSync(join(scratch, 'source/.git/shallow'))).toBe(true);
  });

  test('from a host that serves no single commits', async () => {
    await host.allowCommits(false);
    await clone();
    expect(await read('README.md')).toBe('first\n');
    expect(existsSync(join(scratch, 'source/.git/shallow'))).toBe(false);
  });

  test('with a token, that is neither in argv, address nor on disk', async () => {
    host.protect(TOKEN);
    await clone({ token: `${TOKEN}\n`, commit: second });
    expect(await read('README.md')).toBe('second\n');
    for (const name of await readdir(join(scratch, 'source/.git'))) {
      const file = join(scratch, 'source/.git', name);
      if (statSync(file).isFile()) expect(await readFile(file, 'latin1')).not.toContain(TOKEN);
    }
    expect(await readdir(join(scratch, 'home'))).toEqual([]);
  });

  test.runIf(process.getuid?.() === 0)('as another user', async () => {
    const user = { uid: 65534, gid: 65534 };
    const shared = await mkdtemp('/tmp/plumbline-clone-user-');
    try {
      for (const name of ['', 'source', 'home']) {
        await mkdir(join(shared, name), { recursive: true });
        chownSync(join(shared, name), user.uid, user.gid);
      }
      // The host's certificate lies in a private folder, as the CA of a build does not.
      const caFile = join(shared, 'ca.pem');
      await copyFile(host.caFile, caFile);
      await clone({ user, folder: join(shared, 'source'), home: join(shared, 'home'), caFile });
      expect(statSync(join(shared, 'source/terraform/main.tf')).uid).toBe(65534);
    } finally {
      await rm(shared, { recursive: true, force: true });
    }
  });
});

describe('a clear error, without the token', () => {
  const failure = async (extra: Partial<GitRequest>): Promise<string> => {
    const error = await clone({ token: TOKEN, ...extra }).then(
      () => new Error('it was cloned'),
      (caught: unknown) => caught as Error,
    );
    expect(error.name).toBe('GitError');
    expect(error.message).not.toContain(TOKEN);
    return error.message;
  };

  test('a commit that is not there', async () => {
    expect(await failure({ commit: 'a'.repeat(40) })).toBe(
      `${host.url} has no commit ${'a'.repeat(40)} on main: was it rewritten?`,
    );
  });

  test('a wrong token', async () => {
    host.protect('another');
    expect(await failure({})).toContain("refused the source's token");
  });

  test('no token', async () => {
    host.protect(TOKEN);
    expect(await failure({ token: null })).toContain('wants a credential: give the source a token');
  });

  test('a repository that is not there', async () => {
    expect(await failure({ url: host.url.replace('repo', 'other') })).toMatch(
      /could not be fetched: fatal: .*not found/,
    );
  });

  test('a certificate that is not trusted', async () => {
    expect(await failure({ caFile: '/etc/ssl/certs/ca-certificates.crt' })).toMatch(/certificate/);
  });

  test('a host that never answers', async () => {
    host.answer = () => undefined;
    expect(await failure({ timeoutMs: 1500 })).toContain('could not be fetched within 1.5 s');
  });

  test('stopped', async () => {
    host.answer = () => undefined;
    expect(await failure({ signal: AbortSignal.timeout(500) })).toContain('was not fetched: stopped');
  });

  test('too large to check out', async () => {
    expect(await failure({ maxBytes: 10 })).toMatch(
      /is too large to check: 3 files and 16 bytes|is larger than 10 bytes/,
    );
  });

  test('a redirect to another host does not get the token', async () => {
    const other = await startGitHost();
    const before = host.seen.length;
    host.answer = (request, response) =>
      response.writeHead(302, { location: `${other.url}${(request.url ?? '').replace('/repo.git', '')}` }).end();
    await failure({});
    expect(host.seen.length).toBeGreaterThan(before);
    expect(other.seen.filter((headers) => headers.authorization !== undefined)).toEqual([]);
    await other.stop();
  });

  test.each([
    ['http://127.0.0.1/repo.git'],
    ['https://user:pass@127.0.0.1/repo.git'],
    ['ext::sh -c touch% /tmp/x'],
    ['file:///etc'],
  ])('%s is not read', async (url) => {
    expect(await failure({ url })).toContain('only https:// without user is read');
  });

  test.each(['--upload-pack=touch x', '-x', 'a b'])('%s is no ref', async (ref) => {
    expect(await failure({ ref })).toContain('is no ref');
  });
});

describe('the files that changed since an older commit', () => {
  const changed = async (since: string): Promise<readonly string[]> => {
    await clone({ commit: second });
    return changedFiles(request({ commit: second }), since);
  };

  test('are fetched and told by name, renamed ones by both', async () => {
    expect(await changed(first)).toEqual(['.gitattributes', 'README.md']);
    expect(await changed(second)).toEqual([]);
    const third = await host.commit({ 'roles/a\nb/tasks/main.yml': '- debug:\n', 'terraform/main.tf': 'locals {}' });
    await rm(scratch, { recursive: true });
    await mkdir(join(scratch, 'home'), { recursive: true });
    await clone({ commit: third });
    expect(await changedFiles(request({ commit: third }), second)).toEqual([
      'roles/a\nb/tasks/main.yml',
      'terraform/main.tf',
    ]);
  });

  test('with a token, from a host that serves no single commits', async () => {
    await host.allowCommits(false);
    host.protect(TOKEN);
    await clone({ commit: second, token: TOKEN });
    expect(await changedFiles(request({ commit: second, token: TOKEN }), first)).toHaveLength(2);
  });

  test('are not known where the older commit is gone, or too many changed', async () => {
    await expect(changed('a'.repeat(40))).rejects.toThrow(/could not be fetched: .*not our ref/);
    await expect(changed('--output=x')).rejects.toThrow('is no commit id');
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`many/${index}`, '']));
    const commit = await host.commit(many);
    await rm(join(scratch, 'source'), { recursive: true });
    await clone({ commit });
    await expect(changedFiles(request({ commit }), first)).rejects.toThrow(/more than 10000 files changed since/);
  });
});
