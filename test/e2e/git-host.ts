import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GitHost } from '#sandbox/git-host.ts';
import { run } from '#sandbox/run.ts';
import { makeCertificates } from '#sandbox/tls.ts';

/** A git host with one repository, which can be made to misbehave. */
export interface TestGitHost {
  readonly url: string;
  readonly caFile: string;
  /** Writes files, commits and pushes them. @returns the commit */
  commit(files: Readonly<Record<string, string>>): Promise<string>;
  /** Asks for this password from now on; null: for none. */
  protect(token: string | null): void;
  /** Whether single commits are served. */
  allowCommits(allow: boolean): Promise<void>;
  /** Answers that take the place of git's, when set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** Headers of all requests so far. */
  readonly seen: readonly IncomingMessage['headers'][];
  stop(): Promise<void>;
}

export async function startGitHost(): Promise<TestGitHost> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-git-host-'));
  // Another user's git has to read the certificate.
  chmodSync(folder, 0o755);
  const certificates = await makeCertificates(folder);
  const git = await GitHost.start(path.join(folder, 'git'), certificates);
  const start = path.join(folder, 'start');
  mkdirSync(start);
  writeFileSync(path.join(start, '.gitignore'), '');
  const repository = await git.create('repo', start, null);
  const bare = path.join(folder, 'git/repo.git');

  let single = true;
  const seen: IncomingMessage['headers'][] = [];
  const host: TestGitHost = {
    url: repository.url,
    caFile: certificates.ca,
    answer: null,
    seen,
    protect: (token) => git.protect('repo', token),
    allowCommits: async (allow) => {
      single = allow;
      for (const key of ['allowAnySHA1InWant', 'allowReachableSHA1InWant'])
        await run('git', ['-C', bare, 'config', `uploadpack.${key}`, String(allow)]);
    },
    commit: (files) => {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(repository.workingCopy, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      return git.push(repository, 'test');
    },
    stop: async () => {
      await git.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  git.intercept = (request, response) => {
    seen.push(request.headers);
    if (host.answer !== null) {
      host.answer(request, response);
      return true;
    }
    // Protocol 2 serves any commit, whatever the repository's settings say.
    if (!single) delete request.headers['git-protocol'];
    return false;
  };
  return host;
}
