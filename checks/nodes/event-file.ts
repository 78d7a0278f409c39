import { open } from 'node:fs/promises';
import { NotReady } from '../not-ready.ts';

/** A stream of more than this is no longer read: some thousand tasks with large differences on a hundred hosts. */
const MAX_BYTES = 256 * 1024 * 1024;
const FOLLOW_MS = 500;
const RESULT = '"event": "task"';

/** The file that our plugin writes, from before it is there. */
export class EventFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Says how many tasks have a result while it grows. Returns how to stop. */
  follow(say: (tasks: number) => void, everyMs = FOLLOW_MS): () => void {
    let at = 0;
    let tasks = 0;
    let rest = '';
    let isReading = false;
    const read = async (): Promise<void> => {
      const text = `${rest}${(await this.#from(at, MAX_BYTES)).toString('latin1')}`;
      at += text.length - rest.length;
      const count = text.split(RESULT).length - 1;
      rest = text.slice(-(RESULT.length - 1));
      tasks += count;
      if (count > 0) say(tasks);
    };
    const timer = setInterval(() => {
      if (isReading) return;
      isReading = true;
      read().finally(() => {
        isReading = false;
      });
    }, everyMs);
    return () => clearInterval(timer);
  }

  /** All that was written; empty when nothing was. @throws NotReady when it is too much */
  async read(): Promise<string> {
    const bytes = await this.#from(0, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES)
      throw new NotReady(
        `the events of the run are larger than ${MAX_BYTES / 1024 / 1024} MB: split the playbook or the inventory`,
      );
    return bytes.toString('utf8');
  }

  async #from(start: number, limit: number): Promise<Buffer> {
    const file = await open(this.#path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (file === null) return Buffer.alloc(0);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.max(0, Math.min(size - start, limit)));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
