import examples from '@octokit/webhooks-examples';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedPayload, pushesOf } from '#drift/webhook/push.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const NONE = '0'.repeat(40);
const commit = (added: readonly string[], modified: readonly string[] = [], removed: readonly string[] = []) => ({
  id: B,
  added,
  modified,
  removed,
});

const manyFiles = (count: number, seed = 0): readonly string[] =>
  Array.from({ length: count }, (_, at) => (at === 0 ? 'a' : `files/${seed}/${at}`));

describe('github', () => {
  const pushes = (examples as unknown as readonly { name: string; examples: readonly unknown[] }[]).filter(
    ({ name }) => name === 'push',
  );
  const real = pushes.flatMap((event) => event.examples);
  const payload = {
    ref: 'refs/heads/main',
    ...{ before: A, after: B, created: false, deleted: false, forced: false },
    pusher: { name: 'alice', email: 'alice@acme.example' },
    commits: [commit(['ansible/site.yml'], ['k8s/shop/base/web.yaml']), commit([], [], ['terraform/old/main.tf'])],
    repository: { html_url: 'https://github.com/acme/infra', clone_url: 'https://github.com/acme/infra.git' },
  };
  const push = (more: object = {}) => pushesOf('github', { ...payload, ...more })[0];

  it("GitHub's own examples are read", () => {
    expect(real.length).toBeGreaterThanOrEqual(7);
    const read = real.flatMap((one) => pushesOf('github', one));
    expect(read.map(({ ref, before, after }) => [ref, before === null, after === null])).toContainEqual([
      'refs/tags/simple-tag',
      false,
      true,
    ]);
    for (const one of read) expect(one.urls).toContain('https://github.com/Codertocat/Hello-World');
  });

  it('names every file that a commit touched', () => {
    expect(push()).toMatchObject({ ref: 'refs/heads/main', before: A, after: B, author: 'alice' });
    expect(push()?.files).toEqual(['ansible/site.yml', 'k8s/shop/base/web.yaml', 'terraform/old/main.tf']);
  });

  it.each([
    ['forced', { forced: true }],
    ['of a new branch', { created: true, before: NONE }],
    ['of as many commits as a payload lists', { commits: Array.from({ length: 2048 }, () => commit(['a'])) }],
    ['with a commit of as many files as are listed of one', { commits: [commit(manyFiles(2999), ['b'])] }],
    [
      'of more files than are looked at',
      { commits: Array.from({ length: 4 }, (_, at) => commit(manyFiles(2900, at))) },
    ],
    ['that lists no commit', { commits: [] }],
    ['that lists nothing', { commits: null }],
    ['whose commits name no file', { commits: [commit([])] }],
  ])('a push %s does not tell its files', (_what, more) => {
    expect(push(more)?.files).toBeNull();
  });

  it.each([
    ['of many commits', { commits: Array.from({ length: 2047 }, () => commit(['a'])) }],
    ['with a large commit', { commits: [commit(manyFiles(2998), ['b'])] }],
  ])('a push %s tells its files as long as none can be missing', (_what, more) => {
    expect(push(more)?.files).toContain('a');
  });

  it('a deleted branch', () => {
    expect(push({ deleted: true, after: NONE })?.after).toBeNull();
  });
});

describe('gitlab', () => {
  // https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
  const payload = {
    object_kind: 'push',
    ...{ before: '95790bf891e76fee5e1747ab589903a6a1f80f22', after: 'da1560886d4f094c3e6c9ef40349f7d38b5d27d7' },
    ...{ ref: 'refs/heads/master', user_username: 'jsmith', total_commits_count: 1 },
    project: {
      ...{ web_url: 'http://example.com/mike/diaspora', git_ssh_url: 'git@example.com:mike/diaspora.git' },
      git_http_url: 'http://example.com/mike/diaspora.git',
    },
    commits: [commit(['CHANGELOG'], ['app/controller/application.rb'])],
  };

  it('names its files, unless the payload has not all commits', () => {
    const [whole] = pushesOf('gitlab', payload);
    expect(whole).toMatchObject({ author: 'jsmith', files: ['CHANGELOG', 'app/controller/application.rb'] });
    expect(whole?.mayBeForced, 'GitLab does not say').toBe(true);
    expect(pushesOf('gitlab', { ...payload, total_commits_count: 21 })[0]?.files).toBeNull();
    expect(pushesOf('gitlab', { ...payload, total_commits_count: 0, commits: [] })[0]?.files).toBeNull();
    expect(pushesOf('gitlab', { ...payload, before: NONE })[0]).toMatchObject({ before: null, files: null });
    expect(pushesOf('gitlab', { ...payload, after: NONE })[0]?.after).toBeNull();
  });
});

describe('bitbucket', () => {
  // https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
  const end = (name: string, hash: string, type = 'branch') => ({ type, name, target: { type: 'commit', hash } });
  const payload = (changes: readonly object[]) => ({
    actor: { nickname: 'emma', display_name: 'Emma' },
    repository: { links: { html: { href: 'https://bitbucket.org/acme/infra' } } },
    push: { changes },
  });

  it('several refs in one push, none with its files', () => {
    const pushes = pushesOf(
      'bitbucket',
      payload([
        { old: end('main', A), new: end('main', B), forced: false },
        { old: null, new: end('v1', B, 'tag') },
        { old: end('old', A), new: null },
      ]),
    );
    expect(pushes).toMatchObject([
      { ref: 'refs/heads/main', before: A, after: B, files: null, author: 'emma' },
      { ref: 'refs/tags/v1', before: null, after: B },
      { ref: 'refs/heads/old', before: A, after: null },
    ]);
  });
});

it('whatever else it is, it is malformed, and says where', () => {
  for (const host of ['github', 'gitlab', 'bitbucket'] as const) {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => pushesOf(host, JSON.parse(text))).toThrow(MalformedPayload);
      }),
    );
    expect(() => pushesOf(host, null)).toThrow(MalformedPayload);
  }
  expect(() => pushesOf('github', { ref: 'refs/heads/main', before: 'x' })).toThrow(/before/);
});
