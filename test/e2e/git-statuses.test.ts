import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statusRequest } from '#drift/statuses/request.ts';
import type { CommitStatus } from '#drift/statuses/status.ts';
import { GitHost, type Repository } from '#sandbox/git-host.ts';
import { run } from '#sandbox/run.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { HttpsStatuses } from '#services/git/statuses.ts';
import { StatusRefused } from '#services/ports.ts';

const TOKEN = 'the-status-token';
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-statuses-'));
const trusted = getCACertificates();
let git: GitHost;
let repository: Repository;
let commit: string;

beforeAll(async () => {
  const certificates = await makeCertificates(folder);
  setDefaultCACertificates([...trusted, readFileSync(certificates.ca, 'utf8')]);
  git = await GitHost.start(path.join(folder, 'git'), certificates);
  const from = path.join(folder, 'from');
  mkdirSync(from);
  writeFileSync(path.join(from, 'main.tf'), '');
  repository = await git.create('acme/infra', from, 'a token to read with');
  commit = (await run('git', ['-C', repository.workingCopy, 'rev-parse', 'HEAD'])).trim();
});
beforeEach(() => git.allowStatuses('acme/infra', TOKEN));
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await git.stop();
  rmSync(folder, { recursive: true, force: true });
});

const STATUS: CommitStatus = {
  ...{ state: 'pending', description: 'is being compared with what runs', context: 'plumbline/prod/network' },
  link: 'https://eu-west-1.console.aws.amazon.com/s3/object/results?region=eu-west-1&prefix=state/prod/network.html',
};

describe.each([
  ['github', 'success'],
  ['gitlab', 'success'],
] as const)('%s', (host, good) => {
  const tell = (status: CommitStatus, token = TOKEN, at = commit, url = repository.url) =>
    new HttpsStatuses({ pauseMs: 10 }).send(statusRequest(host, url, at, status, token));
  const shown = () => git.statuses.shown.filter((one) => one.host === host).map(({ state }) => state);

  it('shows what it is told, and takes the same again', async () => {
    await tell(STATUS);
    await tell(STATUS);
    await tell({ ...STATUS, state: 'in-sync', description: 'in sync: 3 of 3 compared' });
    expect([...new Set(shown())]).toEqual(['pending', good]);
    expect(git.statuses.shown.at(-1)).toMatchObject({
      ...{ repository: 'acme/infra', commit, context: STATUS.context, link: STATUS.link },
    });
  });

  it('refuses another token, another repository and a commit that is not there', async () => {
    const before = git.statuses.shown.length;
    await expect(tell(STATUS, 'guessed')).rejects.toThrow(/answered 401.*The token is wrong/);
    await expect(tell(STATUS, TOKEN, commit, `${git.url}/acme/other.git`)).rejects.toThrow(/answered 404/);
    await expect(tell(STATUS, TOKEN, 'f'.repeat(40))).rejects.toThrow(StatusRefused);
    expect(git.statuses.shown).toHaveLength(before);
  });
});
