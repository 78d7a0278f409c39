import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GALAXY_REQUIREMENTS } from '#checks/nodes/galaxy-requirements.ts';
import { wantedCollections } from '#checks/nodes/requirements.ts';

const VENDORED = { collections: ['ansible/collections'], roles: ['ansible/roles'] };
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'plumbline-requirements-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
};
const wanted = (text: string, at = 'ansible/requirements.yml') => {
  write({ [at]: text });
  return wantedCollections(root, ['ansible'], VENDORED);
};

describe('what a requirements file wants', () => {
  it.each([
    ['ansible/requirements.yml'],
    ['ansible/requirements.yaml'],
    ['ansible/collections/requirements.yml'],
    ['ansible/roles/requirements.yml'],
  ])('is read from %s', async (at) => {
    expect(await wanted('collections: [{ name: a.b, version: 1.2.3 }]', at)).toEqual([
      { name: 'a.b', version: '1.2.3', type: 'galaxy' },
    ]);
  });

  it.each<[string, unknown]>([
    ['collections: [{ name: a.b, version: "==1.2.3-rc.1" }]', [{ name: 'a.b', version: '1.2.3-rc.1', type: 'galaxy' }]],
    [
      'collections: [{ name: a.b, version: 1.2.3, source: https://galaxy.example }]',
      [{ name: 'a.b', version: '1.2.3', type: 'galaxy', source: 'https://galaxy.example' }],
    ],
    [
      'collections: [{ name: https://x.example/a.tar.gz, type: url }]',
      [{ name: 'https://x.example/a.tar.gz', type: 'url' }],
    ],
    ['collections: [https://x.example/a.tar.gz]', [{ name: 'https://x.example/a.tar.gz', type: 'url' }]],
    [
      `collections: [{ name: git+https://x.example/a.git, type: git, version: ${COMMIT} }]`,
      [{ name: 'https://x.example/a.git', type: 'git', version: COMMIT }],
    ],
    [
      'collections: [{ name: a.b, version: 1.2.3 }, { name: a.b, version: 1.2.3 }]',
      [{ name: 'a.b', version: '1.2.3', type: 'galaxy' }],
    ],
    [
      `collections: [{ name: "https://x.example/a.git#/sub/a", type: git, version: ${COMMIT} }]`,
      [{ name: 'https://x.example/a.git#/sub/a', type: 'git', version: COMMIT }],
    ],
    ['collections:', []],
    ['', []],
    ['{}', []],
  ])('%s', async (text, expected) => expect(await wanted(text)).toEqual(expected));

  it.each([
    [
      'collections: [a.b]',
      /wants a\.b in no exact version: write version: and one, such as 2\.1\.0, or vendor it below/,
    ],
    ['collections: [{ name: a.b, version: ">=1.2.3" }]', /in no exact version/],
    ['collections: [{ name: a.b, version: 1.2 }]', /in no exact version/],
    ['collections: [{ name: a.b, version: "*" }]', /in no exact version/],
    ['collections: [{ name: a.b, version: 1.2.3, source: private }]', /from a server that is no https:\/\/ address/],
    ['collections: [{ name: a.b, version: 1.2.3, source: "https://u:p@x.example" }]', /from a server that is no https/],
    ['collections: [{ name: http://x.example/a.tar.gz, type: url }]', /from an address that is not https/],
    ['collections: [{ name: git@x.example:a.git, type: git, version: main }]', /from a repository that is not https/],
    [
      'collections: [{ name: https://x.example/a.git, type: git, version: main }]',
      /at no exact commit: write version: and its 40/,
    ],
    ...['.git,main', '.git#sub,main', ',0', '.git#../../other', '.git#a/../../b', '.git#a#b'].map(
      (end): [string, RegExp] => [
        `collections: [{ name: "git+https://x.example/a${end}", type: git, version: ${COMMIT} }]`,
        /by more than an address and a folder in it: write https:\/\/…#folder, and the commit into version:/,
      ],
    ),
    [
      `collections: [{ name: a.b, type: git, source: "https://x.example/a.git,main", version: ${COMMIT} }]`,
      /wants a\.b by more than an address/,
    ],
    ['collections: [{ name: ../other, type: dir }]', /from another place than galaxy, https:\/\/ or git/],
    ['collections: [{ name: /etc/shadow, type: file }]', /from another place/],
    ['collections: [{ name: -r.x, version: 1.2.3, type: galaxy }]', /by no name of a collection/],
    [
      'roles: [geerlingguy.docker]',
      /wants the role geerlingguy\.docker, which is not in the repository: vendor it below roles\//,
    ],
    ['- src: https://x.example/role.git\n', /wants the role https:\/\/x\.example\/role\.git, which is not/],
    ['collections: [{}]', /is no requirements file: write collections:/],
    ['collections: [', /cannot be read as YAML/],
    ['a: &a [x]\ncollections: *a', /cannot be read as YAML/],
  ])('%s is refused with what to write', async (text, message) => {
    await expect(wanted(text)).rejects.toThrow(message);
    await expect(wanted(text)).rejects.toThrow(/^ansible\/requirements\.yml /);
  });

  it('needs nothing that is in the repository', async () => {
    write({
      'ansible/collections/ansible_collections/a/b/MANIFEST.json': '{}',
      'ansible/roles/docker/tasks/main.yml': '',
    });
    const file = 'collections: [a.b, { name: c.d, version: 1.0.0 }]\nroles: [{ src: https://x.example/docker.git }]';
    expect(await wanted(file)).toEqual([{ name: 'c.d', version: '1.0.0', type: 'galaxy' }]);
  });

  it('is not read through a link', async () => {
    write({ 'elsewhere.yml': 'collections: [a.b]', 'ansible/site.yml': '' });
    symlinkSync('../elsewhere.yml', path.join(root, 'ansible/requirements.yml'));
    expect(await wantedCollections(root, ['ansible'], VENDORED)).toEqual([]);
  });
});

it('pins every package of ansible-core by hash', () => {
  const packages = GALAXY_REQUIREMENTS.trim().split(/\n(?! )/);
  expect(packages.map((text) => text.split('==')[0])).toEqual([
    ...['ansible-core', 'jinja2', 'markupsafe', 'packaging', 'pyyaml', 'resolvelib'],
  ]);
  for (const text of packages) expect(text).toMatch(/^[a-z0-9-]+==[\d.]+( \\\n {2}--hash=sha256:[0-9a-f]{64})+$/);
});
