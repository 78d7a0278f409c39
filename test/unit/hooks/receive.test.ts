import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { pathsFromStates } from '#checks/hooks/paths.ts';
import { MAX_BODY_BYTES, type ReceiveWorld, receive } from '#checks/hooks/receive.ts';
import { HookSecrets } from '#checks/hooks/secrets.ts';
import { startRequestSchema } from '#checks/runs/start.ts';
import { keys } from '#drift/names.ts';
import { newState } from '#drift/state/state.ts';
import type { Source } from '#drift/target.ts';
import { configChangeSchema } from '#drift/webhook/config-file.ts';
import type { Log } from '#services/ports.ts';
import { MemoryStore, SHOP, TARGET } from '../runs/world.ts';

const INFRA: Source = {
  ...{ name: 'infra', url: 'https://github.com/acme/infra.git', ref: 'main' },
  webhook: { secret: 'hook/infra' },
};
const APPS: Source = {
  ...{ name: 'apps', url: 'https://github.com/acme/apps.git', ref: 'main' },
  webhook: { secret: 'hook/apps' },
};
const ID = 'f2467dea-70d6-11e8-8955-3c83993e0aef';
const payload = (more: object = {}) => ({
  ref: 'refs/heads/main',
  ...{ before: 'a'.repeat(40), after: 'b'.repeat(40) },
  pusher: { name: 'alice' },
  commits: [{ added: [], removed: [], modified: ['terraform/network/main.tf'] }],
  repository: { html_url: 'https://github.com/acme/infra', clone_url: 'https://github.com/acme/infra.git' },
  ...more,
});

class Vault {
  readonly values = new Map<string, readonly string[]>([
    ['hook/infra', ['infra-secret']],
    ['hook/apps', ['apps-secret']],
  ]);
  readings = 0;
  broken = new Set<string>();
  async versions(reference: { readonly secret: string } | { readonly parameter: string }): Promise<readonly string[]> {
    this.readings += 1;
    const name = 'secret' in reference ? reference.secret : reference.parameter;
    if (this.broken.has(name)) throw new Error('Secrets Manager is away');
    return this.values.get(name) ?? [];
  }
}

let vault: Vault;
let store: MemoryStore;
let sent: unknown[];
let logged: string[];
let now: Date;
let world: ReceiveWorld;
beforeEach(() => {
  vault = new Vault();
  store = new MemoryStore();
  sent = [];
  logged = [];
  now = new Date('2026-11-27T08:00:00Z');
  const write = (message: string, attributes: Readonly<Record<string, unknown>>): void => {
    logged.push(JSON.stringify({ message, ...attributes }));
  };
  const log: Log = { info: write, warn: write, error: write };
  world = {
    config: {
      ...{ hash: '0'.repeat(64), commit: 'e'.repeat(40) },
      file: { repository: 'github.com/acme/infra', path: 'ops/plumbline.yaml' },
      sources: [INFRA, APPS],
      targets: [
        { ...TARGET, source: INFRA },
        { ...SHOP, source: APPS },
      ],
    },
    secrets: new HookSecrets([INFRA, APPS], vault, log),
    store,
    functions: { send: async (_name, request) => void sent.push(request) },
    dispatchFunction: 'plumbline-dispatch',
    pathsOf: async ({ name }) => (name === 'prod/network' ? ['terraform/network'] : null),
    now: () => now,
    log,
  };
});

interface Sent {
  readonly body?: Buffer | string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly method?: string;
}
function deliver({
  body = JSON.stringify(payload()),
  secret = 'infra-secret',
  headers = {},
  method = 'POST',
}: Sent = {}) {
  const bytes = Buffer.from(body);
  const signature = `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`;
  const usual = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': ID,
    'x-hub-signature-256': signature,
  };
  return receive(method, { headers: { ...usual, ...headers }, body: bytes }, world);
}

