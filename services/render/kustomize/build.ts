import type { ManifestText } from '#drift/kubernetes/live.ts';
import { SENSITIVE } from '#drift/redact.ts';
import { type Checkout, inFolder } from '../checkout.ts';
import { RenderError } from '../error.ts';
import { missing } from '../missing.ts';
import type { Rendering } from '../request.ts';
import { runTool, withScratch } from '../run-tool.ts';
import { findRenderer } from '../tools.ts';
import { checkPlugins, type Entry, readKustomization } from './kustomization.ts';
import { isHttps, remoteHost } from './remote.ts';

const NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;
const MAX_KUSTOMIZATIONS = 1_000;

/**
 * Builds one folder with kustomize, after every kustomization that it reaches was read: nothing leaves the repository,
 * nothing is fetched from a host that the config does not name, and no plugin runs.
 * @throws RenderError
 */
export async function kustomizeManifests(checkout: Checkout, request: Rendering): Promise<readonly ManifestText[]> {
  const folder = await onlyFolder(checkout, request.check.manifests, 'kustomize');
  await new Inspection(checkout, request.check.hosts).folder(folder, `manifests: ${folder}`);
  const file = await findRenderer(['kustomize', 'kubectl'], request.tools);
  const text = await withScratch((scratch) => {
    const target = checkout.absolute(folder);
    const restrict = '--load-restrictor=LoadRestrictionsRootOnly';
    const args = file.endsWith('/kubectl') ? ['kustomize', target, restrict] : ['build', target, restrict];
    const explain = (stderr: string): string => sentence(stderr, folder, [checkout.root, scratch]);
    return runTool({ name: 'kustomize', file, args, scratch, explain }, request);
  });
  return [{ file: `kustomize build ${folder}`, text }];
}

/** @throws RenderError unless there is exactly one entry, a folder */
export async function onlyFolder(checkout: Checkout, manifests: readonly string[], render: string): Promise<string> {
  const [entry, ...more] = manifests;
  if (entry === undefined || more.length > 0) {
    throw new RenderError(`manifests: render: ${render} takes one folder, not ${manifests.length}; make more targets`);
  }
  const folder = checkout.join('.', entry, `manifests: ${entry}`);
  const kind = await checkout.kind(folder);
  if (kind === null) throw await missing(checkout, folder, `manifests: ${entry}`);
  if (kind === 'file') throw new RenderError(`manifests: ${entry} is a file; render: ${render} takes its folder`);
  return folder;
}

class Inspection {
  readonly #checkout: Checkout;
  readonly #hosts: readonly string[];
  readonly #seen = new Set<string>();

  constructor(checkout: Checkout, hosts: readonly string[]) {
    this.#checkout = checkout;
    this.#hosts = hosts;
  }

  async folder(folder: string, at: string): Promise<void> {
    const identity = await this.#checkout.identity(folder);
    if (this.#seen.has(identity)) return;
    if (this.#seen.add(identity).size > MAX_KUSTOMIZATIONS) {
      throw new RenderError(`${at}: more than ${MAX_KUSTOMIZATIONS} kustomizations belong to it`);
    }
    const file = await this.#kustomizationIn(folder, at);
    for (const entry of readKustomization(file, await this.#checkout.read(file))) await this.#entry(folder, entry);
  }

  async #kustomizationIn(folder: string, at: string): Promise<string> {
    for (const name of NAMES) {
      const file = inFolder(folder, name);
      if ((await this.#checkout.kind(file)) === 'file') return file;
    }
    throw new RenderError(`${at}: there is no kustomization.yaml in ${folder}`);
  }

  async #entry(folder: string, { at, text, role }: Entry): Promise<void> {
    if (text.includes('\n')) {
      if (role === 'plugin') checkPlugins(at, text);
      return;
    }
    const host = remoteHost(text);
    if (host !== null) return this.#remote(host, text, at);
    const name = this.#checkout.join(folder, text, at);
    const kind = await this.#checkout.kind(name);
    if (kind === null) throw await missing(this.#checkout, name, `${at}: ${text}`);
    if (kind === 'folder') {
      if (role === 'file') throw new RenderError(`${at}: ${text} is a folder, and a file is wanted`);
      return this.folder(name, at);
    }
    if (role === 'plugin') checkPlugins(name, await this.#checkout.read(name));
    else await this.#checkout.admit(name);
  }

  #remote(host: string, text: string, at: string): void {
    const shown = text.replace(/\/\/[^@/]*@/, '//').slice(0, 200);
    if (!this.#hosts.includes(host)) {
      throw new RenderError(
        `${at}: ${shown} would be fetched from ${host}; copy it into the repository, or name ${host} in the target's hosts`,
      );
    }
    if (!isHttps(text)) throw new RenderError(`${at}: ${shown} is not fetched: only https:// addresses are`);
  }
}

/** What a generator should have made a Secret of: kustomize shows it, when it is no `key=value`. */
const LITERALS = /(?<=literal sources ).*(?=, expected)/g;
/** Some builds of kubectl log what others say. */
const LOGGED = /^E\d{4} [\d:.]+ +\d+ \S+\] "command failed" err="(.*)"$/;

/** Kustomize wraps each failure in the one before: the last is the reason, with the paths of the repository. */
function sentence(stderr: string, folder: string, hidden: readonly string[]): string {
  let text = stderr.trim().replace(/\s*\n\s*/g, ' ');
  for (const path of hidden) text = text.replaceAll(`${path}/`, '').replaceAll(path, '.');
  text = (LOGGED.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, '$1') ?? text).replace(/^error: /i, '');
  return `${folder}: kustomize says: ${text.replaceAll(LITERALS, SENSITIVE)}`;
}
