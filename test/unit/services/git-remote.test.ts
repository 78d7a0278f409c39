import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Source } from '#drift/target.ts';
import { HttpsGit } from '#services/git-remote.ts';
import { GitError } from '#services/ports.ts';

const TOKEN = 'git-token-0123456789';
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-git-'));
const repository = path.join(folder, 'infra.git');
const backend = path.join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
const git = (...args: readonly string[]): string =>
  execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], GIT_CONFIG_NOSYSTEM: '1', HOME: folder },
  }).trim();

/** What the next requests meet instead of the repository. */
type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;
let fault: Fault = () => false;
let requests = 0;
let server: Server;
let origin = '';

/** Git's own HTTP backend, as a CGI program. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  requests += 1;
  if (fault(request, response)) return;
  const url = new URL(request.url ?? '/', 'http://host');
  const child = spawn(backend, {
    env: {
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      PATH: process.env['PATH'],
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    for (const line of answer.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(answer.subarray(end + 4));
  });
}

beforeAll(async () => {
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  const tree = git('hash-object', '-t', 'tree', '-w', '/dev/null');
  const first = git('commit-tree', '-m', 'first', tree);
  const second = git('commit-tree', '-m', 'second', '-p', first, tree);
  git('update-ref', 'refs/heads/main', second);
  git('update-ref', 'refs/heads/main-old', first);
  git('update-ref', 'refs/heads/both', first);
  git('tag', 'both', second);
  git('tag', '-a', '-m', 'release', 'v1', first);
  server = createServer(serve).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  fault = () => false;
  requests = 0;
});

/** `https://git.example` is the server above. */
const rewired: typeof fetch = (input, init) => fetch(String(input).replace('https://git.example', origin), init);
const remote = new HttpsGit({ fetch: rewired, timeLimitMs: 5000 });
const at = (ref: string, url = 'https://git.example/infra.git'): Source => ({ name: 'infra', url, ref });
const head = async (ref: string, token: string | null = null): Promise<string> => remote.head(at(ref), token);
const failure = async (ref: string, token: string | null = null): Promise<GitError> => {
  const error = await head(ref, token).then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GitError)) throw error;
  return error;
};
const answer = (status: number, headers: Readonly<Record<string, string>> = {}): Fault => {
  return (_, response) => {
    response.writeHead(status, headers).end('<html>git-token</html>');
    return true;
  };
};

describe('the commit at a ref', () => {
  test.each(['main', 'refs/heads/main', 'main-old', 'v1', 'refs/tags/v1', 'both'])('%s', async (ref) => {
    const wanted = git('rev-parse', ref === 'both' ? 'refs/heads/both' : `${ref}^{commit}`);
    expect(await head(ref)).toBe(wanted);
  });

  test('is found too where the server knows the first protocol only', async () => {
    fault = (request) => {
      delete request.headers['git-protocol'];
      return false;
    };
    expect(await head('main')).toBe(git('rev-parse', 'main'));
    expect(await head('v1')).toBe(git('rev-parse', 'v1^{commit}'));
  });

  test('a ref that is not there is said to be missing', async () => {
    expect((await failure('mai')).message).toBe(
      "https://git.example/infra.git has no branch or tag mai: mend the source's ref, or push it",
    );
  });
});

describe('a commit that somebody names', () => {
  const isHead = (commit: string): Promise<boolean> => remote.isHead(at('main'), commit, null);

  test('is a head when a branch or a tag is there', async () => {
    const [first, second] = [git('rev-parse', 'main^'), git('rev-parse', 'main')];
    git('update-ref', '-d', 'refs/heads/main-old');
    git('update-ref', '-d', 'refs/heads/both');
    expect([await isHead(second), await isHead(first)]).toEqual([true, true]);
    git('tag', '-d', 'v1');
    expect([await isHead(second), await isHead(first)]).toEqual([true, false]);
    git('update-ref', 'refs/heads/both', first);
    git('update-ref', 'refs/heads/main-old', first);
    git('tag', '-a', '-m', 'release', 'v1', first);
  });

  test('is none when only a pull request is there, as a fork can make one', async () => {
    const strange = git('commit-tree', '-m', 'strange', git('rev-parse', 'main^{tree}'));
    git('update-ref', 'refs/pull/1/head', strange);
    expect([await isHead(strange), await isHead('0'.repeat(40))]).toEqual([false, false]);
  });

  test('is asked for with the same words when the host refuses', async () => {
    fault = answer(401);
    await expect(isHead('0'.repeat(40))).rejects.toThrow('wants a credential (401): give the source a token');
  });
});

