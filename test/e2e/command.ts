import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MAIN = new URL('../../cli/plumbline.mjs', import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
  /** Called with the process once it runs. */
  readonly started?: (child: ChildProcess) => void;
}

/** Runs the command as a person would, without a terminal. */
export function plumbline(args: readonly string[], options: CommandOptions): Promise<Ended> {
  const child = spawn(options.node ?? process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  options.started?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** A tool of that name which is a shell script; `$REAL` is the real terraform. */
export async function fakeTool(folder: string, script: string): Promise<void> {
  const real = (process.env['PATH'] ?? '')
    .split(':')
    .map((entry) => join(entry, 'terraform'))
    .find((file) => existsSync(file));
  const file = join(folder, 'terraform');
  const version = `case "$1" in version) echo '{"terraform_version": "1.11.4"}'; exit 0;; esac`;
  await writeFile(file, `#!/bin/sh\nREAL=${real}\n${version}\n${script}\n`);
  await chmod(file, 0o755);
}

/** Whether a process runs; one that is dead and not yet reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
