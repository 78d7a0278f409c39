import { lstat } from 'node:fs/promises';
import { join, posix } from 'node:path';

/** Where Ansible is run in a repository. */
export interface Layout {
  /** From the root of the source. */
  readonly folder: string;
  /** Whether its ansible.cfg is there. */
  readonly hasConfig: boolean;
}

const CONFIG = 'ansible.cfg';
/** What stands at the top of a folder of playbooks, where it has no ansible.cfg. */
const TOP = ['roles', 'collections', 'requirements.yml', 'group_vars'];

/**
 * The folder that people run a playbook from: the nearest one, at or above its own, that has an ansible.cfg, else one of
 * the things that stand beside it; else the playbook's own.
 */
export async function layoutOf(source: string, playbook: string): Promise<Layout> {
  const own = posix.normalize(posix.dirname(playbook));
  const folders = [...upwards(own)];
  for (const folder of folders) {
    if (await isThere(join(source, folder, CONFIG))) return { folder, hasConfig: true };
  }
  for (const folder of folders) {
    for (const name of TOP) if (await isThere(join(source, folder, name))) return { folder, hasConfig: false };
  }
  return { folder: own, hasConfig: false };
}

/** Where one that is not there yet would take the place of the folder that was chosen for want of any. */
export function higherConfigs({ folder, hasConfig }: Layout): readonly string[] {
  return hasConfig ? [] : [...upwards(folder)].map((at) => posix.join(at, CONFIG));
}

function* upwards(folder: string): Iterable<string> {
  for (let at = folder; ; at = posix.dirname(at)) {
    yield at;
    if (at === '.') return;
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
