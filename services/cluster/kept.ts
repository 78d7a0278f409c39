import type { JsonObject } from '#drift/kubernetes/json.ts';
import type { Unreached } from '#drift/kubernetes/live.ts';
import { hasOwners, metadataOf, textsOf } from '#drift/kubernetes/objects.ts';
import { matchesSelector } from '#drift/kubernetes/selector.ts';
import type { Note } from '#drift/note.ts';
import type { DiscoveredKind } from './discovery.ts';
import { keyOf, type Need, type Needs, NO_NAMESPACE, namespaceOf } from './needs.ts';

/** What was read and is needed, and what could not be read. */
export class Kept {
  readonly #needs: Needs;
  readonly #objects = new Map<string, JsonObject>();
  readonly unreached: Unreached[] = [];
  readonly notes: Note[] = [];

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  get objects(): readonly JsonObject[] {
    return [...this.#objects.values()];
  }

  /** Whether an object of a kind is needed: the rest of a page is forgotten at once. */
  isNeeded(need: Need, item: JsonObject): boolean {
    const { kind, apiVersion } = need.served;
    const [namespace, name] = [placeOf(item, need.served), String(metadataOf(item)['name'])];
    if (need.declared.get(namespace)?.has(name) === true || need.scaling.has(namespace)) return true;
    // Declared in another version: it is read in that one.
    if (this.#needs.declared.has(keyOf(apiVersion, kind, namespace, name))) return false;
    return !hasOwners(item) && (need.inventory.has(namespace) || this.#isLabelled(need, item));
  }

  #isLabelled(need: Need, item: JsonObject): boolean {
    const { label } = this.#needs;
    if (!need.labelled || label === null) return false;
    return matchesSelector(label.selector, textsOf(metadataOf(item)['labels']));
  }

  /** Items of a list do not say what they are; parts of objects say that they are parts. The first one read stays. */
  add({ apiVersion, kind, namespaced }: DiscoveredKind, items: readonly JsonObject[]): void {
    for (const item of items) {
      const { namespace, name } = metadataOf(item);
      const key = `${apiVersion}\n${kind}\n${namespaced ? String(namespace) : NO_NAMESPACE}\n${String(name)}`;
      if (!this.#objects.has(key)) this.#objects.set(key, { ...item, apiVersion, kind });
    }
  }
}

const placeOf = (item: JsonObject, { namespaced }: DiscoveredKind): string =>
  namespaceOf(item, namespaced, NO_NAMESPACE);
