import { isList, isObject, type Json, type JsonObject, own } from '../json.ts';
import { builtinType } from './builtin.ts';
import { ANY, type ListSchema, SCALARS, type Schema, type StructSchema, TEXT } from './schema.ts';

/** How often `$ref` and `allOf` may lead on before there is a value. */
const MAX_HOPS = 20;
/** The pattern that `resource.Quantity` gets in the schema of a custom resource. */
const QUANTITY_PATTERN = '([KMGTPE]i)';

/** Named schemas of one document. */
type Definitions = Readonly<Record<string, Json>>;

/** The schema of a kind in an OpenAPI v3 document; null when the document does not have it. */
export function kindOfOpenApi(document: Json, apiVersion: string, kind: string): StructSchema | null {
  const definitions = definitionsOf(document);
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  for (const definition of Object.values(definitions)) {
    if (!isObject(definition)) continue;
    const kinds = definition['x-kubernetes-group-version-kind'];
    if (!isList(kinds)) continue;
    const fits = kinds.some(
      (of) => isObject(of) && of['group'] === group && of['version'] === version && of['kind'] === kind,
    );
    if (fits) return structOf(definition, definitions);
  }
  return null;
}

/** The schema of one version of a CustomResourceDefinition; null when it has none. */
export function kindOfCrd(crd: JsonObject, version: string): StructSchema | null {
  const spec = crd['spec'];
  if (!isObject(spec)) return null;
  const versions = isList(spec['versions']) ? spec['versions'] : [];
  const found = versions.find((candidate) => isObject(candidate) && candidate['name'] === version);
  // Until apiextensions.k8s.io/v1 one schema could stand for every version.
  const own = isObject(found) && isObject(found['schema']) ? found['schema'] : spec['validation'];
  const schema = isObject(own) ? own['openAPIV3Schema'] : undefined;
  return isObject(schema) ? structOf(schema, {}) : null;
}

function definitionsOf(document: Json): Definitions {
  const components = isObject(document) ? document['components'] : undefined;
  const schemas = isObject(components) ? components['schemas'] : undefined;
  return isObject(schemas) ? schemas : {};
}

function resolve(node: Json | undefined, definitions: Definitions): JsonObject {
  let current = isObject(node) ? node : {};
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const reference = current['$ref'];
    const [only, ...more] = isList(current['allOf']) ? current['allOf'] : [];
    if (typeof reference === 'string') {
      const next = own(definitions, reference.slice(reference.lastIndexOf('/') + 1));
      current = { ...(isObject(next) ? next : {}), ...withoutKey(current, '$ref') };
    } else if (isObject(only) && more.length === 0 && current['properties'] === undefined) {
      current = { ...only, ...withoutKey(current, 'allOf') };
    } else return current;
  }
  return {};
}

const withoutKey = (value: JsonObject, key: string): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const OBJECT_META = 'ObjectMeta';

function schemaOf(node: Json | undefined, definitions: Definitions): Schema {
  const name = referredName(node);
  if (name === QUANTITY) return SCALARS.quantity;
  if (name?.endsWith(OBJECT_META) === true) return builtinType('meta/v1/ObjectMeta') ?? ANY;
  const schema = resolve(node, definitions);
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') {
    const { pattern } = schema;
    return typeof pattern === 'string' && pattern.includes(QUANTITY_PATTERN)
      ? SCALARS.quantity
      : SCALARS['int-or-string'];
  }
  switch (schema['type']) {
    case 'string':
      return schema['format'] === 'date-time' ? SCALARS.time : schema['format'] === 'byte' ? SCALARS.bytes : TEXT;
    case 'integer':
      return SCALARS.integer;
    case 'number':
      return SCALARS.number;
    case 'boolean':
      return SCALARS.boolean;
    case 'array':
      return listOf(schema, definitions);
    default:
      return isObjectSchema(schema) ? objectOf(schema, definitions) : ANY;
  }
}

