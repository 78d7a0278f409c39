import { ExecaError, execa } from 'execa';

/** A tool of this machine is missing or failed; the message says which, and how to get it. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly seconds?: number;
  /** What the tool reads; @default nothing */
  readonly input?: string;
  /** How to get the tool, for the message when it is missing. */
  readonly remedy?: string;
}

/** Runs a tool to its end and gives its output. @throws SandboxError with the tail of what it said */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    const result = await execa(file, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? {},
      all: true,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      timeout: (options.seconds ?? 120) * 1000,
      maxBuffer: 20_000_000,
    });
    return result.stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT') {
      throw new SandboxError(`${file} is not on this machine. ${options.remedy ?? `Install ${file}.`}`, {
        cause: error,
      });
    }
    const said = String(error.all ?? '')
      .trim()
      .split('\n')
      .slice(-25)
      .join('\n');
    const why = error.timedOut
      ? `took longer than ${options.seconds ?? 120} s`
      : `ended with ${error.exitCode ?? error.signal}`;
    throw new SandboxError(`${file} ${args.slice(0, 3).join(' ')} ${why}\n${said}`, { cause: error });
  }
}
