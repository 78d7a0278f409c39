import type { ClusterClient, NoObject } from './client.ts';
import type { DiscoveredKind } from './discovery.ts';
import type { Kept } from './kept.ts';
import { type Listed, list, PARTIAL_LIST } from './list.ts';
import { type Need, type Needs, NO_NAMESPACE } from './needs.ts';

/** So many objects of a namespace are asked for one by one, when … */
const FEW = 2;
/** … so many more are there: a list of them all would be pages of what nobody needs. */
const THOUSANDS = 1000;
const PAGE = 500;
/** Namespaces are a good part of the cluster from a quarter on: then one list of everything is less than many lists. */
const GOOD_PART = 1 / 4;
/** Wherever nothing of the kind is declared, see `Unreached`. */
const ELSEWHERE = '*';

const ALL = null;

/** Reads one kind after another, each in the fewest requests that are allowed. */
export class KindReader {
  readonly #client: ClusterClient;
  readonly #needs: Needs;
  readonly #kept: Kept;
  readonly #progress: (step: string) => void;
  #namespaces: Promise<number | null> | null = null;

  constructor(client: ClusterClient, needs: Needs, kept: Kept, progress: (step: string) => void) {
    this.#client = client;
    this.#needs = needs;
    this.#kept = kept;
    this.#progress = progress;
  }

