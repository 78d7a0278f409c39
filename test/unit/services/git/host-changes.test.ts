import { describe, expect, it } from 'vitest';
import type { Host } from '#drift/webhook/delivery.ts';
import { HttpsChanges } from '#services/git/host-changes.ts';
import { ChangesUnknown } from '#services/ports.ts';

const [BEFORE, AFTER] = ['b'.repeat(40), 'a'.repeat(40)];
const TOKEN = 'token-that-must-not-leak';
const SOURCES = {
  github: 'https://github.com/acme/infra.git',
  gitlab: 'https://git.acme.example/platform/infra.git',
  bitbucket: 'https://bitbucket.org/acme/infra.git',
} as const;
const id = (of: string): string => of.padEnd(40, '0');

/** A host that answers each URL with a body, or with an answer of its own; everything else with 404. */
function host(pages: Readonly<Record<string, unknown>>, timeLimitMs = 3000) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fake = async (url: string, init: RequestInit): Promise<Response> => {
    asked.push({ url, init });
    const page = pages[url];
    if (page instanceof Error) throw page;
    if (typeof page === 'function') return page(init);
    return page === undefined ? new Response('{"message":"Not Found"}', { status: 404 }) : Response.json(page);
  };
  const changes = new HttpsChanges({ fetch: fake as typeof fetch, timeLimitMs });
  const between = (kind: Host, token: string | null = TOKEN, url: string = SOURCES[kind]) =>
    changes.between(kind, url, { before: BEFORE, after: AFTER }, token);
  return { asked, between };
}

const TREES = 'https://api.github.com/repos/acme/infra/git/trees';
/** As the documentation shows it: https://docs.github.com/en/rest/git/trees#get-a-tree */
const tree = (sha: string, entries: Readonly<Record<string, string>>, truncated = false) => ({
  sha,
  url: `${TREES}/${sha}`,
  tree: Object.entries(entries).map(([path, of]) => {
    const [kind = '', hash = ''] = of.split(' ');
    const mode = { tree: '040000', run: '100755', commit: '160000' }[kind] ?? '100644';
    const type = { tree: 'tree', commit: 'commit' }[kind] ?? 'blob';
    return { path, mode, type, sha: id(hash), size: 30, url: `${TREES}/${id(hash)}` };
  }),
  truncated,
});

describe('GitHub', () => {
  const pages = {
    [`${TREES}/${BEFORE}`]: tree(BEFORE, {
      ...{ 'README.md': 'blob 1', 'gone.txt': 'blob 2', 'run.sh': 'blob 3', kept: 'tree 4', terraform: 'tree 5' },
      ...{ becomes: 'blob 8', module: 'commit 9' },
    }),
    [`${TREES}/${AFTER}`]: tree(AFTER, {
      ...{ 'README.md': 'blob 1', 'run.sh': 'run 3', kept: 'tree 4', terraform: 'tree 6', new: 'tree 7' },
      ...{ becomes: 'tree 7', module: 'commit a' },
    }),
    [`${TREES}/${id('5')}`]: tree(id('5'), { 'main.tf': 'blob b', 'old.tf': 'blob c' }),
    [`${TREES}/${id('6')}`]: tree(id('6'), { 'main.tf': 'blob d', 'renamed.tf': 'blob c' }),
    [`${TREES}/${id('7')}`]: tree(id('7'), { 'deep.txt': 'blob e' }),
  };

  it('tells exactly what differs, and is not asked for folders that are the same', async () => {
    const { asked, between } = host(pages);
    expect([...(await between('github'))].sort()).toEqual([
      ...['becomes', 'becomes/deep.txt', 'gone.txt', 'module', 'new/deep.txt', 'run.sh'],
      ...['terraform/main.tf', 'terraform/old.tf', 'terraform/renamed.tf'],
    ]);
    expect(asked.map(({ url }) => url)).not.toContain(`${TREES}/${id('4')}`);
    for (const { init } of asked) {
      expect(init).toMatchObject({ method: 'GET', redirect: 'manual', headers: { Authorization: `Bearer ${TOKEN}` } });
    }
  });

  it('a forced push shows what it took away, which no merge base does', async () => {
    // `base` has a; `before` = base + b; `after` = base + c. From the merge base to `after` only c differs.
    const { between } = host({
      [`${TREES}/${BEFORE}`]: tree(BEFORE, { a: 'blob 1', b: 'blob 2' }),
      [`${TREES}/${AFTER}`]: tree(AFTER, { a: 'blob 1', c: 'blob 3' }),
    });
    expect([...(await between('github'))].sort()).toEqual(['b', 'c']);
  });

  it('without a token is asked without proof', async () => {
    const { asked, between } = host(pages);
    await between('github', null);
    expect(JSON.stringify(asked)).not.toContain('Authorization');
  });

  it('Enterprise Server has its API in a folder', async () => {
    const { asked, between } = host({});
    await expect(between('github', TOKEN, 'https://git.acme.example/acme/infra')).rejects.toThrow(ChangesUnknown);
    expect(asked[0]?.url).toBe(`https://git.acme.example/api/v3/repos/acme/infra/git/trees/${BEFORE}`);
  });
});

