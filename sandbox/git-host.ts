import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CommitStatuses } from './git-statuses.ts';
import { GitTrees } from './git-trees.ts';
import { deliver, type Hook, type HookDelivery, pushPayload } from './github-hook.ts';
import { run } from './run.ts';
import type { Certificates } from './tls.ts';

const MAX_BODY = 50_000_000;
const MAX_HEADER = 65_536;
const AUTHOR = {
  GIT_AUTHOR_NAME: 'acme',
  GIT_AUTHOR_EMAIL: 'acme@example.com',
  GIT_COMMITTER_NAME: 'acme',
  GIT_COMMITTER_EMAIL: 'acme@example.com',
};

/** A git repository on the host: its address, and a working copy of somebody who may push. */
export interface Repository {
  readonly url: string;
  readonly workingCopy: string;
}

/** A git host over HTTPS: smart protocol, a token per repository for those that want one. */
export class GitHost {
  readonly url: string;
  readonly #dir: string;
  readonly #server: Server;
  readonly #tokens = new Map<string, string>();
  readonly #ca: Buffer;
  readonly #hooks = new Map<string, Hook>();
  /** What became of each push that a hook told of, the newest last. */
  readonly deliveries: (HookDelivery & { readonly body: string })[] = [];
  /** What commits are shown with. */
  readonly statuses: CommitStatuses;
  /** What folders of commits are shown. */
  readonly trees: GitTrees;
  readonly #writers = new Map<string, string>();
  /** Sees every request first; one that it answers itself (true) goes no further. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;

  private constructor(dir: string, server: Server, ca: Buffer) {
    this.#dir = dir;
    this.#ca = ca;
    this.#server = server;
    this.statuses = new CommitStatuses({
      mayWrite: (name, token) => (existsSync(this.#bare(name)) ? this.#writers.get(name) === token : null),
      hasCommit: async (name, commit) =>
        /^[0-9a-f]{40}$/.test(commit) &&
        run('git', ['-C', this.#bare(name), 'cat-file', '-e', `${commit}^{commit}`]).then(
          () => true,
          () => false,
        ),
    });
    this.trees = new GitTrees({
      mayRead: (name, token) => {
        const wanted = this.#tokens.get(name);
        return existsSync(this.#bare(name)) ? wanted === undefined || wanted === token : null;
      },
      list: (name, args) => run('git', ['-C', this.#bare(name), 'ls-tree', '-z', ...args]),
    });
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(dir: string, certificates: Certificates): Promise<GitHost> {
    mkdirSync(dir, { recursive: true });
    const server = createServer({ cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = new GitHost(dir, server, readFileSync(certificates.ca));
    server.on('request', (request, response) => {
      if (host.intercept(request, response)) return;
      if (host.statuses.answer(request, response) || host.trees.answer(request, response)) return;
      host.#answer(request, response).catch(() => response.destroy());
    });
    return host;
  }

  /** A new repository, `infra` or `acme/infra`, whose `main` holds the files of a folder. */
  async create(name: string, from: string, token: string | null): Promise<Repository> {
    const bare = this.#bare(name);
    await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', bare]);
    await run('git', ['-C', bare, 'config', 'http.receivepack', 'true']);
    await run('git', ['-C', bare, 'config', 'uploadpack.allowAnySHA1InWant', 'true']);
    this.protect(name, token);
    const workingCopy = path.join(this.#dir, name);
    cpSync(from, workingCopy, {
      recursive: true,
      filter: (file) => !/(^|\/)(\.git|\.terraform)(\/|$)/.test(path.relative(from, file)),
    });
    await run('git', ['-C', workingCopy, 'init', '--quiet', '--initial-branch=main']);
    const repository = { url: `${this.url}/${name}.git`, workingCopy };
    await run('git', ['-C', workingCopy, 'remote', 'add', 'origin', repository.url]);
    await run('git', ['-C', workingCopy, 'remote', 'set-url', '--push', 'origin', bare]);
    await this.push(repository, 'As it is today');
    return repository;
  }

  /** Asks for a token from now on, or for none. */
  protect(name: string, token: string | null): void {
    if (token === null) this.#tokens.delete(name);
    else this.#tokens.set(name, token);
  }

  /** The token that may write statuses of a repository's commits. */
  allowStatuses(name: string, token: string): void {
    this.#writers.set(name, token);
  }

  #bare(name: string): string {
    return path.join(this.#dir, `${name}.git`);
  }

  /** Commits what the working copy holds and pushes it. @param over in place of its newest commit @returns the commit */
  async push(repository: Repository, message: string, over = false): Promise<string> {
    const git = (...args: string[]) => run('git', ['-C', repository.workingCopy, ...args], { env: AUTHOR });
    const heads = await git('ls-remote', await git('remote', 'get-url', '--push', 'origin'), 'refs/heads/main');
    const before = heads === '' ? null : heads.slice(0, 40);
    await git('add', '--all');
    await git('commit', '--quiet', '--message', message);
    if (over) await git('rebase', '--quiet', '--onto', 'HEAD~2', 'HEAD^');
    await git('push', '--quiet', ...(over ? ['--force'] : []), 'origin', 'main');
    const after = (await git('rev-parse', 'HEAD')).trim();
    const hook = this.#hooks.get(repository.url);
    if (hook !== undefined) {
      await this.send(hook, await pushPayload({ ...repository, before, after, forced: over }));
    }
    return after;
  }

  /** From now on each push is told to an address, as a webhook does. */
  hook(repository: Repository, hook: Hook): void {
    this.#hooks.set(repository.url, hook);
  }

  /** Sends a body to a hook. @param id of a delivery that is sent again */
  async send(hook: Hook, body: string, id?: string): Promise<HookDelivery> {
    const delivery = await deliver(hook, body, this.#ca, id);
    this.deliveries.push({ ...delivery, body });
    return delivery;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const name = decodeURIComponent(url.pathname.split('.git')[0] ?? '').slice(1);
    const token = this.#tokens.get(name);
    if (token !== undefined && !holds(request.headers.authorization, token)) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end('a token is needed\n');
      return;
    }
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) {
      response.writeHead(413).end();
      return;
    }
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_PROJECT_ROOT: this.#dir,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: token === undefined ? '' : 'token',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    // A backend that ends early leaves the request's body unread; that is its answer, not a fault of ours.
    pipeline(request, child.stdin).catch(() => undefined);
    await forward(child.stdout, response);
  }
}

function holds(header: string | undefined, token: string): boolean {
  const given = Buffer.from((header ?? '').replace(/^Basic /, ''), 'base64')
    .toString('utf8')
    .split(':')
    .slice(1)
    .join(':');
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** CGI: headers, an empty line, the body. */
async function forward(output: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of output) {
    if (head === null) {
      if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
      continue;
    }
    head = Buffer.concat([head, Buffer.from(chunk)]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > MAX_HEADER) break;
      continue;
    }
    const lines = head.subarray(0, end).toString('latin1').split('\r\n');
    for (const line of lines) {
      const [name = '', ...value] = line.split(': ');
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value.join(': '), 10);
      else response.setHeader(name, value.join(': '));
    }
    response.write(head.subarray(end + 4));
    head = null;
  }
  if (head !== null) response.statusCode = 500;
  response.end();
}