describe('a proven push', () => {
  it('starts the targets that it touches, and tells whom it is of', async () => {
    expect(await deliver()).toEqual({ status: 202, sentence: 'looks at prod/network' });
    expect(sent).toEqual([
      {
        ...{ target: 'prod/network', trigger: 'push', at: now.toISOString(), seed: `github ${ID}` },
        by: { host: 'github', delivery: ID, author: 'alice' },
      },
    ]);
    expect(startRequestSchema.safeParse(sent[0]).success).toBe(true);
  });

  it('that was forced starts the targets with what git is to be asked before', async () => {
    const answer = await deliver({ body: JSON.stringify(payload({ forced: true })) });
    expect(answer.sentence).toBe('looks at prod/network, unless git says that nothing of them was changed');
    const range = { before: 'a'.repeat(40), after: 'b'.repeat(40) };
    expect(sent).toEqual([
      expect.objectContaining({ target: 'prod/network', push: { ...range, paths: ['terraform/network'] } }),
    ]);
    expect(startRequestSchema.parse(sent[0])).toEqual(sent[0]);
  });

  it.each([
    ['a branch that is new', { created: true, before: '0'.repeat(40) }, async () => ['terraform/network']],
    ['a target that was never looked at', { forced: true }, async () => null],
    ['too much for one event', { forced: true }, async () => Array.from({ length: 400 }, () => 'x'.repeat(400))],
  ])('of %s starts it whatever git says', async (_what, more, pathsOf) => {
    world = { ...world, pathsOf };
    await deliver({ body: JSON.stringify(payload(more)) });
    expect(sent).toEqual([expect.not.objectContaining({ push: expect.anything() })]);
    expect(sent).toMatchObject([{ target: 'prod/network' }]);
  });

  it('of two refs that one target looks at starts it whatever git says of the second', async () => {
    const source = { ...INFRA, url: 'https://bitbucket.org/acme/infra' };
    world = { ...world, config: { ...world.config, sources: [source], targets: [{ ...TARGET, source }] } };
    const end = (type: string, hash: string) => ({ type, name: 'main', target: { hash: hash.repeat(40) } });
    const change = (type: string) => ({ old: end(type, 'a'), new: end(type, 'b') });
    const pushed = (...types: readonly string[]) => {
      const body = JSON.stringify({
        repository: { links: { html: { href: source.url } } },
        push: { changes: types.map(change) },
      });
      const signature = `sha256=${createHmac('sha256', 'infra-secret').update(body).digest('hex')}`;
      const github = { 'x-github-event': undefined, 'x-github-delivery': undefined, 'x-hub-signature-256': undefined };
      const own = {
        'x-event-key': 'repo:push',
        'x-request-uuid': `${ID}-${types.length}`,
        'x-hub-signature': signature,
      };
      return deliver({ body, headers: { ...github, ...own } });
    };
    expect((await pushed('branch')).status).toBe(202);
    expect((await pushed('branch', 'tag')).status).toBe(202);
    const about = { target: 'prod/network', trigger: 'push' };
    expect(sent).toMatchObject([{ ...about, push: { paths: ['terraform/network'] } }, about]);
    expect(sent[1]).not.toHaveProperty('push');
  });

  it('is handled once, whenever it comes again', async () => {
    await deliver();
    now = new Date('2026-12-24T08:00:00Z');
    expect(await deliver()).toEqual({ status: 202, sentence: 'this delivery was handled already' });
    expect(sent).toHaveLength(1);
  });

  it('is handled for each secret that proves it: webhooks of one repository share the id of the event', async () => {
    const source = { ...APPS, url: INFRA.url };
    const targets = [...world.config.targets.slice(0, 1), { ...SHOP, source }];
    world = { ...world, config: { ...world.config, sources: [INFRA, source], targets } };
    await deliver();
    expect((await deliver({ secret: 'apps-secret' })).sentence).toBe('looks at prod/shop');
    expect((await deliver({ secret: 'apps-secret' })).sentence).toBe('this delivery was handled already');
    expect(sent).toMatchObject([{ target: 'prod/network' }, { target: 'prod/shop' }]);
  });

  it('that failed half-way is ours to answer for, and is done again', async () => {
    const { send } = world.functions;
    const first = now.toISOString();
    world = { ...world, functions: { send: () => Promise.reject(new Error('Lambda is away')) } };
    await expect(deliver()).rejects.toThrow('Lambda is away');
    world = { ...world, functions: { send } };
    now = new Date(now.getTime() + 3600_000);
    expect((await deliver()).sentence).toBe('looks at prod/network');
    expect(sent, 'the time it came first makes it the same run').toEqual([expect.objectContaining({ at: first })]);
    expect((await deliver()).sentence).toBe('this delivery was handled already');
    expect(sent).toHaveLength(1);
  });

  it('cannot speak for the source of another secret', async () => {
    expect(await deliver({ secret: 'apps-secret' })).toEqual({
      status: 202,
      sentence: 'the repository is not the one of the source whose secret this is',
    });
    expect(sent).toEqual([]);
  });

  it.each([
    ['a tag', payload({ ref: 'refs/tags/v1' }), /no ref that a source looks at/],
    ['another branch', payload({ ref: 'refs/heads/feature' }), /no ref that a source looks at/],
    ['a deleted branch', payload({ deleted: true, after: '0'.repeat(40) }), /was deleted/],
    ['what touches nothing', payload({ commits: [{ modified: ['README.md'] }] }), /none of 1 targets/],
  ])('of %s starts nothing, and says why', async (_what, body, sentence) => {
    const answer = await deliver({ body: JSON.stringify(body) });
    expect(answer).toEqual({ status: 202, sentence: expect.stringMatching(sentence) });
    expect(sent).toEqual([]);
  });
});

