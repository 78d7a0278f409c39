import { isList, isObject, type JsonObject } from '#drift/kubernetes/json.ts';
import { metadataOf } from '#drift/kubernetes/objects.ts';
import { type ClusterClient, JSON_TYPE, type NoObject } from './client.ts';

/** Without what a kind specifies: names, labels, owners. */
export const PARTIAL_LIST = `${JSON_TYPE};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
const PAGE = 500;
/** Where 500 objects are more than an answer may be. */
const SMALL_PAGE = 25;
const MAX_RESTARTS = 2;
const MAX_PAGES = 10_000;

export interface ListRequest {
  /** `/api/v1/namespaces/shop/configmaps` */
  readonly path: string;
  readonly label?: string;
  readonly partial: boolean;
  /** Which objects are worth their memory. */
  readonly keep: (item: JsonObject) => boolean;
  /** Asked after the first page: whether there is a better way, with so many still to come. */
  readonly isTooMuch?: (remaining: number) => boolean;
}

export type Listed =
  | { readonly kind: 'ok'; readonly items: readonly JsonObject[] }
  | { readonly kind: 'too much' }
  | NoObject;

/**
 * Every object of a list, page by page, of one moment: when the server has forgotten that moment (410), or a page is of
 * another one, all begins again, a few times.
 */
export async function list(client: ClusterClient, request: ListRequest): Promise<Listed> {
  let limit = PAGE;
  for (let restarts = 0; ; restarts += 1) {
    const listed = await listOnce(client, request, limit);
    if (listed.kind === 'too large' && limit === PAGE) limit = SMALL_PAGE;
    else if (listed.kind !== 'expired' || restarts >= MAX_RESTARTS) return listed;
  }
}

async function listOnce(client: ClusterClient, request: ListRequest, limit: number): Promise<Listed> {
  const { path, label, partial, keep, isTooMuch } = request;
  const items: JsonObject[] = [];
  const moments = new Set<string>();
  const asked = new Set<string>();
  for (let next: string | null = ''; next !== null; ) {
    if (asked.has(next) || asked.size >= MAX_PAGES) return { kind: 'failed', reason: 'lists without an end' };
    asked.add(next);
    const query = new URLSearchParams({ limit: String(limit) });
    if (label !== undefined) query.set('labelSelector', label);
    if (next !== '') query.set('continue', next);
    const answer = await client.get(`${path}?${query}`, partial ? { accept: `${PARTIAL_LIST},${JSON_TYPE}` } : {});
    if (answer.kind === 'unchanged') return { kind: 'failed', reason: 'answered out of turn' };
    if (answer.kind !== 'ok') return answer;
    const page = pageOf(answer.value);
    if (page === null) return { kind: 'failed', reason: 'answered with something that is no list' };
    moments.add(page.moment);
    if (moments.size > 1) return { kind: 'expired', reason: 'answered with pages of different moments' };
    if (asked.size === 1 && isTooMuch?.(page.remaining) === true) return { kind: 'too much' };
    for (const item of page.items) if (keep(item)) items.push(item);
    next = page.next;
    // A proxy may drop what it does not know; the last page of a server has nothing remaining.
    if (next === null && page.remaining > 0) return { kind: 'failed', reason: 'ended a list before its end' };
  }
  return { kind: 'ok', items };
}

interface Page {
  readonly items: readonly JsonObject[];
  readonly next: string | null;
  /** At least so many are still to come. */
  readonly remaining: number;
  readonly moment: string;
}

function pageOf(value: JsonObject): Page | null {
  const { kind, items, metadata } = value;
  // An empty slice of Go may be null.
  const all = items === null ? [] : items;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !isList(all) || !isObject(metadata)) return null;
  const objects = all.filter((item) => isObject(item));
  if (objects.length < all.length || !objects.every((item) => typeof metadataOf(item)['name'] === 'string'))
    return null;
  const { continue: token, remainingItemCount, resourceVersion } = metadata;
  return {
    items: objects,
    next: typeof token === 'string' && token !== '' ? token : null,
    remaining: typeof remainingItemCount === 'number' ? remainingItemCount : 0,
    moment: String(resourceVersion ?? ''),
  };
}
