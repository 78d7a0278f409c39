import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lock } from 'proper-lockfile';
import { run, SandboxError } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const REQUIREMENTS = path.join(ROOT, 'sandbox/requirements.txt');
const VENV = path.join(ROOT, '.venv');
const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

const BIN = path.join(VENV, 'bin');
const STAMP = path.join(VENV, 'requirements.sha256');
const MAKE_SECONDS = 600;

/**
 * The project's own Python environment, made when it is missing or its requirements changed; by one process, while
 * others that need it wait.
 * @returns its `bin` folder
 */
export async function pythonTools(say: (line: string) => void = () => undefined): Promise<string> {
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  const isMade = (): boolean => existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted;
  if (isMade()) return BIN;
  const release = await lock(ROOT, {
    lockfilePath: `${VENV}.lock`,
    retries: { retries: MAKE_SECONDS, factor: 1, minTimeout: 1000, maxTimeout: 1000 },
  });
  try {
    if (!isMade()) await make(wanted, say);
  } finally {
    await release();
  }
  return BIN;
}

async function make(wanted: string, say: (line: string) => void): Promise<void> {
  const python = await findPython();
  say(`making .venv with ${python} (once)`);
  await run(python, ['-m', 'venv', '--clear', VENV], {
    remedy: 'On Debian: apt-get install python3-venv',
  });
  await run(
    path.join(BIN, 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS],
    {
      seconds: MAKE_SECONDS,
    },
  );
  writeFileSync(STAMP, wanted);
}

async function findPython(): Promise<string> {
  for (const python of PYTHONS) {
    const version = await run(python, ['-c', 'import sys, venv, ensurepip; print(sys.version_info >= (3, 10))']).catch(
      () => '',
    );
    if (version.trim() === 'True') return python;
  }
  throw new SandboxError(
    'Python 3.10 or newer with its venv module is needed. On Debian: apt-get install python3 python3-venv; on macOS: brew install python',
  );
}
