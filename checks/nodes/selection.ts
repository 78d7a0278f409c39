import { posix } from 'node:path';
import type { NodesCheck } from '#drift/target.ts';
import { NotReady } from '../not-ready.ts';
import { kindOf, leadsTo, type Packed, Packing, type PackLimits, shown } from './pack.ts';

/** What Ansible reads beside an inventory. */
const BESIDE_INVENTORY = ['group_vars', 'host_vars'];

/** Everything that the config names is there, and on no way that a link makes. @throws NotReady */
export async function refuseMissing(root: string, { playbook, inventory, extraVarsFiles }: NodesCheck): Promise<void> {
  await mustBeThere(root, playbook, 'playbook');
  if (inventory !== undefined) await mustBeThere(root, inventory, 'inventory');
  for (const file of extraVarsFiles) await mustBeThere(root, file, 'extraVarsFiles');
}

/**
 * What of the repository the playbook needs: its folder, its inventory and variables, and the folders that its
 * ansible.cfg names. What the config names is there (`refuseMissing`).
 * @throws NotReady
 */
export async function selectFiles(
  root: string,
  check: NodesCheck,
  { folder, settings }: { readonly folder: string; readonly settings: Readonly<Record<string, string>> },
  limits?: PackLimits,
): Promise<readonly Packed[]> {
  const packing = new Packing(root, limits);
  for (const path of neededPaths(check, { folder, settings })) await packing.add(path);
  const { inventory, extraVarsFiles, playbook } = check;
  const packed = packing.list();
  await refuseStray(root, playbook, 'playbook', packed);
  if (inventory !== undefined) await refuseStray(root, inventory, 'inventory', packed);
  for (const file of extraVarsFiles) await refuseStray(root, file, 'extraVarsFiles', packed);
  return packed;
}

/** Where all of that lies, whether or not it is there. */
export function neededPaths(
  { inventory, extraVarsFiles }: NodesCheck,
  { folder, settings }: { readonly folder: string; readonly settings: Readonly<Record<string, string>> },
): readonly string[] {
  const beside = (name: string): string => posix.join(posix.dirname(inventory ?? '.'), name);
  const ofInventory = inventory === undefined ? [] : [inventory, ...BESIDE_INVENTORY.map(beside)];
  return [folder, ...ofInventory, ...extraVarsFiles, ...Object.values(settings).flatMap(placesIn)];
}

/** The places of the repository in a setting: a list of `{source}/…`; `{source}` alone is all of it. */
export const placesIn = (setting: string): readonly string[] =>
  setting.split(/[:,]/).flatMap((part) => {
    const [start, ...rest] = part.split('/');
    return start === '{source}' ? [posix.join(...rest)] : [];
  });

async function mustBeThere(root: string, path: string, key: string): Promise<void> {
  if ((await kindOf(root, path)) === null) {
    throw new NotReady(`${shown(path)} is not in the repository: mend the target's nodes.${key}`);
  }
}

/** A link is handed over as it is: what it leads to has to be there too. */
async function refuseStray(root: string, path: string, key: string, packed: readonly Packed[]): Promise<void> {
  if ((await kindOf(root, path)) !== 'link') return;
  const target = await leadsTo(root, path);
  if (target !== null && packed.some((entry) => entry.path === target)) return;
  const where = target === null ? 'out of the repository or nowhere' : `to ${shown(target)}, which is not handed over`;
  throw new NotReady(`${shown(path)} is a link ${where}: name the file itself in the target's nodes.${key}`);
}
