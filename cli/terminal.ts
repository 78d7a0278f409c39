import { CommanderError } from 'commander';
import picocolors from 'picocolors';
import { safe } from './output/safe.ts';

export type Colours = ReturnType<typeof picocolors.createColors>;

/** A mistake of the caller; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Where a command reads from and writes to. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly colours: Colours;
  /** Whether progress may be drawn. */
  readonly interactive: boolean;
  /** Aborts at SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  out(text: string): void;
  err(text: string): void;
  exit(code: number): void;
  /** Says what went wrong and sets the exit code. */
  fail(error: unknown): void;
}

/** The terminal of this process. The process ends by itself, so that nothing that was written is lost. */
export function processTerminal(): Terminal {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => abort.abort());
  // A reader that goes away (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const plain = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
  return {
    env: process.env,
    cwd: process.cwd(),
    colours: picocolors.createColors(process.stdout.isTTY === true && !plain),
    interactive: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
    signal: abort.signal,
    out: (text) => {
      process.stdout.write(`${text}\n`);
    },
    err: (text) => {
      process.stderr.write(`${text}\n`);
    },
    exit: (code) => {
      process.exitCode = code;
    },
    fail: (error) => {
      if (error instanceof CommanderError) {
        // Help and version end with 0 and have said what they had to say; so has a mistake in the arguments.
        process.exitCode = error.exitCode;
        return;
      }
      const known = error instanceof UsageError;
      // It may be in the words of a function, a file or a repository.
      process.stderr.write(`${safe(known ? error.message : describe(error))}\n`);
      process.exitCode = 1;
    },
  };
}

/** What we cannot explain is shown whole. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
