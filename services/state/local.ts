import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { StateHidden, type StateView, type StateWatch } from '../ports.ts';
import { MAX_LOCK_BYTES, writerOf } from './lock.ts';

/** A state in a file; its lock lies beside it. */
export class LocalState implements StateWatch {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async look(): Promise<StateView> {
    const lock = path.join(path.dirname(this.#file), `.${path.basename(this.#file)}.lock.info`);
    try {
      const text = await unlessMissing(readStart(lock));
      const found = await unlessMissing(stat(this.#file, { bigint: true }));
      return {
        writer: text === null ? null : writerOf(text),
        version: found === null ? null : `${found.ino} ${found.size} ${found.mtimeNs}`,
      };
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new StateHidden(`${path.basename(this.#file)} and its lock cannot be read (${code})`, { cause: error });
    }
  }
}

async function readStart(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_LOCK_BYTES), 0, MAX_LOCK_BYTES, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

async function unlessMissing<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