it('a ping says what was recognised', async () => {
  const answer = await deliver({ body: '{"zen":"Keep it logically awesome."}', headers: { 'x-github-event': 'ping' } });
  expect(answer).toEqual({ status: 200, sentence: 'github is recognised, for infra' });
});

it('what is no push is told so', async () => {
  expect(await deliver({ headers: { 'x-github-event': 'issues' } })).toEqual({
    status: 202,
    sentence: 'issues is no push',
  });
});

describe('what is refused', () => {
  it.each([
    ['GET', { method: 'GET' }, 405],
    ['another type', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['no type', { headers: { 'content-type': undefined } }, 415],
    ['a compressed body', { headers: { 'content-encoding': 'gzip' } }, 415],
    ['more than 1 MB', { body: Buffer.alloc(MAX_BODY_BYTES + 1, 0x20) }, 413],
    ['nobody that we know', { headers: { 'x-github-event': undefined } }, 400],
    ['two hosts at once', { headers: { 'x-gitlab-event': 'Push Hook' } }, 400],
    ['an unknown secret', { secret: 'guessed' }, 401],
    ['no signature', { headers: { 'x-hub-signature-256': undefined } }, 401],
    ['no id', { headers: { 'x-github-delivery': undefined } }, 400],
    ['an id that leads elsewhere', { headers: { 'x-github-delivery': '../state/prod/network' } }, 400],
    ['no JSON', { body: '{"ref":' }, 400],
    ['JSON of something else', { body: '{"ref":"refs/heads/main"}' }, 400],
    ['bytes that are no UTF-8', { body: Buffer.from([0xff, 0xfe, 0x7b]) }, 400],
  ] as const)('%s', async (_what, wrong, status) => {
    const answer = await deliver(wrong);
    expect(answer.status).toBe(status);
    expect(sent).toEqual([]);
    if (status === 401) expect(answer.sentence).toBe('no proof');
    for (const secret of ['infra-secret', 'apps-secret']) expect(answer.sentence).not.toContain(secret);
  });

  it('a body that was changed after it was signed', async () => {
    const signature = `sha256=${createHmac('sha256', 'infra-secret').update(JSON.stringify(payload())).digest('hex')}`;
    const body = JSON.stringify(payload({ after: 'c'.repeat(40) }));
    expect((await deliver({ body, headers: { 'x-hub-signature-256': signature } })).status).toBe(401);
  });
});

describe('a push of the config itself', () => {
  const changed = (...modified: readonly string[]) => JSON.stringify(payload({ commits: [{ modified }] }));

  it('is told to need a deployment, and remembered until there is one', async () => {
    const answer = await deliver({ body: changed('ops/plumbline.yaml', 'terraform/network/a.tf') });
    expect(answer.sentence).toBe('looks at prod/network; ops/plumbline.yaml was changed: a deployment is due');
    const { hash, commit } = world.config;
    expect(configChangeSchema.parse(store.json(keys.configChange))).toEqual({
      ...{ commit: 'b'.repeat(40), path: 'ops/plumbline.yaml', deployed: { hash, commit } },
    });
    expect(logged.join()).toContain('config changed, a deployment is due');
  });

  it.each([
    ['another file', () => deliver({ body: changed('plumbline.yaml', 'ops/plumbline.yaml.bak') })],
    [
      'the commit that is deployed',
      () => deliver({ body: changed('ops/plumbline.yaml').replaceAll('b'.repeat(40), 'e'.repeat(40)) }),
    ],
    ['another branch', () => deliver({ body: changed('ops/plumbline.yaml').replace('heads/main', 'heads/other') })],
    [
      'another repository',
      () =>
        deliver({ body: changed('ops/plumbline.yaml').replaceAll('acme/infra', 'acme/apps'), secret: 'apps-secret' }),
    ],
  ])('is not what a push of %s is', async (_what, push) => {
    expect((await push()).sentence).not.toContain('deployment');
    expect(store.json(keys.configChange)).toBeNull();
  });
});

describe('what targets are made of', () => {
  it('is asked of their states; one that cannot be read keeps no push from the others', async () => {
    const known = { ...newState('prod/network', now), paths: ['terraform/network'] };
    await store.put(keys.state('prod/network'), JSON.stringify(known));
    const pathsOf = pathsFromStates(store);
    expect(await pathsOf(TARGET)).toEqual(['terraform/network']);
    expect(await pathsOf(SHOP)).toBeNull();
    await store.put(keys.state('prod/network'), '{"schema":');
    expect(await pathsOf(TARGET)).toBeNull();
    await expect(pathsFromStates({ read: () => Promise.reject(new Error('S3 is away')) })(TARGET)).rejects.toThrow();
  });
});

describe('secrets', () => {
  it('are read once for many deliveries', async () => {
    for (let count = 0; count < 5; count += 1) await deliver({ headers: { 'x-github-delivery': `${ID}${count}` } });
    expect(vault.readings).toBe(2);
  });

  it('one that was rotated counts at once, and the old one as long as its store keeps it', async () => {
    await deliver();
    vault.values.set('hook/infra', ['new-secret', 'infra-secret']);
    now = new Date(now.getTime() + 61_000);
    expect((await deliver({ secret: 'new-secret', headers: { 'x-github-delivery': `${ID}1` } })).status).toBe(202);
    expect((await deliver({ secret: 'infra-secret', headers: { 'x-github-delivery': `${ID}2` } })).status).toBe(202);
    expect(sent).toHaveLength(3);
  });

  it('wrong proofs make us ask at most once a minute', async () => {
    await deliver();
    for (let count = 0; count < 120; count += 1) {
      now = new Date(now.getTime() + 1000);
      expect((await deliver({ secret: 'guessed' })).status).toBe(401);
    }
    expect(vault.readings).toBeLessThanOrEqual(2 * 4);
  });

  it('one that cannot be read closes no other door, and is asked for again', async () => {
    vault.broken.add('hook/apps');
    expect((await deliver()).status).toBe(202);
    expect(logged.join()).toMatch(/webhook secret could not be read.*apps/);
    await expect(deliver({ secret: 'apps-secret' }), 'ours to answer for').rejects.toThrow('Secrets Manager is away');
    vault.broken.clear();
    now = new Date(now.getTime() + 61_000);
    expect((await deliver({ secret: 'apps-secret', headers: { 'x-github-delivery': `${ID}1` } })).status).toBe(202);
  });

  it('none at all is our own failure', async () => {
    vault.broken = new Set(['hook/infra', 'hook/apps']);
    await expect(deliver()).rejects.toThrow('Secrets Manager is away');
  });

  it.each(['\n', '\r\n', '\n\n'])(
    'one stored from a file counts without the line break that ends it: %j',
    async (end) => {
      vault.values.set('hook/infra', [`infra secret ${end}`]);
      expect((await deliver({ secret: 'infra secret ' })).status).toBe(202);
      expect((await deliver({ secret: `infra secret ${end}` })).status).toBe(401);
      expect((await deliver({ secret: 'infra secret' })).status).toBe(401);
    },
  );

  it.each(['', '\n'])('an empty one opens nothing: %j', async (value) => {
    vault.values.set('hook/infra', [value]);
    expect((await deliver({ secret: '' })).status).toBe(401);
    expect((await deliver({ secret: value })).status).toBe(401);
  });
});

it('nothing that is made up starts anything, throws, or shows a secret', async () => {
  const headers = fc.record(
    {
      'content-type': fc.constantFrom('application/json', 'text/plain', ''),
      'x-github-event': fc.string(),
      'x-gitlab-event': fc.string(),
      'x-event-key': fc.string(),
      'x-github-delivery': fc.string(),
      'x-hub-signature-256': fc.oneof(fc.string(), fc.constant(`sha256=${'0'.repeat(64)}`)),
      'x-gitlab-token': fc.string(),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
  );
  await fc.assert(
    fc.asyncProperty(headers, body, async (made, bytes) => {
      const answer = await receive('POST', { headers: made, body: Buffer.from(bytes) }, world);
      expect([400, 401, 415]).toContain(answer.status);
      expect(answer.sentence).not.toContain('infra-secret');
    }),
    { numRuns: 500 },
  );
  expect(sent).toEqual([]);
  expect(logged.join()).not.toContain('infra-secret');
});

it('a proven body that was made up is told so, and starts nothing', async () => {
  const made = fc.oneof(
    fc.json(),
    fc.record({ ref: fc.string(), after: fc.string(), commits: fc.anything() }).map((one) => JSON.stringify(one)),
    fc.jsonValue().map((value) => JSON.stringify(payload({ repository: value, commits: value }))),
  );
  await fc.assert(
    fc.asyncProperty(made, async (body) => {
      expect((await deliver({ body })).status).toBe(400);
    }),
    { numRuns: 300 },
  );
  expect(sent).toEqual([]);
  expect(store.objects.size).toBe(0);
});
