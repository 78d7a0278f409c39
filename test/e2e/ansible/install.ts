import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { lock } from 'proper-lockfile';

const CACHE = path.resolve(import.meta.dirname, '../../../.venvs');
const MAKE_SECONDS = 600;

/** The oldest core that is supported, the newest, and the newest for Python 3.11, with what they were tested with. */
export const CORES = {
  oldest: {
    version: '2.12.10',
    pythons: ['3.11', '3.10', '3.9', '3.8'],
    packages: [
      'ansible-core==2.12.10',
      'jinja2==3.1.6',
      'PyYAML==6.0.4',
      'resolvelib==0.5.4',
      'cryptography',
      'packaging',
    ],
  },
  newest: {
    version: '2.21.5',
    pythons: ['3.13', '3.12', '3.14'],
    packages: ['ansible-core==2.21.5', 'jinja2==3.1.6', 'PyYAML==6.0.4', 'cryptography', 'packaging'],
  },
  middle: {
    version: '2.19.14',
    pythons: ['3.11', '3.12', '3.13'],
    packages: ['ansible-core==2.19.14', 'jinja2==3.1.6', 'PyYAML==6.0.4', 'cryptography', 'packaging'],
  },
} as const;
export type Core = (typeof CORES)[keyof typeof CORES];

/** Ansible 12.3.0 holds the collection ansible.posix 2.1.0; of its 54 MB only that is kept. */
const COLLECTIONS = { packages: 'ansible==12.3.0', wanted: 'ansible_collections/ansible/posix/' };

/** The `bin` folder of a Python environment with that core, made when it is missing; null: no Python here runs it. */
export async function installCore(core: Core): Promise<string | null> {
  const python = await findPython(core.pythons);
  if (python === null) return null;
  const folder = await made(`core-${core.version}`, JSON.stringify(core), async (target) => {
    await execa(python, ['-m', 'venv', '--clear', target]);
    await pip(path.join(target, 'bin/python'), ['install', '--quiet', ...core.packages]);
  });
  return path.join(folder, 'bin');
}

/** A folder for ANSIBLE_COLLECTIONS_PATH with ansible.posix in it. */
export async function installCollections(): Promise<string> {
  return made('collections', JSON.stringify(COLLECTIONS), async (target) => {
    const python = (await findPython(['3.13', '3.12', '3.11', '3.10'])) ?? 'python3';
    await mkdir(target, { recursive: true });
    await pip(python, ['download', '--quiet', '--no-deps', '--dest', target, COLLECTIONS.packages]);
    const unpack = `import glob, sys, zipfile
wheel = glob.glob(sys.argv[1] + '/*.whl')[0]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(sys.argv[1], [name for name in archive.namelist() if name.startswith(sys.argv[2])])`;
    await execa(python, ['-c', unpack, target, COLLECTIONS.wanted]);
    for (const file of readdirSync(target)) if (file.endsWith('.whl')) await rm(path.join(target, file));
  });
}

/** By one process, while others that need it wait. A virtual environment cannot be moved: its stamp is made last. */
async function made(name: string, recipe: string, make: (target: string) => Promise<void>): Promise<string> {
  const hash = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  const target = path.join(CACHE, `${name}-${hash}`);
  const stamp = path.join(CACHE, `${name}-${hash}.made`);
  await mkdir(CACHE, { recursive: true });
  if (existsSync(stamp)) return target;
  // A lock is known by what it locks: one for each folder, which is not there yet.
  const release = await lock(target, {
    realpath: false,
    retries: { retries: MAKE_SECONDS, factor: 1, minTimeout: 1000, maxTimeout: 1000 },
  });
  try {
    if (existsSync(stamp)) return target;
    await rm(target, { recursive: true, force: true });
    await make(target);
    await mkdir(`${stamp}.new`);
    await rename(`${stamp}.new`, stamp);
  } finally {
    await release();
  }
  return target;
}

const pip = (python: string, args: readonly string[]) =>
  execa(python, ['-m', 'pip', '--disable-pip-version-check', ...args], { timeout: MAKE_SECONDS * 1000 });

async function findPython(versions: readonly string[]): Promise<string | null> {
  const pyenv = path.join(process.env['PYENV_ROOT'] ?? path.join(process.env['HOME'] ?? '/', '.pyenv'), 'versions');
  const kept = existsSync(pyenv) ? readdirSync(pyenv) : [];
  for (const version of versions) {
    const own = kept
      .filter((name) => name.startsWith(`${version}.`))
      .map((name) => path.join(pyenv, name, 'bin/python'));
    for (const python of [`python${version}`, 'python3', ...own]) {
      const said = await execa(python, ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])'], {
        reject: false,
      });
      if (said.stdout?.trim() === version) return python;
    }
  }
  return null;
}
