import { createHash } from 'node:crypto';
import { at, clone, isObject, type Json, type JsonObject, textAt } from './json.ts';
import { recording } from './recording.ts';
import { otherDocument, RECORDED_GROUP, type Resource, type Resources } from './resources.ts';

const RECORDED = { plural: 'vouchers', kind: 'Voucher', version: 'v1', name: 'example.acme.shop.v1.Voucher' } as const;
const RECORDED_PLACE = `apis/${RECORDED_GROUP}/${RECORDED.version}`;

export interface Document {
  readonly text: string;
  readonly hash: string;
}

/** `/openapi/v3`: where the documents are, with their hashes. */
export function openApiRoot(resources: Resources): JsonObject {
  const paths = clone(at(recording.answer('/openapi/v3'), 'paths'));
  for (const place of Object.keys(paths)) if (place.includes(RECORDED_GROUP)) delete paths[place];
  for (const place of customPlaces(resources)) {
    const hash = openApiDocument(resources, place)?.hash ?? '';
    paths[place] = { serverRelativeURL: `/openapi/v3/${place}?hash=${hash}` };
  }
  return { paths };
}

const customPlaces = (resources: Resources): readonly string[] => [
  ...new Set(resources.custom().map((one) => `apis/${one.group}/${one.version}`)),
];

/** One document by its place below /openapi/v3; null where the server has none. */
export function openApiDocument(resources: Resources, place: string): Document | null {
  if (customPlaces(resources).includes(place)) {
    const own = resources.custom().filter((one) => `apis/${one.group}/${one.version}` === place);
    return made(own, (one) => at(one.custom ?? {}, 'schema', 'openAPIV3Schema'));
  }
  if (place.includes(RECORDED_GROUP)) return null;
  const hash = new URLSearchParams(
    textAt(recording.answer('/openapi/v3'), 'paths', place, 'serverRelativeURL').split('?')[1],
  ).get('hash');
  if (hash === null) return null;
  const recorded = recording.openApi(place);
  if (recorded !== null) return { text: recorded.text, hash };
  // Not recorded: the paths are those of any kind, the types those of the client library.
  const kinds = resources.all().filter((one) => `apis/${one.group}/${one.version}` === place);
  const document = JSON.parse(made(kinds, () => ({})).text) as JsonObject;
  return { text: JSON.stringify({ ...document, components: otherDocument()['components'] ?? {} }), hash };
}

function made(kinds: readonly Resource[], schemaOf: (resource: Resource) => JsonObject): Document {
  const recorded = recording.openApi(RECORDED_PLACE);
  if (recorded === null) throw new Error('the document of a custom kind was not recorded');
  const { components, paths, ...head } = recorded.document;
  const schemas = Object.entries(at(components, 'schemas')).filter(([name]) => name.startsWith('io.k8s.'));
  const document: JsonObject = {
    ...head,
    paths: Object.assign({}, ...kinds.map((one) => pathsOf(paths, one))) as JsonObject,
    components: {
      ...at({ components: components ?? {} }, 'components'),
      schemas: {
        ...Object.fromEntries(schemas),
        ...Object.assign({}, ...kinds.map((one) => schemasOf(one, schemaOf(one)))),
      },
    },
  };
  const text = JSON.stringify(document);
  return { text, hash: createHash('sha512').update(text).digest('hex').toUpperCase() };
}

function schemaName(resource: Resource): string {
  return `${resource.group.split('.').reverse().join('.')}.${resource.version}.${resource.kind}`;
}

function schemasOf(resource: Resource, schema: JsonObject): JsonObject {
  const recorded = at(recording.openApi(RECORDED_PLACE)?.document, 'components', 'schemas');
  const { apiVersion, kind, metadata } = at(recorded, RECORDED.name, 'properties');
  const name = schemaName(resource);
  const properties = {
    ...at(schema, 'properties'),
    apiVersion: apiVersion ?? {},
    kind: kind ?? {},
    metadata: metadata ?? {},
  };
  const own = { group: resource.group, kind: resource.kind, version: resource.version };
  return {
    [name]: { ...clone(schema), properties, 'x-kubernetes-group-version-kind': [own] },
    [`${name}List`]: rewritten(at(recorded, `${RECORDED.name}List`), resource),
  };
}

function pathsOf(paths: Json | undefined, resource: Resource): JsonObject {
  const all = isObject(paths) ? Object.entries(paths) : [];
  return Object.fromEntries(
    all
      .filter(([place]) => resource.namespaced || !place.includes('/vouchers') || place.includes('namespaces/'))
      .map(([place, item]) => {
        const scoped = resource.namespaced ? place : place.replace('/namespaces/{namespace}', '');
        return [renamed(scoped, resource), rewritten(item, resource)];
      }),
  );
}

const renamed = (text: string, resource: Resource): string =>
  text
    .replaceAll(`${RECORDED_GROUP}/${RECORDED.version}`, `${resource.group}/${resource.version}`)
    .replaceAll(RECORDED.name, schemaName(resource))
    .replaceAll(RECORDED_GROUP, resource.group)
    .replaceAll(RECORDED.plural, resource.plural)
    .replaceAll(RECORDED.kind, resource.kind);

/** A recorded part of the document, said of another kind. */
function rewritten(value: Json, resource: Resource): Json {
  if (typeof value === 'string') return renamed(value, resource);
  if (Array.isArray(value)) return value.map((item) => rewritten(item, resource));
  if (!isObject(value)) return value;
  const made = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewritten(item, resource)]));
  return value['group'] === RECORDED_GROUP ? { ...made, version: resource.version } : made;
}
