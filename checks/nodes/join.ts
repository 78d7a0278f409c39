import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { NodeReason } from '#drift/nodes/fleet.ts';
import { MAX_STREAM_BYTES, type NodeWord } from '#drift/nodes/outcome.ts';
import { ObjectHidden, type ObjectStore, ObjectTooLarge } from '#services/ports.ts';

/** What SSM says of one node's stream, and where it lies. */
export type AskedStream = Extract<NodeWord, { readonly stream: unknown }> & {
  /** The node's name. */
  readonly node: string;
  readonly key: string;
};

/** A stream that is its node's own, to the byte. */
export interface NodeStreamRead {
  readonly node: string;
  readonly text: string;
  /** Of ansible-playbook; null: not known. */
  readonly exitCode: number | null;
  readonly hint: string | null;
  /** A folder that the run left on the node. */
  readonly left: string | null;
}

export interface JoinWorld {
  readonly store: Pick<ObjectStore, 'read'>;
  readonly left: () => number;
  readonly signal: AbortSignal;
}

const AT_ONCE = 32;
/** Of all streams that are read at the same time; a single one may have half of it. */
const BYTES_AT_ONCE = 2 * MAX_STREAM_BYTES;

/**
 * Reads streams and hands over those that are what SSM says, to the byte. Sizes are known before: not more is read, nor
 * more at once than memory is meant for.
 * @returns who is unreached, and why
 */
export async function readStreams(
  streams: readonly AskedStream[],
  world: JoinWorld,
  take: (stream: NodeStreamRead) => void,
): Promise<readonly NodeReason[]> {
  const left = Math.ceil(world.left());
  const over = AbortSignal.any([world.signal, left > 0 ? AbortSignal.timeout(left) : AbortSignal.abort()]);
  const limit = pLimit(AT_ONCE);
  const room = new Room(BYTES_AT_ONCE);
  const reasons = await Promise.all(
    streams.map((asked) =>
      limit(() =>
        room.during(asked.stream.size, async () => {
          const read = await readOne(asked, world.store, over);
          if ('reason' in read) return [{ node: asked.node, reason: read.reason }];
          const { exit: exitCode, hint, left } = asked.answer;
          take({ node: asked.node, text: read.text, exitCode, hint, left });
          return [];
        }),
      ),
    ),
  );
  return reasons.flat();
}

/** Stands for the end of the time. */
const LATE = 'late';
const NOT_ITS_OWN = 'another stream lies where its own should be, which is not believed';
const NO_TIME = "no time was left to read its stream: raise the target's timeout";

async function readOne(
  { key, stream }: AskedStream,
  store: Pick<ObjectStore, 'read'>,
  over: AbortSignal,
): Promise<{ readonly text: string } | { readonly reason: string }> {
  if (over.aborted) return { reason: NO_TIME };
  let text: string | undefined;
  try {
    const object = await unlessOver(store.read(key, stream.size), over);
    if (object === LATE) return { reason: NO_TIME };
    text = object?.text;
  } catch (error) {
    if (error instanceof ObjectTooLarge) return { reason: `${NOT_ITS_OWN}: it is larger than the node's` };
    if (!(error instanceof ObjectHidden)) {
      const why = error instanceof Error ? error.name : 'unknown reason';
      return { reason: `its stream could not be read (${why}): check again` };
    }
  }
  if (text === undefined) return { reason: 'its stream is not where the node says that it put it: check again' };
  const size = Buffer.byteLength(text);
  if (size !== stream.size) return { reason: `${NOT_ITS_OWN}: it has ${size} bytes in place of ${stream.size}` };
  const sha256 = createHash('sha256').update(text).digest('hex');
  return sha256 === stream.sha256 ? { text } : { reason: `${NOT_ITS_OWN}: its SHA-256 is not the node's` };
}

/** What is read, or that the time was over before. A signal that lives on keeps nothing of what was read. */
function unlessOver<T>(reading: Promise<T>, over: AbortSignal): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const late = (): void => resolve(LATE);
    over.addEventListener('abort', late, { once: true });
    reading.then(resolve, reject).finally(() => over.removeEventListener('abort', late));
  });
}

/** Lets work begin, in order, while what is under way and the next one need no more than there is; none needs more. */
class Room {
  readonly #size: number;
  readonly #waiting: { readonly need: number; readonly begin: () => void }[] = [];
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  async during<T>(need: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ need, begin });
      this.#next();
    });
    try {
      return await work();
    } finally {
      this.#used -= need;
      this.#next();
    }
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#used + first.need > this.#size) return;
      this.#waiting.shift();
      this.#used += first.need;
      first.begin();
    }
  }
}
