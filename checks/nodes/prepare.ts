import { posix } from 'node:path';
import { HINTS } from '#drift/nodes/hints.ts';
import { MAX_STREAM_BYTES } from '#drift/nodes/outcome.ts';
import type { NodesCheck } from '#drift/target.ts';
import { repositorySettings } from './ansible-cfg.ts';
import type { CollectionsWorld } from './bounded.ts';
import type { Tree } from './bundle.ts';
import { installCollections } from './collections.ts';
import { higherConfigs, layoutOf } from './layout.ts';
import { Packing } from './pack.ts';
import { type PlaybookRun, playbookRun } from './playbook.ts';
import { PLUGIN_NAME, pluginText } from './plugin-file.ts';
import { isVendored, type Vendored, wantedCollections } from './requirements.ts';
import { neededPaths, placesIn, refuseMissing, selectFiles } from './selection.ts';
import { encryptVariables, encryptVault } from './vault.ts';

const FORMAT = 'plumbline.bundle/1';

/** What a node is handed, but for what it is called and where it puts its stream. */
export interface Prepared {
  readonly run: PlaybookRun;
  readonly trees: readonly Tree[];
  /** What of the repository was packed, or would be once it is there. */
  readonly paths: readonly string[];
}

/** Secret values, in clear. */
export interface NodeSecrets {
  readonly variables: Readonly<Record<string, string>>;
  readonly vaultPassword: string | null;
}

/** Reads from a clone what a node has to be handed, and installs what the repository wants and does not have. @throws NotReady */
export async function prepare(
  root: string,
  check: NodesCheck,
  secrets: NodeSecrets,
  world: CollectionsWorld,
): Promise<Prepared> {
  await refuseMissing(root, check);
  const layout = await layoutOf(root, check.playbook);
  const { folder } = layout;
  const settings = await repositorySettings(root, layout, 'node');
  const vendored = whereVendored(check, settings);
  const folders = [...new Set([folder, posix.dirname(posix.normalize(check.playbook))])];
  const wanted = await wantedCollections(root, folders, vendored);
  const installed =
    wanted.length === 0 ? null : await installCollections(wanted, (name) => isVendored(root, name, vendored), world);
  const trees: Tree[] = [{ root, files: await selectFiles(root, check, { folder, settings }), as: 'source' }];
  if (installed !== null) {
    const packing = new Packing(installed);
    await packing.add('ansible_collections');
    trees.push({ root: installed, files: packing.list(), as: 'collections' });
  }
  const has = {
    secrets: Object.keys(secrets.variables).length > 0,
    vaultPassword: secrets.vaultPassword !== null,
    collections: installed !== null,
  };
  return {
    run: playbookRun({ check, settings, folder, place: 'node', has }),
    trees,
    paths: [...neededPaths(check, { folder, settings }), ...higherConfigs(layout)],
  };
}

/** Where Ansible looks on a node: beside the playbook, and where ansible.cfg says. */
function whereVendored({ playbook }: NodesCheck, settings: Readonly<Record<string, string>>): Vendored {
  const beside = posix.dirname(posix.normalize(playbook));
  const { ANSIBLE_COLLECTIONS_PATH: collections = '', ANSIBLE_ROLES_PATH: roles = '' } = settings;
  return {
    collections: [posix.join(beside, 'collections'), ...placesIn(collections)],
    roles: [posix.join(beside, 'roles'), ...placesIn(roles)],
  };
}

/** The texts of a bundle. @param nodes ids, with names in the inventory and signed addresses */
export async function bundleTexts({
  run,
  links,
  names,
  inventory,
  secrets,
  key,
}: {
  readonly run: PlaybookRun;
  readonly links: Readonly<Record<string, string>>;
  readonly names: Readonly<Record<string, string>>;
  readonly inventory: string;
  readonly secrets: NodeSecrets;
  /** Opens the secrets. */
  readonly key: string;
}): Promise<Readonly<Record<string, string>>> {
  const { variables, vaultPassword } = secrets;
  return {
    'run.json': JSON.stringify({
      format: FORMAT,
      links,
      names,
      ...run,
      hints: HINTS,
      maxStreamBytes: MAX_STREAM_BYTES,
    }),
    [`plugin/${PLUGIN_NAME}`]: await pluginText(),
    'inventory.yml': inventory,
    ...(Object.keys(variables).length === 0 ? {} : { 'secrets.yml': encryptVariables(variables, key) }),
    ...(vaultPassword === null ? {} : { 'vault-password.yml': encryptVault(vaultPassword, key) }),
  };
}