function referredName(node: Json | undefined): string | undefined {
  if (!isObject(node)) return undefined;
  const [first] = isList(node['allOf']) ? node['allOf'] : [];
  const reference = node['$ref'] ?? (isObject(first) ? first['$ref'] : undefined);
  return typeof reference === 'string' ? reference.slice(reference.lastIndexOf('/') + 1) : undefined;
}

const isObjectSchema = (schema: JsonObject): boolean =>
  schema['type'] === 'object' || isObject(schema['properties']) || isObject(schema['additionalProperties']);

function objectOf(schema: JsonObject, definitions: Definitions): Schema {
  const { properties, additionalProperties } = schema;
  if (isObject(properties)) return structOf(schema, definitions);
  if (additionalProperties !== undefined && additionalProperties !== false) {
    const value = additionalProperties === true ? ANY : schemaOf(additionalProperties, definitions);
    return { shape: 'map', atomic: schema['x-kubernetes-map-type'] === 'atomic', value };
  }
  return ANY;
}

const schemas = new WeakMap<JsonObject, StructSchema>();

function structOf(node: JsonObject, definitions: Definitions): StructSchema {
  const known = schemas.get(node);
  if (known !== undefined) return known;
  const schema = resolve(node, definitions);
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const fields = new Map<string, Schema>();
  const struct: StructSchema = {
    shape: 'struct',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    complete: schema['x-kubernetes-preserve-unknown-fields'] !== true,
    field(name) {
      if (!Object.hasOwn(properties, name)) return COMMON.get(name) ?? null;
      let field = fields.get(name);
      if (field === undefined) {
        field = COMMON.get(name) ?? schemaOf(properties[name], definitions);
        fields.set(name, field);
      }
      return field;
    },
    defaultOf(name) {
      return Object.hasOwn(properties, name) ? defaultValue(properties[name], definitions) : undefined;
    },
    zeroIsAbsent(name) {
      const given = Object.hasOwn(properties, name) ? defaultValue(properties[name], definitions) : undefined;
      return given === undefined || isZero(given);
    },
  };
  const { metadata } = properties;
  const isObjectOfItsOwn = isObject(properties['apiVersion']) && isObject(metadata);
  const COMMON: ReadonlyMap<string, Schema> = new Map(
    isObjectOfItsOwn
      ? [
          ['metadata', builtinType('meta/v1/ObjectMeta') ?? ANY],
          ['apiVersion', TEXT],
          ['kind', TEXT],
        ]
      : [],
  );
  schemas.set(node, struct);
  return struct;
}

function defaultValue(node: Json | undefined, definitions: Definitions): Json | undefined {
  return resolve(node, definitions)['default'];
}

function listOf(schema: JsonObject, definitions: Definitions): ListSchema {
  const item = schemaOf(schema['items'], definitions);
  const listKeys = schema['x-kubernetes-list-map-keys'];
  const keys = (isList(listKeys) ? listKeys : []).filter((key) => typeof key === 'string');
  const patchKey = schema['x-kubernetes-patch-merge-key'];
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return { shape: 'list', merge: keys.length > 0 ? 'keyed' : 'atomic', keys, item, complete: true };
    case 'set':
      return { shape: 'list', merge: 'set', keys: [], item, complete: true };
    case 'atomic':
      return { shape: 'list', merge: 'atomic', keys: [], item, complete: true };
    default:
      // Servers before list types: the key that a strategic merge patch goes by.
      if (typeof patchKey === 'string')
        return { shape: 'list', merge: 'keyed', keys: [patchKey], item, complete: true };
      return { shape: 'list', merge: 'atomic', keys: [], item, complete: true };
  }
}

function isZero(value: Json): boolean {
  if (isObject(value)) return Object.values(value).every(isZero);
  return value === null || value === false || value === 0 || value === '' || (isList(value) && value.length === 0);
}
