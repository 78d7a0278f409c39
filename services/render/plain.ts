import path from 'node:path';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import { byName, type Checkout } from './checkout.ts';
import { RenderError } from './error.ts';
import { missing } from './missing.ts';

const MANIFEST = /\.(ya?ml|json)$/i;
/** What says that a folder is not plain. */
const MARKERS: ReadonlyMap<string, string> = new Map([
  ['kustomization.yaml', 'kustomize'],
  ['kustomization.yml', 'kustomize'],
  ['Kustomization', 'kustomize'],
  ['Chart.yaml', 'helm'],
]);
const GLOB = /[*?[\]{}]/;

/** Files, folders with everything below, and globs: read as they are, in the order of their names. */
export async function plainManifests(
  checkout: Checkout,
  manifests: readonly string[],
): Promise<readonly ManifestText[]> {
  const files = new Map<string, string>();
  for (const entry of manifests) {
    for (const file of await filesOf(checkout, entry)) {
      const identity = await checkout.identity(file);
      if (!files.has(identity)) files.set(identity, file);
    }
  }
  const texts: ManifestText[] = [];
  for (const file of [...files.values()].sort(byName)) texts.push({ file, text: await checkout.read(file) });
  return texts;
}

async function filesOf(checkout: Checkout, entry: string): Promise<readonly string[]> {
  const name = checkout.join('.', entry, `manifests: ${entry}`);
  const kind = await checkout.kind(name);
  if (kind === 'file') return [name];
  if (kind === 'folder') return manifestsBelow(checkout, name);
  if (!GLOB.test(entry)) throw await missing(checkout, name, `manifests: ${entry}`);
  return matching(checkout, name);
}

async function manifestsBelow(checkout: Checkout, folder: string): Promise<readonly string[]> {
  const all = await checkout.files(folder);
  for (const file of all) refuseMarker(file);
  const found = all.filter((file) => MANIFEST.test(file));
  if (found.length === 0) throw new RenderError(`manifests: ${folder} holds no .yaml, .yml or .json file`);
  return found;
}

async function matching(checkout: Checkout, glob: string): Promise<readonly string[]> {
  // What comes before the first wildcard is a folder: the rest of the repository need not be walked.
  const parts = glob.split('/');
  const fixed = parts.slice(
    0,
    parts.findIndex((part) => GLOB.test(part)),
  );
  const start = fixed.length === 0 ? '.' : fixed.join('/');
  const all = (await checkout.kind(start)) === 'folder' ? await checkout.files(start) : [];
  const found = all.filter((file) => path.posix.matchesGlob(file, glob) && MANIFEST.test(file));
  if (found.length === 0) throw new RenderError(`manifests: ${glob} matches no .yaml, .yml or .json file`);
  for (const file of found) refuseMarker(file);
  return found;
}

/** A kustomization applied as it stands would be an object of a kind that no server knows. */
function refuseMarker(file: string): void {
  const renderer = MARKERS.get(path.posix.basename(file));
  if (renderer === undefined) return;
  const folder = path.posix.dirname(file);
  throw new RenderError(`${file}: ${folder} is not plain; set "render: ${renderer}" and name that folder alone`);
}
