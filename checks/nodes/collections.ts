import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type ProcessRequest, type ProcessResult, type ProcessUser, runProcess } from '#services/process.ts';
import { proxySettings } from '../environment.ts';
import { NotReady } from '../not-ready.ts';
import type { Scratch } from '../scratch.ts';
import { GALAXY_REQUIREMENTS } from './galaxy-requirements.ts';
import { kindOf, readSmall } from './pack.ts';
import type { CollectionRequirement } from './requirements.ts';

export interface CollectionsWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where ansible-core is kept between builds: only we write there. */
  readonly ansibleCache: string;
  readonly scratch: Pick<Scratch, 'makeFolder' | 'write'>;
  readonly user?: ProcessUser;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Milliseconds that are left. */
  readonly left: () => number;
}

const MAX_MS = 5 * 60_000;
const MAX_BYTES = 256 * 1024 * 1024;
const WATCH_MS = 500;
const VENDOR = 'vendor the collections below collections/ansible_collections';

/**
 * Installs collections with ansible-galaxy: as the tool's user, without any credential, and none but those that are
 * named, each as it is pinned.
 * @returns a folder with `ansible_collections` in it
 * @throws NotReady
 */
export async function installCollections(
  wanted: readonly CollectionRequirement[],
  isVendored: (name: string) => Promise<boolean>,
  world: CollectionsWorld,
): Promise<string> {
  const python = await ansiblePython(world);
  const [folder, home, tmp] = await Promise.all(['collections', 'galaxy', 'galaxy-tmp'].map(world.scratch.makeFolder));
  if (folder === undefined || home === undefined || tmp === undefined) throw new Error('unreachable: three were made');
  const file = await world.scratch.write('requirements.json', JSON.stringify({ collections: wanted }));
  const config = await world.scratch.write('galaxy.cfg', '');
  world.say(`installing ${wanted.length === 1 ? '1 collection' : `${wanted.length} collections`}`);
  const result = await bounded([folder, tmp, home], world, {
    file: python,
    args: ['-m', 'ansible', 'galaxy', 'collection', 'install', '--no-deps', '--no-cache', '-r', file, '-p', folder],
    cwd: home,
    env: {
      ...ofOurs(world.env, /^(PATH|SSL_CERT_FILE|SSL_CERT_DIR|GIT_SSL_CAINFO)$/),
      ...{ HOME: home, TMPDIR: tmp, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
      ...{ ANSIBLE_CONFIG: config, ANSIBLE_HOME: home, ANSIBLE_LOCAL_TEMP: tmp, ANSIBLE_NOCOLOR: '1' },
      ...{ ANSIBLE_COLLECTIONS_PATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
      ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
      ...{ GIT_ASKPASS: '/bin/false', GIT_ALLOW_PROTOCOL: 'https' },
    },
    ...(world.user === undefined ? {} : { user: world.user }),
  });
  if (result.end.kind !== 'exited' || result.end.exitCode !== 0) {
    throw new NotReady(`the collections of requirements.yml could not be installed: ${whyNot(result)}; or ${VENDOR}`);
  }
  await refuseMissing(folder, isVendored);
  return folder;
}

const manifest = z.object({
  collection_info: z.object({ dependencies: z.record(z.string(), z.string()).nullish() }),
});

/** What a collection needs is as pinned as itself: it is named too, or in the repository. */
async function refuseMissing(folder: string, isVendored: (name: string) => Promise<boolean>): Promise<void> {
  for (const [namespace, name] of await installed(folder)) {
    const at = `ansible_collections/${namespace}/${name}`;
    const text = await readSmall(folder, `${at}/MANIFEST.json`, MAX_BYTES);
    const { data } = manifest.safeParse(text === null ? null : JSON.parse(text));
    for (const needed of Object.keys(data?.collection_info.dependencies ?? {})) {
      const isThere = (await kindOf(folder, `ansible_collections/${needed.replace('.', '/')}`)) === 'folder';
      if (isThere || (await isVendored(needed))) continue;
      throw new NotReady(
        `the collection ${namespace}.${name} needs ${needed}: write it into requirements.yml, in an exact version`,
      );
    }
  }
}

async function installed(folder: string): Promise<readonly (readonly [string, string])[]> {
  const root = join(folder, 'ansible_collections');
  const found: (readonly [string, string])[] = [];
  for (const namespace of await readdir(root).catch(() => [])) {
    if (!/^\w+$/.test(namespace) || !(await lstat(join(root, namespace))).isDirectory()) continue;
    for (const name of await readdir(join(root, namespace))) if (/^\w+$/.test(name)) found.push([namespace, name]);
  }
  return found;
}

/** The Python of an environment with ansible-core, made when it is missing: nothing of the repository runs in it yet. */
async function ansiblePython(world: CollectionsWorld): Promise<string> {
  const name = createHash('sha256').update(GALAXY_REQUIREMENTS).digest('hex').slice(0, 12);
  const folder = join(world.ansibleCache, name);
  const python = join(folder, 'bin/python');
  const made = join(folder, 'made');
  if (existsSync(made) && existsSync(python)) return python;
  world.say('installing ansible-core for ansible-galaxy');
  await rm(folder, { recursive: true, force: true });
  await mkdir(world.ansibleCache, { recursive: true });
  const env = { ...ofOurs(world.env, /^(PATH|HOME|SSL_CERT_FILE|SSL_CERT_DIR|PIP_.+)$/), LANG: 'C.UTF-8' };
  const run = async (file: string, args: readonly string[], act: string): Promise<void> => {
    const result = await bounded([folder], world, { file, args, cwd: world.ansibleCache, env });
    if (result.end.kind === 'exited' && result.end.exitCode === 0) return;
    throw new NotReady(`${act}: ${whyNot(result)}; try again, or ${VENDOR}`);
  };
  await run('python3', ['-m', 'venv', folder], 'an environment of Python could not be made');
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, GALAXY_REQUIREMENTS);
  const exactly = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r', requirements];
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--quiet', '--no-cache-dir'];
  await run(python, [...pip, ...exactly], 'ansible-core could not be installed from PyPI');
  await writeFile(made, '');
  return python;
}

const ofOurs = (env: CollectionsWorld['env'], which: RegExp): Record<string, string> => ({
  ...proxySettings(env),
  ...Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value !== undefined && which.test(name) ? [[name, value]] : [])),
  ),
});

