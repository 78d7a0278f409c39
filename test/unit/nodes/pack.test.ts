import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packBundle } from '#checks/nodes/bundle.ts';
import { openFile, Packing, readSmall } from '#checks/nodes/pack.ts';
import { refuseMissing, selectFiles } from '#checks/nodes/selection.ts';
import { NotReady } from '#checks/not-ready.ts';
import type { NodesCheck } from '#drift/target.ts';

const OUTSIDE = 'of-the-builds-own-machine';
let root: string;
let outside: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'plumbline-pack-')));
  outside = realpathSync(mkdtempSync(path.join(tmpdir(), 'plumbline-outside-')));
  writeFileSync(path.join(outside, 'secret.yml'), OUTSIDE);
});
afterEach(() => {
  for (const folder of [root, outside]) rmSync(folder, { recursive: true, force: true });
});

const write = (files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
};
const link = (to: string, name: string): void => symlinkSync(to, path.join(root, name));

const check = (over: Partial<NodesCheck> = {}): NodesCheck => ({
  playbook: 'ansible/site.yml',
  extraVars: {},
  secretVars: {},
  extraVarsFiles: [],
  ...{ tags: [], skipTags: [], secretVariables: [], minNodes: 1, settleSeconds: 0, concurrency: '50' },
  ...over,
});
const selected = async (
  over: Partial<NodesCheck> = {},
  settings = {},
  folder = 'ansible',
): Promise<readonly string[]> => {
  await refuseMissing(root, check(over));
  return (await selectFiles(root, check(over), { folder, settings })).map((packed) => packed.path);
};
/** The whole archive, as bytes: what is not in them was not read. */
const archive = async (folder: string): Promise<string> => {
  const packing = new Packing(root);
  await packing.add(folder);
  const { bytes } = await packBundle({ texts: {}, trees: [{ root, files: packing.list(), as: 'source' }] });
  return gunzipSync(bytes).toString('latin1');
};
const refusal = async (act: () => Promise<unknown>): Promise<string> => {
  const error = await act().then(
    () => new Error('nothing was refused'),
    (caught: unknown) => caught as Error,
  );
  expect(error).toBeInstanceOf(NotReady);
  expect(error.message).not.toContain(OUTSIDE);
  return error.message;
};

describe('what of a repository is handed over', () => {
  it('is the folder of the playbook, inventory and variables with what belongs to them, and no more', async () => {
    write({
      ...{ 'ansible/site.yml': '', 'ansible/roles/a/tasks/main.yml': '', 'ansible/.git/config': '', '.git/HEAD': '' },
      ...{ 'inventories/prod/hosts.ini': '', 'inventories/prod/group_vars/all.yml': '', 'inventories/test/hosts': '' },
      ...{ 'vars/prod.yml': '', 'vars/test.yml': '', 'shared/roles/b/tasks/main.yml': '', 'terraform/main.tf': '' },
    });
    const settings = { ANSIBLE_ROLES_PATH: '{source}/shared/roles:/usr/share/ansible/roles:{source}/gone' };
    const over = { inventory: 'inventories/prod/hosts.ini', extraVarsFiles: ['vars/prod.yml'] };
    expect((await selected(over, settings)).filter((name) => /\.\w+$/.test(name))).toEqual([
      ...['ansible/roles/a/tasks/main.yml', 'ansible/site.yml', 'inventories/prod/group_vars/all.yml'],
      ...['inventories/prod/hosts.ini', 'shared/roles/b/tasks/main.yml', 'vars/prod.yml'],
    ]);
  });

  it('is the same bytes, whatever order the disk has it in', async () => {
    write({ 'a/2': 'x', 'a/1': 'y' });
    const first = await archive('a');
    rmSync(path.join(root, 'a'), { recursive: true });
    write({ 'a/1': 'y', 'a/2': 'x' });
    expect(await archive('a')).toBe(first);
  });

  it.each([
    [{ playbook: 'ansible/gone.yml' }, "ansible/gone.yml is not in the repository: mend the target's nodes.playbook"],
    [{ inventory: 'gone' }, "gone is not in the repository: mend the target's nodes.inventory"],
    [{ extraVarsFiles: ['gone.yml'] }, "gone.yml is not in the repository: mend the target's nodes.extraVarsFiles"],
    [{ extraVarsFiles: ['../gone.yml'] }, '../gone.yml leads out of the repository: name a path from its root'],
    [{ playbook: '/etc/passwd' }, '/etc/passwd leads out of the repository: name a path from its root'],
  ])('%j is refused with what to mend', async (over, message) => {
    write({ 'ansible/site.yml': '' });
    expect(await refusal(() => selected(over))).toBe(message);
  });
});

