import { inVersion } from './convert.ts';
import { at, isObject, type JsonObject, textAt } from './json.ts';
import { apiVersionOf, type Resource, storageOf } from './resources.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import { badRequest, notFound, Refused } from './status.ts';
import type { Store, Stored } from './store.ts';
import { tableOf } from './table.ts';

export type Form = 'whole' | 'partial' | 'table';

const EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
const TOKEN_VERSION = 'meta.k8s.io/v1';
const PARTIAL = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };

/** Which of the forms that it offers a client gets. */
export function formOf(accept: string): Form {
  for (const offer of accept.split(',')) {
    if (/;as=Table;/.test(`${offer};`) && /v=v1\b/.test(offer)) return 'table';
    if (/;as=PartialObjectMetadata(List)?;/.test(`${offer};`)) return 'partial';
    if (/^\s*(application\/json|\*\/\*)\s*(;q=[\d.]+)?$/.test(offer)) return 'whole';
  }
  return 'whole';
}

export function readOne(store: Store, resource: Resource, namespace: string, name: string, form: Form): JsonObject {
  const found = store.get(storageOf(resource), namespace, name);
  if (found === null) throw notFound(resource, name);
  return shaped(found, resource, form);
}

/** One object as a client asked for it. */
export function shaped(stored: JsonObject, resource: Resource, form: Form): JsonObject {
  const object = inVersion(stored, resource);
  if (form === 'partial') return { ...PARTIAL, metadata: at(object, 'metadata') };
  if (form === 'table')
    return tableOf([object], resource, { resourceVersion: textAt(object, 'metadata', 'resourceVersion') });
  const { kind: _, apiVersion: __, ...rest } = object;
  return { kind: resource.kind, apiVersion: apiVersionOf(resource), ...rest };
}

/** A list, whole or a page of it. @throws Refused 400, 410 */
export function readList(
  store: Store,
  resource: Resource,
  namespace: string,
  query: URLSearchParams,
  form: Form,
): JsonObject {
  const storage = storageOf(resource);
  const selects = [
    labelSelector(query.get('labelSelector') ?? ''),
    fieldSelector(query.get('fieldSelector') ?? '', resource),
  ];
  const isSelecting = (query.get('labelSelector') ?? '') !== '' || (query.get('fieldSelector') ?? '') !== '';
  const limit = wholeNumber(query.get('limit'));
  const token = query.get('continue') ?? '';
  const from = token === '' ? null : readToken(token);
  const version = from === null || from.version < 0 ? store.version : String(from.version);
  const all =
    from === null || from.version < 0 ? store.list(storage, namespace) : store.snapshot(storage, namespace, version);
  if (all === null)
    throw new Refused(410, 'Expired', EXPIRED, undefined, { continue: writeToken(-1, from?.start ?? '') });
  const rest = from === null ? all : all.filter(({ key }) => key >= from.start);
  const matching = rest.filter(({ object }) => selects.every((select) => select(object)));
  const page = limit > 0 ? matching.slice(0, limit) : matching;
  const metadata: JsonObject = { resourceVersion: version };
  const last = page.at(-1);
  if (page.length < matching.length && last !== undefined) {
    if (from === null || from.version < 0) store.remember(storage, namespace, all);
    metadata['continue'] = writeToken(Number(version), `${last.key}\0`);
    if (!isSelecting) metadata['remainingItemCount'] = matching.length - page.length;
  }
  return listOf(page, resource, metadata, form);
}

function listOf(page: readonly Stored[], resource: Resource, metadata: JsonObject, form: Form): JsonObject {
  const objects = page.map(({ object }) => inVersion(object, resource));
  if (form === 'table') return tableOf(objects, resource, metadata);
  if (form === 'partial') {
    const items = objects.map((object) => ({ ...PARTIAL, metadata: at(object, 'metadata') }));
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items };
  }
  const listKind =
    (isObject(resource.custom) && textAt(resource.custom, 'names', 'listKind')) || `${resource.kind}List`;
  const items = objects.map((object) => {
    if (resource.custom !== null) return { ...object, apiVersion: apiVersionOf(resource) };
    const { kind: _, apiVersion: __, ...bare } = object;
    return bare;
  });
  return { kind: listKind, apiVersion: apiVersionOf(resource), metadata, items };
}

function wholeNumber(text: string | null): number {
  if (text === null || text === '') return 0;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
}

function writeToken(version: number, start: string): string {
  // As Go writes it: the end of a key is a NUL, escaped.
  return Buffer.from(JSON.stringify({ v: TOKEN_VERSION, rv: version, start })).toString('base64url');
}

function readToken(token: string): { readonly version: number; readonly start: string } {
  const stray = /[^A-Za-z0-9_-]/.exec(token);
  if (stray !== null || token.length % 4 === 1) {
    const byte = stray?.index ?? token.length - 1;
    throw badRequest(`invalid continue token: continue key is not valid: illegal base64 data at input byte ${byte}`);
  }
  try {
    const read = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as {
      v?: string;
      rv?: number;
      start?: string;
    };
    if (read.v === TOKEN_VERSION && typeof read.rv === 'number' && typeof read.start === 'string') {
      return { version: read.rv, start: read.start };
    }
  } catch {
    // Said below, whatever it was.
  }
  throw badRequest('invalid continue token: continue key is not valid: incorrect encoded start key');
}
