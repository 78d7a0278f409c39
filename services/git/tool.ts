import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GitError } from '../ports.ts';
import { type ProcessRequest, type ProcessResult, type ProcessUser, runProcess } from '../process.ts';

const MAX_REPOSITORY_BYTES = 2 * 1024 ** 3;
const MAX_FILES = 200_000;
const WATCH_MS = 1_000;

/** One working copy of a commit, and how the system's git may work on it. */
export interface GitRequest {
  /** `https://…`, without a credential. */
  readonly url: string;
  /** 40 hex digits. */
  readonly commit: string;
  /** Where the commit can be found when the host does not serve single commits. */
  readonly ref: string;
  readonly token: string | null;
  /** An empty folder that `user` owns. */
  readonly folder: string;
  /** A folder for git's own home, outside `folder`, that `user` owns. */
  readonly home: string;
  readonly path: string;
  /** Certificates to trust instead of the system's. */
  readonly caFile?: string;
  readonly proxies: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly user?: ProcessUser;
  /** @default 2 GiB, of what is fetched and of what is checked out */
  readonly maxBytes?: number;
}

/** Nothing but the commits that are named. */
export const FETCH = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'] as const;

export const isOk = ({ end }: ProcessResult): boolean => end.kind === 'exited' && end.exitCode === 0;

/**
 * The system's git: over HTTPS only, without hooks, filters, submodules or anything that a git configuration of this
 * machine says. The token travels in the environment of the git process, as a header for that repository's host alone.
 */
export class Git {
  readonly #request: GitRequest;
  readonly #deadline: number;
  readonly #maxBytes: number;
  #tooLarge = false;

  constructor(request: GitRequest, deadline: number) {
    this.#request = request;
    this.#deadline = deadline;
    this.#maxBytes = request.maxBytes ?? MAX_REPOSITORY_BYTES;
  }

  async run(args: readonly string[]): Promise<void> {
    const result = await this.try(args);
    if (!isOk(result)) throw this.explain(result, args[0] === 'checkout' ? 'checked out' : 'prepared');
  }

  async try(args: readonly string[], output: Pick<ProcessRequest, 'onLine' | 'stdout'> = {}): Promise<ProcessResult> {
    const { folder, path, signal, user } = this.#request;
    const large = new AbortController();
    const watch = setInterval(async () => {
      if ((await packBytes(folder)) <= this.#maxBytes) return;
      this.#tooLarge = true;
      large.abort();
    }, WATCH_MS);
    try {
      return await runProcess({
        file: 'git',
        args,
        cwd: folder,
        env: { PATH: path, ...gitEnvironment(this.#request) },
        timeoutMs: this.#deadline - Date.now(),
        signal: AbortSignal.any([signal, large.signal]),
        ...(user === undefined ? {} : { user }),
        ...output,
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** What would be checked out, before it is. */
  async checkSize(): Promise<void> {
    let files = 0;
    let bytes = 0;
    const onLine = (line: string): void => {
      files += 1;
      bytes += Number(/^\S+ \S+ \S+ +(\d+)\t/.exec(line)?.[1] ?? 0);
    };
    const tree = await this.try(['ls-tree', '-r', '--long', '--full-tree', this.#request.commit], { onLine });
    if (!isOk(tree)) throw this.explain(tree, 'read');
    if (files <= MAX_FILES && bytes <= this.#maxBytes) return;
    throw new GitError(
      `${this.#request.url} is too large to check: ${files} files and ${bytes} bytes, at most ${MAX_FILES} and ${this.#maxBytes}`,
    );
  }

  /** Trying another way would end the same. */
  refuseIfOver(result: ProcessResult): void {
    if (result.end.kind !== 'exited') throw this.explain(result, 'fetched');
    if (/Authentication failed|could not read Username|returned error: (401|403)/.test(result.stderr)) {
      throw this.explain(result, 'fetched');
    }
  }

  explain({ end, stderr }: ProcessResult, act: string): GitError {
    const { url, token, timeoutMs } = this.#request;
    if (this.#tooLarge) return new GitError(`${url} is larger than ${this.#maxBytes} bytes: too large to check`);
    if (end.kind === 'timed out') return new GitError(`${url} could not be ${act} within ${timeoutMs / 1000} s`);
    if (end.kind === 'aborted') return new GitError(`${url} was not ${act}: stopped`);
    if (end.kind === 'not started') return new GitError(`git cannot be started (${end.reason}): install it`);
    if (/Authentication failed|could not read Username|returned error: (401|403)/.test(stderr)) {
      return new GitError(
        token === null
          ? `${url} wants a credential: give the source a token`
          : `${url} refused the source's token: it is wrong, has expired, or may not read this repository`,
      );
    }
    const said = stderr
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^(fatal|error|remote):/.test(line));
    const words = said.find((line) => line.startsWith('fatal:')) ?? said[0] ?? `${end.kind}`;
    return new GitError(`${url} could not be ${act}: ${withoutToken(words.slice(0, 300), token)}`);
  }
}

/** All that git may know; nothing of the machine's or the user's configuration. */
function gitEnvironment(request: GitRequest): Record<string, string> {
  const { origin } = new URL(request.url);
  const config: [string, string][] = [
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['gc.auto', '0'],
    ['init.defaultBranch', 'checked'],
    ['submodule.recurse', 'false'],
    ['safe.directory', '*'],
    ['advice.detachedHead', 'false'],
    ['credential.helper', ''],
    // A connection that gives less than 1 kB/s for a minute is dead.
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
  ];
  if (request.token !== null) {
    const basic = Buffer.from(`x-access-token:${request.token.trim()}`).toString('base64');
    config.push([`http.${origin}/.extraHeader`, `Authorization: Basic ${basic}`]);
  }
  return {
    ...request.proxies,
    HOME: request.home,
    LANG: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: 'https',
    GIT_LFS_SKIP_SMUDGE: '1',
    ...(request.caFile === undefined ? {} : { GIT_SSL_CAINFO: request.caFile }),
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

/** What lies in git's store by now; a pack that is being received counts as it grows. */
async function packBytes(folder: string): Promise<number> {
  const packs = join(folder, '.git/objects/pack');
  const names = await readdir(packs).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(packs, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function withoutToken(text: string, token: string | null): string {
  return token === null || token.trim() === '' ? text : text.replaceAll(token.trim(), '(token)');
}
