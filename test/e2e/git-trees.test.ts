import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GitHost, type Repository } from '#sandbox/git-host.ts';
import { run } from '#sandbox/run.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { HttpsChanges } from '#services/git/host-changes.ts';
import { ChangesUnknown } from '#services/ports.ts';

const TOKEN = 'the-token-to-read-with';
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-trees-'));
const trusted = getCACertificates();
let git: GitHost;
let repository: Repository;
let before: string;
let after: string;

const write = (root: string, file: string, text: string): void => {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
};
const inRepository = (...args: string[]) => run('git', ['-C', repository.workingCopy, ...args]);

beforeAll(async () => {
  const certificates = await makeCertificates(folder);
  setDefaultCACertificates([...trusted, readFileSync(certificates.ca, 'utf8')]);
  git = await GitHost.start(path.join(folder, 'git'), certificates);
  const from = path.join(folder, 'from');
  for (let at = 0; at < 120; at += 1) write(from, `apps/shop/${String(at).padStart(3, '0')}.yaml`, `${at}\n`);
  write(from, 'same/main.tf', '');
  repository = await git.create('acme/infra', from, TOKEN);
  write(repository.workingCopy, 'taken away/ümläut.txt', 'gone after the forced push\n');
  before = await git.push(repository, 'Taken away later');
  write(repository.workingCopy, 'apps/shop/119.yaml', 'another\n');
  await inRepository('mv', 'apps/shop/118.yaml', 'renamed.yaml');
  after = await git.push(repository, 'In its place', true);
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await git.stop();
  rmSync(folder, { recursive: true, force: true });
});

const between = (host: 'github' | 'gitlab', token: string | null, to = after) =>
  new HttpsChanges().between(host, repository.url, { before, after: to }, token);

it.each(['github', 'gitlab'] as const)('%s tells what a forced push changed, as git does', async (host) => {
  const told = await inRepository('diff-tree', '-r', '-z', '--name-only', '--no-renames', before, after);
  const wanted = told.split('\0').filter((file) => file !== '');
  expect(wanted).toContain('taken away/ümläut.txt');
  expect([...(await between(host, TOKEN))].sort()).toEqual(wanted.sort());
  const base = await inRepository('diff', '--name-only', `${before}...${after}`);
  expect(base, 'from the merge base it cannot be seen').not.toContain('taken away');
});

it.each(['github', 'gitlab'] as const)('%s refuses another token and a commit that is gone', async (host) => {
  await expect(between(host, 'guessed')).rejects.toThrow(/answered 401/);
  await expect(between(host, null)).rejects.toThrow(/answered 404/);
  await expect(between(host, TOKEN, 'f'.repeat(40))).rejects.toThrow(ChangesUnknown);
});