describe('a hostile repository', () => {
  it('gets no byte through a link, to a file or to a folder', async () => {
    write({ 'a/plain': 'of-the-repository' });
    link(path.join(outside, 'secret.yml'), 'a/file');
    link(outside, 'a/folder');
    link('/proc/self/environ', 'a/environ');
    const bytes = await archive('a');
    expect(bytes).toContain('of-the-repository');
    expect(bytes).not.toContain(OUTSIDE);
    expect(bytes).not.toContain('PATH=');
  });

  it('is not followed when a listed file has become a link', async () => {
    write({ 'a/file': 'x' });
    const packing = new Packing(root);
    await packing.add('a');
    rmSync(path.join(root, 'a/file'));
    link(path.join(outside, 'secret.yml'), 'a/file');
    const trees = [{ root, files: packing.list(), as: 'source' }];
    expect(await refusal(() => packBundle({ texts: {}, trees }))).toBe('a/file cannot be read');
    expect(await readSmall(root, 'a/file', 1000)).toBeNull();
    await expect(openFile(root, 'a/file')).rejects.toThrow(NotReady);
  });

  it.each([
    [
      'the playbook',
      { playbook: 'ansible/link.yml' },
      /^ansible\/link\.yml is a link out of the repository or nowhere: name/,
    ],
    ['an inventory', { inventory: 'ansible/link.yml' }, /^ansible\/link\.yml is a link out .*nodes\.inventory$/],
    [
      'variables',
      { extraVarsFiles: ['ansible/link.yml'] },
      /^ansible\/link\.yml is a link out .*nodes\.extraVarsFiles$/,
    ],
    ['a folder on the way', { playbook: 'linked/secret.yml' }, /^linked is a link: name the folder that it leads to$/],
  ])('that makes %s a link is refused', async (_, over, message) => {
    write({ 'ansible/site.yml': '' });
    link(path.join(outside, 'secret.yml'), 'ansible/link.yml');
    link(outside, 'linked');
    expect(await refusal(() => selected(over))).toMatch(message);
  });

  it('may have a playbook that is a link to one that is handed over, and to no other', async () => {
    write({ 'ansible/real.yml': '', 'other/real.yml': '' });
    link('real.yml', 'ansible/site.yml');
    expect(await selected()).toContain('ansible/real.yml');
    link('../other/real.yml', 'ansible/other.yml');
    expect(await refusal(() => selected({ playbook: 'ansible/other.yml' }))).toMatch(
      /is a link to other\/real\.yml, which is not handed over/,
    );
  });

  it('gets neither a pipe nor a socket opened', async () => {
    write({ 'a/x': '', 'b/x': '' });
    execFileSync('mkfifo', [path.join(root, 'a/pipe')]);
    expect(await refusal(() => archive('a'))).toMatch(/^a\/pipe is neither a file nor a folder nor a link/);
    const server = createServer().listen(path.join(root, 'b/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await refusal(() => archive('b'))).toMatch(/^b\/socket is neither/);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is bounded in bytes before one of them is read, and in files', async () => {
    write({ 'a/huge': '' });
    truncateSync(path.join(root, 'a/huge'), 2 ** 40);
    const before = process.memoryUsage().rss;
    expect(await refusal(() => archive('a'))).toMatch(/more than 268435456 bytes, with a\/huge: put an ansible\.cfg/);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    write(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`many/${index}`, ''])));
    const packing = new Packing(root, { files: 30, bytes: 1000 });
    expect(await refusal(() => packing.add('many'))).toMatch(/^more than 30 files belong to the playbook: put/);
  });

  it('is bounded when packed, and all that nodes take together', async () => {
    const noise = Array.from({ length: 4000 }, (_, index) => (index * 2654435761).toString(36)).join('');
    write({ 'a/noise': noise });
    const packing = new Packing(root);
    await packing.add('a');
    const trees = [{ root, files: packing.list(), as: 'source' }];
    expect(await refusal(() => packBundle({ texts: {}, trees }, { packed: 5000 }))).toMatch(
      /more than 5000 bytes, packed/,
    );
    expect(await refusal(() => packBundle({ texts: {}, trees }, { bytes: 5000 }))).toMatch(/more than 5000 bytes/);
    expect(await refusal(() => packBundle({ texts: { x: '' }, trees }, { files: 2 }))).toMatch(/more than 2 files/);
  });

  it('may use any name that is text', async () => {
    write({ 'a/new\nline': '1', 'a/é 漢': '2', [`a/${'l'.repeat(250)}`]: '3' });
    expect((await selected({ playbook: 'a/new\nline' }, {}, 'a')).length).toBe(4);
    writeFileSync(Buffer.concat([Buffer.from(path.join(root, 'a/')), Buffer.from([0xe9])]), '');
    expect(await refusal(() => archive('a'))).toMatch(/^"a\/.*" has a name that is not UTF-8: rename it$/);
  });
});