  async read(need: Need): Promise<void> {
    this.#progress(`reading ${need.served.resource}`);
    const places = new Set([...need.declared.keys(), ...need.inventory, ...need.scaling]);
    const isWhole = places.size > 0 && (await this.#readEverywhere(need, places));
    await Promise.all([
      ...(isWhole ? [] : [...places].map((place) => this.#readPlace(need, place))),
      ...(need.labelled && !isWhole ? [this.#readLabelled(need)] : []),
    ]);
  }

  /** One list for all namespaces, where they are a good part of the cluster. False: it takes single ones. */
  async #readEverywhere(need: Need, places: ReadonlySet<string>): Promise<boolean> {
    const { served } = need;
    if (!served.namespaced || !served.listable || places.size < 2) return false;
    const total = await this.#countNamespaces();
    if (total === null || places.size < total * GOOD_PART) return false;
    const isTooMuch = (remaining: number): boolean => remaining > 2 * PAGE * places.size;
    const listed = await this.#list(need, ALL, { partial: need.declared.size + need.scaling.size === 0, isTooMuch });
    switch (listed.kind) {
      case 'ok':
        return true;
      case 'forbidden':
      case 'too much':
        return false;
      default:
        this.#miss(need, ALL, listed);
        for (const place of need.scaling) this.#missScalers(place, listed);
        return true;
    }
  }

  /** Null: it may not be known, which is how it is with a role for some namespaces. */
  async #countNamespaces(): Promise<number | null> {
    this.#namespaces ??= this.#client
      .get(`/api/v1/namespaces?limit=${PAGE}`, { accept: `${PARTIAL_LIST},application/json` })
      .then((answer) => {
        if (answer.kind !== 'ok' || !Array.isArray(answer.value['items'])) return null;
        const { metadata, items } = answer.value as { metadata?: { remainingItemCount?: number }; items: unknown[] };
        return items.length + (metadata?.remainingItemCount ?? 0);
      });
    return this.#namespaces;
  }

  /** What is wanted of one namespace, or of the cluster's own objects. */
  async #readPlace(need: Need, place: string): Promise<void> {
    const names = need.declared.get(place) ?? new Set<string>();
    const isWhole = need.inventory.has(place) || need.scaling.has(place);
    // An object alone is as many requests as a list of it, and less to carry.
    if (!isWhole && (names.size === 1 || !need.served.listable)) return this.#getAll(need, place, [...names]);
    const isTooMuch = (remaining: number): boolean => !isWhole && names.size <= FEW && remaining >= THOUSANDS;
    const partial = names.size === 0 && !need.scaling.has(place);
    const listed = await this.#list(need, place, { partial, isTooMuch });
    switch (listed.kind) {
      case 'ok':
        return;
      case 'too much':
        return this.#getAll(need, place, [...names]);
      case 'forbidden':
        if (need.inventory.has(place)) this.#missRest(need, place, listed);
        if (need.scaling.has(place)) this.#noteScalers(need, place, listed);
        return this.#getAllowed(need, place, [...names]);
      default:
        if (names.size > 0 || need.inventory.has(place)) this.#miss(need, place, listed);
        if (need.scaling.has(place)) this.#missScalers(place, listed);
    }
  }

  async #readLabelled(need: Need): Promise<void> {
    const { label } = this.#needs;
    if (label === null) return;
    const listed = await this.#list(need, ALL, { partial: true, label: label.text });
    if (listed.kind !== 'ok' && listed.kind !== 'too much') this.#missRest(need, ALL, listed);
  }

  async #list(
    need: Need,
    place: string | null,
    how: { readonly partial: boolean; readonly label?: string; readonly isTooMuch?: (remaining: number) => boolean },
  ): Promise<Listed> {
    const { served } = need;
    const listed = await list(this.#client, {
      ...how,
      path: pathOf(served, place),
      // The type of a Secret tells whose it is.
      partial: how.partial && served.kind !== 'Secret',
      keep: (item) => this.#kept.isNeeded(need, item),
    });
    if (listed.kind === 'ok') this.#kept.add(served, listed.items);
    return listed;
  }

  /** Not to list, but perhaps to get: the first one tells for all of them. */
  async #getAllowed(need: Need, place: string, names: readonly string[]): Promise<void> {
    const [first, ...others] = names;
    if (first === undefined) return;
    const refused = await this.#get(need, place, first);
    if (refused?.kind === 'forbidden') return this.#miss(need, place, refused);
    if (refused !== null) this.#miss(need, place, refused, first);
    return this.#getAll(need, place, others);
  }

  async #getAll(need: Need, place: string, names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const refused = await this.#get(need, place, name);
        if (refused !== null) this.#miss(need, place, refused, name);
      }),
    );
  }

  /** Null: it was read, or does not exist. */
  async #get(need: Need, place: string, name: string): Promise<NoObject | null> {
    const answer = await this.#client.get(`${pathOf(need.served, place)}/${encodeURIComponent(name)}`);
    if (answer.kind === 'gone') return null;
    if (answer.kind === 'unchanged') return { kind: 'failed', reason: 'answered out of turn' };
    if (answer.kind !== 'ok') return answer;
    const { metadata } = answer.value as { metadata?: { name?: unknown } };
    if (metadata?.name !== name) return { kind: 'failed', reason: 'answered with another object' };
    this.#kept.add(need.served, [answer.value]);
    return null;
  }

  #miss({ served }: Need, place: string | null, why: NoObject, name?: string): void {
    const { apiVersion, kind } = served;
    this.#kept.unreached.push({
      ...{ apiVersion, kind, namespace: place === NO_NAMESPACE ? null : place },
      reason: sentence(served, place, why, name),
      ...(name === undefined ? {} : { name }),
    });
  }

  /** Objects that nobody may have declared: those that are declared can be read all the same. */
  #missRest(need: Need, place: string | null, why: NoObject): void {
    const { served, declared } = need;
    const isShared = place === ALL ? declared.size > 0 : declared.has(place);
    const reason = sentence(served, place, why);
    if (isShared) {
      this.#kept.unreached.push({ apiVersion: served.apiVersion, kind: served.kind, namespace: ELSEWHERE, reason });
    } else this.#miss(need, place, why);
  }

  #noteScalers({ served }: Need, place: string, why: NoObject): void {
    this.#kept.notes.push({
      kind: 'autoscalers',
      text: `the autoscalers of namespace ${place} are not known, so that a replica count which one of them set may be a finding: the cluster ${why.reason}; let list on ${served.resource} be allowed`,
    });
  }

  /** May be there, or not: what one of them may have set is not told from a difference. */
  #missScalers(place: string, why: NoObject): void {
    for (const object of this.#needs.scalable.get(place) ?? []) {
      this.#kept.unreached.push({ ...object, reason: `${object.reason}: the cluster ${why.reason}` });
    }
  }
}

/** `/apis/apps/v1/namespaces/shop/deployments` */
function pathOf({ apiVersion, resource }: DiscoveredKind, place: string | null): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = place === ALL || place === NO_NAMESPACE ? '' : `/namespaces/${encodeURIComponent(place)}`;
  return `${root}${within}/${resource}`;
}

function sentence(
  { resource, namespaced }: DiscoveredKind,
  place: string | null,
  why: NoObject,
  name?: string,
): string {
  const where = !namespaced ? '' : place === ALL ? ' in all namespaces' : ` in namespace ${place}`;
  const verb = name === undefined ? 'list' : 'get';
  const what = name === undefined ? resource : `${resource}/${name}`;
  const remedy = why.kind === 'forbidden' ? `; let get and list on ${resource}${where} be allowed` : '';
  return `${what}${where} could not be read (${verb}): the cluster ${why.reason}${remedy}`;
}
