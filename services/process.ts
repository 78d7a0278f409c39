import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** The Unix user that a process runs as; only root may choose one. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ProcessRequest {
  /** An absolute path, or a name that is looked up on `env.PATH`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing of ours is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly user?: ProcessUser;
  /** How much of stdout is kept. `tail`: the last bytes. `all`: more than that ends the process. Default: a tail of 256 KiB. */
  readonly stdout?: { readonly keep: 'tail' | 'all'; readonly maxBytes: number };
  /** Called with each line of stdout; longer ones are cut. */
  readonly onLine?: (line: string) => void;
  /** Between SIGTERM and SIGKILL. Default: 10 s. */
  readonly graceMs?: number;
}

/** How a process came to its end. Only `exited` says what the tool itself said. */
export type ProcessEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'timed out'; readonly afterMs: number }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'not started'; readonly reason: string }
  | { readonly kind: 'too much output'; readonly maxBytes: number };

export interface ProcessResult {
  readonly end: ProcessEnd;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Whether the beginning of stdout or stderr is missing. */
  readonly cut: boolean;
}

const DEFAULT_GRACE_MS = 10_000;
const DEFAULT_STDOUT = { keep: 'tail', maxBytes: 256 * 1024 } as const;
const STDERR = { keep: 'tail', maxBytes: 64 * 1024 } as const;
const MAX_LINE = 256 * 1024;
/** How long output may still come after the process is gone; a survivor that left the group could hold the pipe for ever. */
const DRAIN_MS = 2_000;

/**
 * Runs a tool in a process group of its own, and never leaves anything of the group behind: at the time limit, and when
 * `signal` aborts, the group gets SIGTERM, then SIGKILL; what outlives the tool is killed too. Never throws for what the
 * tool does; the result tells.
 */
export async function runProcess(request: ProcessRequest): Promise<ProcessResult> {
  const nothing = { stdout: Buffer.alloc(0), stderr: '', cut: false };
  // Many who could run a tool never do, and need not wait until it is loaded.
  const { execa } = await import('execa');
  if (request.signal?.aborted === true) return { end: { kind: 'aborted' }, ...nothing };
  if (request.timeoutMs <= 0) return { end: { kind: 'timed out', afterMs: 0 }, ...nothing };

  const child = execa(request.file, request.args, {
    cwd: request.cwd,
    env: request.env,
    extendEnv: false,
    detached: true,
    buffer: false,
    reject: false,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    ...request.user,
  });
  const group = new Group(child, request.graceMs ?? DEFAULT_GRACE_MS);
  let why: ProcessEnd | null = null;
  let exited = false;
  const end = (reason: ProcessEnd): void => {
    if (exited) return;
    why ??= reason;
    group.end();
  };
  const timer = setTimeout(() => end({ kind: 'timed out', afterMs: request.timeoutMs }), request.timeoutMs);
  const onAbort = (): void => end({ kind: 'aborted' });
  request.signal?.addEventListener('abort', onAbort, { once: true });

  const wanted = request.stdout ?? DEFAULT_STDOUT;
  const tooMuch = (): void => end({ kind: 'too much output', maxBytes: wanted.maxBytes });
  const stdout = collect(child.stdout, wanted, tooMuch, request.onLine);
  const stderr = collect(child.stderr, STDERR, tooMuch, undefined);
  child.once('exit', () => {
    exited = true;
    group.kill();
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, DRAIN_MS).unref();
  });
  try {
    const result = await child;
    return {
      end: why ?? endOf(result),
      stdout: stdout.content(),
      stderr: stderr.content().toString('utf8'),
      cut: stdout.cut() || stderr.cut(),
    };
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', onAbort);
    group.kill();
  }
}

interface ExecaResult {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly originalMessage?: string | undefined;
}

function endOf(result: ExecaResult): ProcessEnd {
  if (result.exitCode !== undefined) return { kind: 'exited', exitCode: result.exitCode };
  if (result.signal !== undefined) return { kind: 'killed', signal: result.signal };
  return { kind: 'not started', reason: result.originalMessage ?? result.code ?? 'no reason was given' };
}

/** A process and everything it started that stayed in its group. */
class Group {
  readonly #child: Pick<ChildProcess, 'pid'>;
  readonly #graceMs: number;
  #timer: NodeJS.Timeout | null = null;
  #gone = false;

  constructor(child: Pick<ChildProcess, 'pid'>, graceMs: number) {
    this.#child = child;
    this.#graceMs = graceMs;
  }

  /** Asks, then insists. */
  end(): void {
    if (this.#gone || this.#timer !== null) return;
    this.#send('SIGTERM');
    this.#timer = setTimeout(() => this.#send('SIGKILL'), this.#graceMs);
  }

  /** Once the leader is gone: whatever is left. */
  kill(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#gone) return;
    this.#gone = true;
    this.#send('SIGKILL');
  }

  #send(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // ESRCH: nobody is left. EPERM: only processes that became another user are, which is out of our hands.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }
}

interface Collected {
  content(): Buffer;
  cut(): boolean;
}

function collect(
  stream: Readable,
  wanted: { readonly keep: 'tail' | 'all'; readonly maxBytes: number },
  tooMuch: () => void,
  onLine: ((line: string) => void) | undefined,
): Collected {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  const lines = onLine === undefined ? null : lineReader(onLine);
  stream.on('data', (chunk: Buffer) => {
    lines?.write(chunk);
    if (wanted.keep === 'all' && cut) return;
    chunks.push(chunk);
    size += chunk.length;
    if (wanted.keep === 'all' && size > wanted.maxBytes) {
      cut = true;
      chunks.length = 0;
      tooMuch();
    }
    while (wanted.keep === 'tail' && size - (chunks[0]?.length ?? 0) >= wanted.maxBytes) {
      size -= chunks.shift()?.length ?? 0;
      cut = true;
    }
  });
  stream.on('end', () => lines?.end());
  // A pipe that breaks because its process was killed is no news.
  stream.on('error', () => undefined);
  return {
    content: () => {
      const all = Buffer.concat(chunks);
      if (all.length <= wanted.maxBytes) return all;
      cut = true;
      return all.subarray(all.length - wanted.maxBytes);
    },
    cut: () => cut,
  };
}

function lineReader(onLine: (line: string) => void): { write(chunk: Buffer): void; end(): void } {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): void => {
    if (length < MAX_LINE) parts.push(part.subarray(0, MAX_LINE - length));
    length += part.length;
  };
  const flush = (): void => {
    onLine(Buffer.concat(parts).toString('utf8'));
    parts = [];
    length = 0;
  };
  return {
    write(chunk) {
      let start = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        add(chunk.subarray(start, at));
        flush();
        start = at + 1;
      }
      if (start < chunk.length) add(chunk.subarray(start));
    },
    end() {
      if (length > 0) flush();
    },
  };
}
