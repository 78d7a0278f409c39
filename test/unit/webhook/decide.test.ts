import { describe, expect, it } from 'vitest';
import type { Source, Target } from '#drift/target.ts';
import { addressOf, decide, touching } from '#drift/webhook/decide.ts';
import type { Push } from '#drift/webhook/push.ts';
import { SHOP, TARGET } from '../runs/world.ts';

const INFRA: Source = { name: 'infra', url: 'https://git.example/acme/infra.git', ref: 'main' };
const APPS: Source = { name: 'apps', url: 'https://git.example/acme/apps.git', ref: 'refs/heads/release' };
const NETWORK: Target = { ...TARGET, source: INFRA };
const STORAGE: Target = { ...TARGET, name: 'prod/storage', source: INFRA };
const WEB: Target = { ...SHOP, source: APPS };
const TARGETS = [NETWORK, STORAGE, WEB];
const PATHS: Readonly<Record<string, readonly string[]>> = {
  'prod/network': ['terraform/network', 'terraform/modules/network', 'terraform/env/prod.tfvars'],
  'prod/storage': ['terraform/storage'],
  'prod/shop': ['k8s'],
};
const PUSH: Push = {
  urls: ['https://git.example/acme/infra'],
  ref: 'refs/heads/main',
  before: 'a'.repeat(40),
  after: 'b'.repeat(40),
  author: 'alice',
  files: ['terraform/network/main.tf'],
  mayBeForced: false,
};

const look = (push: Partial<Push>, options: { proven?: readonly Source[]; targets?: readonly Target[] } = {}) =>
  decide(
    { ...PUSH, ...push },
    options.proven ?? [INFRA],
    options.targets ?? TARGETS,
    async ({ name }) => PATHS[name] ?? null,
  );
const names = async (...args: Parameters<typeof look>) => (await look(...args)).targets.map(({ name }) => name);

describe('which targets a push asks for', () => {
  it('those that are made of what it touched', async () => {
    expect(await names({})).toEqual(['prod/network']);
    expect(await names({ files: ['terraform/modules/network/vpc.tf'] })).toEqual(['prod/network']);
    expect(await names({ files: ['terraform/env/prod.tfvars'] })).toEqual(['prod/network']);
    expect(await names({ files: ['terraform/storage/a/b.tf', 'terraform/network'] })).toEqual([
      'prod/network',
      'prod/storage',
    ]);
  });

  it('by segments of the path, not by text', async () => {
    expect(
      await names({ files: ['terraform/network-old/main.tf', 'terraform/networks', 'x/terraform/network/a'] }),
    ).toEqual([]);
    expect((await look({ files: ['README.md'] })).sentence).toBe('none of 2 targets is made of what was pushed');
  });

  it('all of the source where the files are not known, or what a target is made of', async () => {
    expect(await names({ files: null })).toEqual(['prod/network', 'prod/storage']);
    expect(await names({}, { targets: [{ ...NETWORK, name: 'prod/new' }] })).toEqual(['prod/new']);
  });

  it('of a push that does not tell its files, with what git is to be asked of each', async () => {
    const found = await look({ files: null }, { targets: [...TARGETS, { ...NETWORK, name: 'prod/new' }] });
    expect(found.targets.map(({ name }) => name)).toEqual(['prod/network', 'prod/storage', 'prod/new']);
    expect([...found.unsure]).toEqual([
      ['prod/network', PATHS['prod/network']],
      ['prod/storage', PATHS['prod/storage']],
    ]);
    expect(found.sentence).toMatch(
      /^looks at prod\/new; and at prod\/network, prod\/storage, unless git says that nothing of them was changed$/,
    );
    const none = await look({ files: null }, { targets: [] });
    expect(none).toMatchObject({ targets: [], sentence: 'none of 0 targets is made of what was pushed' });
    expect((await look({})).unsure.size).toBe(0);
    expect((await look({ files: null, before: null })).unsure.size, 'a new ref').toBe(0);
  });

  it('of a push that may have been forced: what it names, and of the rest what git is to be asked', async () => {
    const found = await look({ mayBeForced: true });
    expect(found.targets.map(({ name }) => name)).toEqual(['prod/network', 'prod/storage']);
    expect([...found.unsure.keys()]).toEqual(['prod/storage']);
    expect(found.sentence).toBe(
      'looks at prod/network; and at prod/storage, unless git says that nothing of them was changed',
    );
  });

  it.each([
    ['another branch', { ref: 'refs/heads/feature' }, /is no ref that a source looks at/],
    ['a tag of another name', { ref: 'refs/tags/v1' }, /is no ref that a source looks at/],
    ['a branch whose name ends like it', { ref: 'refs/heads/x/main' }, /is no ref/],
    ['a deleted branch', { after: null }, /was deleted/],
    ['another repository', { urls: ['https://git.example/acme/other'] }, /is not the one of the source/],
    ['one of another host', { urls: ['https://evil.example/acme/infra'] }, /is not the one of the source/],
  ])('none for %s', async (_what, push, sentence) => {
    const found = await look(push);
    expect(found.targets).toEqual([]);
    expect(found.sentence).toMatch(sentence);
  });

  it('a secret speaks for its own sources only', async () => {
    expect(await names({}, { proven: [APPS] })).toEqual([]);
    expect(
      await names(
        { urls: ['git@git.example:acme/apps.git'], ref: 'refs/heads/release', files: ['k8s/a'] },
        { proven: [APPS] },
      ),
    ).toEqual(['prod/shop']);
  });

  it('nothing that is paused or retired', async () => {
    expect(await names({}, { targets: [{ ...NETWORK, enabled: false }] })).toEqual([]);
    expect(await names({}, { targets: [{ ...NETWORK, retired: true }] })).toEqual([]);
  });
});

it.each([
  ['https://github.com/acme/infra.git', 'https://github.com/acme/infra', true],
  ['https://github.com/acme/infra', 'git@github.com:acme/infra.git', true],
  ['https://github.com/acme/infra', 'ssh://git@github.com/acme/infra.git', true],
  ['https://GitHub.com/Acme/Infra', 'https://github.com/acme/infra/', true],
  ['https://token@github.com/acme/infra', 'https://github.com/acme/infra', true],
  ['https://github.com/acme/infra', 'https://github.com/acme/infra2', false],
  ['https://github.com/acme/infra', 'https://github.com.evil.example/acme/infra', false],
  ['https://github.com/acme/infra', 'https://evil.example/github.com/acme/infra', false],
])('%s and %s are one repository: %s', (a, b, same) => {
  expect(addressOf(a) === addressOf(b)).toBe(same);
});

it.each([
  ['a/b', 'a', true],
  ['a', 'a', true],
  ['a/b', 'a/', true],
  ['ab', 'a', false],
  ['a/bc', 'a/b', false],
  // A link or a submodule that leads elsewhere now.
  ['a', 'a/b', true],
  ['a', 'ab/c', false],
  ['anything', '.', true],
])('%s touches what is made of %s: %s', (file, path, isTouched) => {
  expect(touching([file])([path])).toBe(isTouched);
});

it('a push of thousands of files is compared with hundreds of targets in far less than a host waits for', () => {
  const files = Array.from({ length: 8000 }, (_, index) => `teams/${index % 50}/charts/${index}/templates/web.yaml`);
  const paths = Array.from({ length: 500 }, (_, index) => `k8s/overlays/prod/${index}/kustomization.yaml`);
  const begun = performance.now();
  const isTouched = touching(files);
  for (let target = 0; target < 100; target += 1) expect(isTouched(paths)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(5000);
});
