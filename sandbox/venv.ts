import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run, SandboxError } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const REQUIREMENTS = path.join(ROOT, 'sandbox/requirements.txt');
const VENV = path.join(ROOT, '.venv');
const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

/**
 * The project's own Python environment, made when it is missing or its requirements changed.
 * @returns its `bin` folder
 */
export async function pythonTools(say: (line: string) => void = () => undefined): Promise<string> {
  const bin = path.join(VENV, 'bin');
  const stamp = path.join(VENV, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return bin;
  const python = await findPython();
  say(`making .venv with ${python} (once)`);
  await run(python, ['-m', 'venv', '--clear', VENV], {
    remedy: 'On Debian: apt-get install python3-venv',
  });
  await run(
    path.join(bin, 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS],
    {
      seconds: 600,
    },
  );
  writeFileSync(stamp, wanted);
  return bin;
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
