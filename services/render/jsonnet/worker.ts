/** A thread of its own for each jsonnet program: it can be ended when its time is over, and its memory goes with it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Checkout } from '../checkout.ts';
import { RenderError } from '../error.ts';
import type { RenderLimits } from '../request.ts';
import { type EvaluationResult, evaluateJsonnet, type FindImport } from './evaluate.ts';

export interface WorkerTask {
  readonly root: string;
  readonly limits: RenderLimits;
  readonly library: string;
  readonly file: string;
  readonly ext: Readonly<Record<string, string>>;
  readonly tla: Readonly<Record<string, string>>;
  /** Searched after the importing file's own folder, the last one first, as jsonnet does. */
  readonly importPaths: readonly string[];
}

/** `refused`: a sentence already. */
export type WorkerAnswer = (EvaluationResult | { readonly refused: string }) & {
  /** Paths of the checkout that were read. */
  readonly read?: readonly string[];
};

async function answer(task: WorkerTask): Promise<WorkerAnswer> {
  const checkout = await Checkout.open(task.root, task.limits);
  try {
    const text = await checkout.read(task.file);
    const module = new WebAssembly.Module(readFileSync(task.library));
    const { file, ext, tla, limits } = task;
    const evaluation = { file, text, ext, tla, maxOutputBytes: limits.outputBytes };
    const result = await evaluateJsonnet(module, evaluation, finder(checkout, task.importPaths));
    return { ...result, read: [...checkout.reached] };
  } catch (error) {
    if (error instanceof RenderError) return { refused: error.message };
    // Memory that cannot grow and a stack that is used up end WebAssembly code with a trap.
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return { failure: OUT_OF_MEMORY };
    throw error;
  }
}

const OUT_OF_MEMORY = 'RUNTIME ERROR: it needs more memory than jsonnet is given (512 MiB)';

function finder(checkout: Checkout, importPaths: readonly string[]): FindImport {
  return (folder, wanted) => {
    if (path.posix.isAbsolute(wanted))
      throw new Error('an absolute path is not imported: only files of the repository are');
    const places = [folder === '' ? '.' : folder, ...importPaths.toReversed()];
    let outside: RenderError | null = null;
    for (const place of places) {
      try {
        const file = checkout.join(place, wanted, 'import');
        const content = checkout.readNow(file);
        if (content !== null) return { file, content };
      } catch (error) {
        // It may still lie below another import path.
        if (!(error instanceof RenderError)) throw error;
        outside ??= error;
      }
    }
    throw (
      outside ?? new Error(`there is no such file beside it${importPaths.length > 0 ? ' or in the import paths' : ''}`)
    );
  };
}

// No top-level await: bundles are CommonJS.
void answer(workerData as WorkerTask).then((message) => parentPort?.postMessage(message));
