/** The reference implementation of jsonnet, compiled to WebAssembly (lib/build.sh): it reaches only what `find` gives. */

export interface Evaluation {
  /** Name of the program, as errors show it; its folder is where its imports are looked for. */
  readonly file: string;
  readonly text: string;
  /** External variables and top-level arguments: texts. */
  readonly ext: Readonly<Record<string, string>>;
  readonly tla: Readonly<Record<string, string>>;
  readonly maxOutputBytes: number;
}

export type EvaluationResult = { readonly json: string } | { readonly failure: string };

/** The file that an import names, seen from the folder of the importing file (ends with `/`, or empty); throws why not. */
export type FindImport = (folder: string, wanted: string) => { readonly file: string; readonly content: Uint8Array };

interface Library {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  start(maxStack: number, maxTrace: number): void;
  allocate(size: number): number;
  external(name: number, text: number): void;
  argument(name: number, text: number): void;
  evaluate(file: number, text: number, failed: number): number;
}

/** Jsonnet's own default. */
const MAX_STACK = 500;
const MAX_TRACE = 20;
const FOUND = 0;
const NOT_FOUND = 1;

/** Evaluates one program in a fresh instance. @throws WebAssembly.RuntimeError, RangeError when memory or stack end */
export async function evaluateJsonnet(
  module: WebAssembly.Module,
  evaluation: Evaluation,
  find: FindImport,
): Promise<EvaluationResult> {
  const memory = new LibraryMemory();
  const instance = await WebAssembly.instantiate(module, {
    plumbline: { find: (...pointers: Pointers) => answerImport(memory, find, pointers) },
    env: { emscripten_notify_memory_growth: () => undefined },
    wasi_snapshot_preview1: systemCalls(memory),
  });
  const library = instance.exports as unknown as Library;
  memory.library = library;
  library._initialize();
  library.start(MAX_STACK, MAX_TRACE);
  for (const [name, text] of Object.entries(evaluation.ext)) library.external(memory.text(name), memory.text(text));
  for (const [name, text] of Object.entries(evaluation.tla)) library.argument(memory.text(name), memory.text(text));
  const failed = library.allocate(4);
  const answer = library.evaluate(memory.text(evaluation.file), memory.text(evaluation.text), failed);
  const bytes = memory.bytesAt(answer);
  if (memory.number(failed) !== 0) return { failure: Buffer.from(bytes).toString('utf8') };
  if (bytes.length > evaluation.maxOutputBytes) {
    return { failure: `RUNTIME ERROR: the output has more than ${evaluation.maxOutputBytes} bytes` };
  }
  return { json: Buffer.from(bytes).toString('utf8') };
}

/** Folder, import, and where the name, the content and its length go. */
type Pointers = [folder: number, wanted: number, found: number, buffer: number, length: number];

function answerImport(memory: LibraryMemory, find: FindImport, pointers: Pointers): number {
  const [folder, wanted, found, buffer, length] = pointers;
  const put = (content: Uint8Array): void => {
    memory.setNumber(buffer, memory.bytes(content));
    memory.setNumber(length, content.length);
  };
  try {
    const { file, content } = find(memory.textAt(folder), memory.textAt(wanted));
    memory.setNumber(found, memory.text(file));
    put(content);
    return FOUND;
  } catch (error) {
    put(Buffer.from(error instanceof Error ? error.message : String(error)));
    return NOT_FOUND;
  }
}

/** The library asks for none of the system but its standard streams, where `std.trace` writes: nothing is kept. */
function systemCalls(memory: LibraryMemory): Record<string, WebAssembly.ImportValue> {
  const NO_SUCH_FILE = 8;
  return {
    // It gives up only when it gets no memory.
    proc_exit: () => {
      throw new RangeError('jsonnet gave up');
    },
    fd_close: () => NO_SUCH_FILE,
    fd_read: () => NO_SUCH_FILE,
    fd_seek: () => NO_SUCH_FILE,
    fd_write: (_file: number, parts: number, count: number, written: number) => {
      let bytes = 0;
      for (let part = 0; part < count; part += 1) bytes += memory.number(parts + part * 8 + 4);
      memory.setNumber(written, bytes);
      return 0;
    },
    environ_sizes_get: (count: number, size: number) => {
      memory.setNumber(count, 0);
      memory.setNumber(size, 0);
      return 0;
    },
    environ_get: () => 0,
  };
}

/** Memory of the instance; views are made anew each time, because it moves when it grows. */
class LibraryMemory {
  library: Library | null = null;

  text(text: string): number {
    return this.bytes(Buffer.from(`${text}\0`));
  }

  bytes(content: Uint8Array): number {
    const at = this.#loaded().allocate(Math.max(1, content.length));
    new Uint8Array(this.#loaded().memory.buffer).set(content, at);
    return at;
  }

  textAt(at: number): string {
    return Buffer.from(this.bytesAt(at)).toString('utf8');
  }

  /** Up to the zero that ends a text of C. */
  bytesAt(at: number): Uint8Array {
    const all = new Uint8Array(this.#loaded().memory.buffer);
    return all.subarray(at, all.indexOf(0, at));
  }

  number(at: number): number {
    return new DataView(this.#loaded().memory.buffer).getUint32(at, true);
  }

  setNumber(at: number, value: number): void {
    new DataView(this.#loaded().memory.buffer).setUint32(at, value, true);
  }

  #loaded(): Library {
    if (this.library === null) throw new Error('jsonnet is used before it is loaded');
    return this.library;
  }
}
