import { at, clone, type JsonObject, textAt } from './json.ts';
import { itemsOf, recording } from './recording.ts';
import { RECORDED_GROUP, storageOf } from './resources.ts';

/** One stored object; never changed, only replaced. */
export interface Stored {
  readonly key: string;
  readonly object: JsonObject;
}

export type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly storage: string;
  readonly object: JsonObject;
};

const FIRST_VERSION = 1000;
/** Events belong to what happened in the recorded cluster; the other version of autoscalers is the same objects. */
const LEFT_OUT = ['/api/v1/events', '/apis/events.k8s.io/v1/events', '/apis/autoscaling/v1/horizontalpodautoscalers'];

/** What a cluster holds. */
export class Store {
  readonly #kinds = new Map<string, Map<string, JsonObject>>();
  readonly #snapshots = new Map<string, readonly Stored[]>();
  readonly #listeners = new Set<(change: Change) => void>();
  #version = FIRST_VERSION;

  /** A cluster that nobody has used yet: what the recorded one had of its own. */
  static fresh(): Store {
    const store = new Store();
    for (const { path, list } of recording.lists()) {
      const [group, plural] = placeOf(path);
      if (group === RECORDED_GROUP || LEFT_OUT.includes(path)) continue;
      for (const item of itemsOf(list)) {
        // What acme put there, and what its Pods, claims and services left behind.
        if (JSON.stringify(item).includes('acme')) continue;
        const kind = textAt(list, 'kind').replace(/List$/, '');
        const object = { kind, apiVersion: textAt(list, 'apiVersion'), ...item };
        store.#of(storageOf({ group, plural })).set(keyOf(object), object);
      }
    }
    return store;
  }

  get version(): string {
    return String(this.#version);
  }

  get(storage: string, namespace: string, name: string): JsonObject | null {
    return this.#kinds.get(storage)?.get(namespace === '' ? name : `${namespace}/${name}`) ?? null;
  }

  /** In the order of their keys, as etcd has them. */
  list(storage: string, namespace = ''): readonly Stored[] {
    const prefix = namespace === '' ? '' : `${namespace}/`;
    return [...this.#of(storage)]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, object]) => ({ key: key.slice(prefix.length), object }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** The same list as it was at a version; null when it is not remembered. */
  snapshot(storage: string, namespace: string, version: string): readonly Stored[] | null {
    return this.#snapshots.get(`${storage}@${namespace}@${version}`) ?? null;
  }

  remember(storage: string, namespace: string, list: readonly Stored[]): void {
    this.#snapshots.set(`${storage}@${namespace}@${this.version}`, list);
  }

  /** As after a compaction: lists that are under way cannot go on. */
  forgetSnapshots(): void {
    this.#snapshots.clear();
  }

  /** Keeps an object under a new version. */
  put(storage: string, object: JsonObject): JsonObject {
    const kept = clone(object);
    const metadata = at(kept, 'metadata');
    metadata['resourceVersion'] = String(++this.#version);
    const objects = this.#of(storage);
    const type = objects.has(keyOf(kept)) ? 'MODIFIED' : 'ADDED';
    objects.set(keyOf(kept), kept);
    this.#tell({ type, storage, object: kept });
    return kept;
  }

  delete(storage: string, object: JsonObject): void {
    if (!this.#of(storage).delete(keyOf(object))) return;
    const last = clone(object);
    at(last, 'metadata')['resourceVersion'] = String(++this.#version);
    this.#tell({ type: 'DELETED', storage, object: last });
  }

  /** All objects of all kinds, with where they are kept. */
  everything(): readonly { readonly storage: string; readonly object: JsonObject }[] {
    return [...this.#kinds].flatMap(([storage, objects]) =>
      [...objects.values()].map((object) => ({ storage, object })),
    );
  }

  /** @returns what ends it */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  #of(storage: string): Map<string, JsonObject> {
    const found = this.#kinds.get(storage);
    if (found !== undefined) return found;
    const made = new Map<string, JsonObject>();
    this.#kinds.set(storage, made);
    return made;
  }
}

function keyOf(object: JsonObject): string {
  const [namespace, name] = [textAt(object, 'metadata', 'namespace'), textAt(object, 'metadata', 'name')];
  return namespace === '' ? name : `${namespace}/${name}`;
}

function placeOf(path: string): readonly [string, string] {
  const parts = path.split('/').slice(1);
  return parts[0] === 'api' ? ['', parts[2] ?? ''] : [parts[1] ?? '', parts[3] ?? ''];
}