describe('GitLab', () => {
  const API = 'https://git.acme.example/api/v4/projects/platform%2Finfra/repository/tree';
  const at = (ref: string, path: string, page = 1) =>
    `${API}?ref=${ref}&per_page=100&page=${page}${path === '' ? '' : `&path=${encodeURIComponent(path)}`}`;
  /** https://docs.gitlab.com/api/repositories/#list-repository-tree */
  const entry = (path: string, type: 'blob' | 'tree', hash: string) => ({
    ...{ id: id(hash), name: path.split('/').at(-1), type, path },
    mode: type === 'tree' ? '040000' : '100644',
  });

  it('tells exactly what differs, over pages, and is not asked for folders that are the same', async () => {
    const many = Array.from({ length: 100 }, (_, index) => entry(`app/${index}.yaml`, 'blob', '1'));
    const { asked, between } = host({
      [at(BEFORE, '')]: [entry('app', 'tree', '2'), entry('same', 'tree', '4')],
      [at(AFTER, '')]: [entry('app', 'tree', '3'), entry('same', 'tree', '4')],
      [at(BEFORE, 'app')]: many,
      [at(BEFORE, 'app', 2)]: [entry('app/last.yaml', 'blob', '5')],
      [at(AFTER, 'app')]: many,
      [at(AFTER, 'app', 2)]: [entry('app/last.yaml', 'blob', '6')],
    });
    expect(await between('gitlab')).toEqual(['app/last.yaml']);
    expect(asked).toHaveLength(6);
    expect(asked[0]?.init.headers).toMatchObject({ 'PRIVATE-TOKEN': TOKEN });
  });
});

describe('Bitbucket', () => {
  const API = 'https://api.bitbucket.org/2.0/repositories/acme/infra/diffstat';
  const first = `${API}/${AFTER}..${BEFORE}?topic=false&renames=false`;
  const end = (path: string) => ({ path, type: 'commit_file', escaped_path: path, links: {} });
  const change = (from: string | null, to: string | null) => ({
    ...{ type: 'diffstat', lines_added: 1, lines_removed: 0, status: 'modified' },
    ...{ old: from === null ? null : end(from), new: to === null ? null : end(to) },
  });

  it('tells what differs, over pages, the newer commit first and without a merge base', async () => {
    const { between } = host({
      [first]: {
        pagelen: 500,
        page: 1,
        values: [change(null, 'new.tf'), change('a', 'b')],
        next: `${API}/next?page=2`,
      },
      [`${API}/next?page=2`]: { pagelen: 500, page: 2, values: [change('gone.tf', null), change('m', 'm')] },
    });
    expect(await between('bitbucket')).toEqual(['new.tf', 'a', 'b', 'gone.tf', 'm']);
  });

  it.each([
    ['a page of another host', { values: [], next: 'https://evil.example/' }],
    ['a change without a path', { values: [change(null, null)] }],
    ['pages without an end', { values: [], next: first }],
    ['too many files', { values: Array.from({ length: 10_001 }, (_, at) => change(null, `f${at}`)) }],
  ])('cannot tell with %s', async (_what, page) => {
    const { asked, between } = host({ [first]: page });
    await expect(between('bitbucket')).rejects.toThrow(ChangesUnknown);
    for (const { url } of asked) expect(new URL(url).hostname).toBe('api.bitbucket.org');
  });
});

const away = Object.assign(new TypeError('fetch failed'), { cause: new Error('ECONNREFUSED') });
const never = ({ signal }: RequestInit) =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

it.each([
  ['a list that is cut short', tree(BEFORE, { a: 'blob 1' }, true), /cut short/],
  ['a wrong token', () => new Response('{}', { status: 401 }), /answered 401/],
  ['too many questions', () => new Response('{}', { status: 403, headers: { 'retry-after': '60' } }), /answered 403/],
  ['a server without the commit', () => new Response('{}', { status: 404 }), /answered 404/],
  ['another place', () => new Response(null, { status: 301, headers: { location: 'https://evil.example' } }), /301/],
  ['no JSON', () => new Response('<html>'), /cannot be read/],
  ['another JSON', { tree: 'none' }, /cannot be read/],
  ['a name that is none', tree(BEFORE, { '': 'blob 1' }), /cannot be read/],
  ['too many bytes', () => new Response('x'.repeat(5 * 1024 * 1024)), /more than \d+ bytes/],
  ['a host that is away', away, /could not be reached/],
  ['a host that does not answer', never, /did not answer within 0\.05 seconds/],
])('cannot tell with %s, and says so without the token', async (_what, page, sentence) => {
  const whole = tree(AFTER, { a: 'blob 2' });
  const { between } = host({ [`${TREES}/${BEFORE}`]: page, [`${TREES}/${AFTER}`]: whole }, 50);
  const error = await between('github').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ChangesUnknown);
  expect(String(error)).toMatch(sentence);
  expect(String(error)).not.toContain(TOKEN);
});

it('asks no more than a bounded number of times', async () => {
  const folders = (hash: string) =>
    Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}`, `tree ${hash}`]));
  const { asked, between } = host({
    [`${TREES}/${BEFORE}`]: tree(BEFORE, folders('1')),
    [`${TREES}/${AFTER}`]: tree(AFTER, folders('2')),
    [`${TREES}/${id('1')}`]: tree(id('1'), { a: 'blob 1' }),
    [`${TREES}/${id('2')}`]: tree(id('2'), { a: 'blob 2' }),
  });
  await expect(between('github')).rejects.toThrow(/more than 100 requests/);
  expect(asked.length).toBeLessThanOrEqual(100);
});

it('an address that such a host does not have is not asked', async () => {
  const { asked, between } = host({});
  await expect(between('github', TOKEN, 'https://github.com/acme')).rejects.toThrow(ChangesUnknown);
  expect(asked).toEqual([]);
});
