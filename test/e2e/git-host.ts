import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A git host for one bare repository, over HTTPS with a certificate of its own. */
export interface TestGitHost {
  readonly url: string;
  readonly caFile: string;
  /** A clone with commits to push from: its HEAD is what `commit()` made last. */
  commit(files: Readonly<Record<string, string>>): string;
  /** Basic password that is asked for; null: none. */
  token: string | null;
  /** Whether single commits are served. */
  allowCommits(allow: boolean): void;
  /** Answers that take the place of git's, when set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** Headers of all requests so far. */
  readonly seen: readonly IncomingMessage['headers'][];
  stop(): Promise<void>;
}

export async function startGitHost(): Promise<TestGitHost> {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-git-host-'));
  const at = (name: string): string => join(folder, name);
  const quiet = { cwd: folder, stdio: 'ignore' } as const;
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...[
        '-keyout',
        at('key.pem'),
        '-out',
        at('cert.pem'),
        '-subj',
        '/CN=git',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      ],
    ],
    quiet,
  );
  execFileSync('git', ['init', '--bare', '--initial-branch=main', at('repo.git')], quiet);
  execFileSync('git', ['init', '--initial-branch=main', at('work')], quiet);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: at('work') })
      .toString()
      .trim();

  let single = true;
  const seen: IncomingMessage['headers'][] = [];
  const server = createServer({ key: readFileSync(at('key.pem')), cert: readFileSync(at('cert.pem')) });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request.headers);
    if (host.answer !== null) return host.answer(request, response);
    const wanted = host.token === null ? undefined : Buffer.from(`x-access-token:${host.token}`).toString('base64');
    if (wanted !== undefined && request.headers.authorization !== `Basic ${wanted}`) {
      return response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
    }
    // Protocol 2 serves any commit, whatever the repository's settings say.
    if (!single) delete request.headers['git-protocol'];
    return serve(folder, request, response);
  });
  // Another user's git has to read the certificate.
  chmodSync(folder, 0o755);
  chmodSync(at('cert.pem'), 0o644);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const host: TestGitHost = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`,
    caFile: at('cert.pem'),
    token: null,
    answer: null,
    seen,
    allowCommits: (allow) => {
      single = allow;
      execFileSync('git', ['config', 'uploadpack.allowAnySHA1InWant', String(allow)], { cwd: at('repo.git') });
      execFileSync('git', ['config', 'uploadpack.allowReachableSHA1InWant', String(allow)], { cwd: at('repo.git') });
    },
    commit: (files) => {
      for (const [name, text] of Object.entries(files)) {
        execFileSync('mkdir', ['-p', join(at('work'), name, '..')]);
        writeFileSync(join(at('work'), name), text);
      }
      git('add', '-A');
      git('commit', '-q', '-m', 'test');
      git('push', '-q', at('repo.git'), 'HEAD:main');
      return git('rev-parse', 'HEAD');
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  host.allowCommits(true);
  return host;
}

/** CGI, as `git http-backend` speaks it. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'https://git');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.stdout.on('end', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    const headers = all
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string]);
    const status = Number(headers.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers)).end(all.subarray(end + 4));
  });
}
