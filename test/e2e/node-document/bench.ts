import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificates } from '#sandbox/tls.ts';
import { CORES, installCore } from '#test/e2e/ansible/install.ts';
import { type BundleRequest, type Packed, pack } from './bundle.ts';
import { Node } from './node.ts';
import { Store } from './store.ts';

/** One store, and as many nodes as a test wants. */
export class Bench {
  readonly store: Store;
  readonly #folder: string;
  readonly bin: string;
  #nodes = 0;

  private constructor(folder: string, store: Store, bin: string) {
    this.#folder = folder;
    this.store = store;
    this.bin = bin;
  }

  static async start(folder: string, certificates: Certificates): Promise<Bench> {
    const bin = await installCore(CORES.middle);
    if (bin === null) throw new Error(`no Python here runs ansible-core ${CORES.middle.version}: install Python 3.11`);
    return new Bench(folder, await Store.start(certificates), bin);
  }

  /** @param bin where ansible-playbook lies; null: nowhere */
  newNode(bin: string | null = this.bin): Node {
    this.#nodes += 1;
    return new Node(path.join(this.#folder, `node-${this.#nodes}`), this.store, bin);
  }

  /** What the store hands out from now on. */
  async bundle(request: Pick<BundleRequest, 'files'> & Partial<BundleRequest>): Promise<Packed> {
    const link = this.store.link('nodes/web1.jsonl');
    const packed = await pack(path.join(this.#folder, 'packing'), { link, ...request });
    this.store.reset(packed.data);
    return packed;
  }

  /** What the node handed over. */
  stream(): Buffer {
    const stream = this.store.objects.get('/nodes/web1.jsonl');
    if (stream === undefined) throw new Error('no stream was handed over');
    return stream;
  }

  stop(): Promise<unknown> {
    return this.store.stop();
  }
}

/** Waits for something that must come, within some seconds. */
export async function eventually(what: () => boolean, seconds = 20): Promise<void> {
  for (const until = Date.now() + seconds * 1000; !what(); await sleep(50)) {
    if (Date.now() > until) throw new Error(`it did not come within ${seconds} seconds`);
  }
}