/** Within its time, and ended when what it writes into these folders becomes too large. */
async function bounded(
  folders: readonly string[],
  { signal, left }: CollectionsWorld,
  request: Omit<ProcessRequest, 'timeoutMs' | 'signal'>,
): Promise<ProcessResult> {
  const large = new AbortController();
  const watch = setInterval(async () => {
    const sizes = await Promise.all(folders.map(bytesBelow));
    if (sizes.reduce((sum, size) => sum + size, 0) > MAX_BYTES) large.abort();
  }, WATCH_MS);
  try {
    const timeoutMs = Math.min(MAX_MS, left());
    const result = await runProcess({ ...request, timeoutMs, signal: AbortSignal.any([signal, large.signal]) });
    if (!large.signal.aborted) return result;
    return { ...result, end: { kind: 'too much output', maxBytes: MAX_BYTES } };
  } finally {
    clearInterval(watch);
  }
}

/** Files come and go meanwhile. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}

function whyNot({ end, stderr }: ProcessResult): string {
  switch (end.kind) {
    case 'exited': {
      const said = stderr.split('\n').filter((line) => /^(ERROR|\[ERROR\]|Error)/.test(line.trim()));
      return `${(said[0] ?? `exit code ${end.exitCode}`).trim().slice(0, 300)}`;
    }
    case 'timed out':
      return `not within ${Math.round(end.afterMs / 1000)} s`;
    case 'too much output':
      return `more than ${end.maxBytes} bytes were written`;
    case 'aborted':
      return 'stopped';
    case 'killed':
      return `ended by ${end.signal}`;
    case 'not started':
      return `it could not be started (${end.reason})`;
  }
}
