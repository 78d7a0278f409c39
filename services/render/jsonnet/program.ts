import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import type { Checkout } from '../checkout.ts';
import { RenderError } from '../error.ts';
import { missing } from '../missing.ts';
import type { Rendering } from '../request.ts';
import { manifestsIn } from './manifests.ts';
import type { WorkerAnswer, WorkerTask } from './worker.ts';

/** Jsonnet's own memory is WebAssembly's, bounded when it was compiled; this is for what lies around it. */
const HEAP_MIB = 256;
const STACK_MIB = 4;

/** Evaluates each program and finds the manifests in what it makes. @throws RenderError */
export async function jsonnetManifests(checkout: Checkout, request: Rendering): Promise<readonly ManifestText[]> {
  const texts: ManifestText[] = [];
  for (const entry of request.check.manifests) {
    const file = checkout.join('.', entry, `manifests: ${entry}`);
    const kind = await checkout.kind(file);
    if (kind === null) throw await missing(checkout, file, `manifests: ${entry}`);
    if (kind === 'folder') throw new RenderError(`manifests: ${entry} is a folder; name the jsonnet program in it`);
    const json = await evaluate(checkout, file, request);
    texts.push({ file, text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifestsIn(file, json) }) });
  }
  return texts;
}

async function evaluate(checkout: Checkout, file: string, request: Rendering): Promise<string> {
  const { ext, tla, importPaths } = request.check.jsonnet;
  const { jsonnet } = request.tools;
  const task: WorkerTask = {
    root: checkout.root,
    limits: checkout.limits,
    library: jsonnet?.library ?? fileURLToPath(new URL('./lib/libjsonnet.wasm', import.meta.url)),
    file,
    ext,
    tla,
    importPaths: importPaths.map((folder) => checkout.join('.', folder, `jsonnet.importPaths: ${folder}`)),
  };
  const answer = await inThread(jsonnet?.worker ?? new URL('./worker.ts', import.meta.url), task, request);
  if (request.onRead !== undefined) answer.read?.forEach(request.onRead);
  if ('json' in answer) return answer.json;
  throw new RenderError('refused' in answer ? answer.refused : sentence(file, answer.failure));
}

async function inThread(code: string | URL, task: WorkerTask, request: Rendering): Promise<WorkerAnswer> {
  const limit = AbortSignal.timeout(Math.max(1, request.deadline - Date.now()));
  const signal = AbortSignal.any([limit, request.signal]);
  const worker = new Worker(code, {
    workerData: task,
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, stackSizeMb: STACK_MIB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>();
  const onAbort = (): void => {
    const what = limit.aborted ? `took longer than ${request.timeoutMs / 1000} s: does it end?` : 'was stopped';
    reject(new RenderError(`${task.file}: jsonnet ${what}`));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  worker.once('message', resolve);
  worker.once('error', (cause: NodeJS.ErrnoException) => {
    const full = cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
    reject(full ? new RenderError(`${task.file}: jsonnet needs more memory than it is given`, { cause }) : cause);
  });
  worker.once('exit', (code) => reject(new Error(`the jsonnet thread ended with code ${code} and no answer`)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

/** `STATIC ERROR: file:1:2: text`, or `RUNTIME ERROR: text` and a trace whose first line of the repository is the place. */
export function sentence(file: string, failure: string): string {
  const [head = '', ...trace] = failure.trim().split('\n');
  const text = head.replace(/^(STATIC|RUNTIME) ERROR: /, '').slice(0, 1_000);
  if (head.startsWith('STATIC ERROR: ')) return text;
  const place = trace
    .map((line) => /^\t(?!<|std\.jsonnet)([^\t]+?):\(?(\d+)(?::(\d+))?/.exec(line))
    .find((match) => match !== null);
  return place === undefined || place === null ? `${file}: ${text}` : `${place[1]}:${place[2]}: ${text}`;
}