describe('the credential', () => {
  test('is sent from the first request on, as basic authentication', async () => {
    const seen: (string | undefined)[] = [];
    fault = (request) => {
      seen.push(request.headers.authorization);
      return false;
    };
    await head('main', `${TOKEN}\n`);
    expect(seen).toHaveLength(2);
    for (const header of seen) {
      expect(Buffer.from(header?.replace('Basic ', '') ?? '', 'base64').toString()).toBe(`x-access-token:${TOKEN}`);
    }
  });

  test.each([
    [401, null, /wants a credential \(401\): give the source a token/],
    [403, TOKEN, /refused the source's token \(403\)/],
    [404, null, /was not found \(404\): the address is wrong, or the source needs a token/],
    [404, TOKEN, /was not found \(404\): .*token may not read it/],
  ])('status %i with token %s', async (status, token, message) => {
    fault = answer(status);
    const error = await failure('main', token);
    expect(error.message).toMatch(message);
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain(TOKEN);
  });

  test('is never sent over plain HTTP', async () => {
    await expect(remote.head(at('main', `${origin}/infra.git`), TOKEN)).rejects.toThrow('only https://');
    expect(requests).toBe(0);
  });

  test('is never sent to another host', async () => {
    fault = answer(302, { location: 'https://elsewhere.example/infra.git/info/refs?service=git-upload-pack' });
    expect((await failure('main', TOKEN)).message).toMatch(/has moved to https:\/\/elsewhere\.example: write the new/);
    expect(requests).toBe(1);
  });
});

describe('a server that misbehaves', () => {
  test('may redirect on its own host', async () => {
    fault = (request, response) => {
      if (!request.url?.startsWith('/old')) return false;
      response.writeHead(307, { location: request.url.replace('/old', '') }).end();
      return true;
    };
    const source = at('main', 'https://git.example/old/infra.git');
    expect(await remote.head(source, null)).toBe(git('rev-parse', 'main'));
  });

  test('may not redirect for ever', async () => {
    fault = answer(307, { location: '/again' });
    expect((await failure('main')).message).toMatch(/redirects more than 3 times/);
  });

  test('gets a second chance after a bad minute, and a third', async () => {
    fault = (_, response) => {
      if (requests > 2) return false;
      response.writeHead(503).end();
      return true;
    };
    expect(await head('main')).toBe(git('rev-parse', 'main'));
    expect(requests).toBeGreaterThanOrEqual(4);
  });

  test('is said to be failing when it keeps failing', async () => {
    fault = answer(500);
    expect((await failure('main')).message).toBe('https://git.example/infra.git answered with status 500');
    expect(requests).toBe(3);
  });

  test('is not waited for longer than the limit', async () => {
    fault = () => true;
    const impatient = new HttpsGit({ fetch: rewired, timeLimitMs: 300 });
    await expect(impatient.head(at('main'), null)).rejects.toThrow(/did not answer within 0\.3 seconds/);
    server.closeAllConnections();
  });

  test('is no git repository when it answers with a web page', async () => {
    fault = answer(200, { 'content-type': 'text/html' });
    expect((await failure('main')).message).toMatch(/does not answer as a git repository: is the address right\?/);
  });

  test('cannot be reached at all', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const nowhere = new HttpsGit({ fetch: (_, init) => fetch(`http://127.0.0.1:${port}/`, init) });
    await expect(nowhere.head(at('main'), null)).rejects.toThrow(/could not be reached: .*ECONNREFUSED/);
  });
});
