import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { NotReady } from '../not-ready.ts';
import { bounded, type CollectionsWorld, ofOurs, VENDOR, whyNot } from './bounded.ts';
import { galaxyFor } from './galaxy.ts';
import { kindOf, readSmall } from './pack.ts';
import type { CollectionRequirement } from './requirements.ts';

/** Of a collection's own description. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

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
  const { python, library } = await galaxyFor(world);
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
      ...{ ANSIBLE_COLLECTIONS_PATH: folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: library },
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
    const text = await readSmall(folder, `${at}/MANIFEST.json`, MAX_MANIFEST_BYTES);
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
