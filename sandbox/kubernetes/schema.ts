import type { Json, JsonObject } from './json.ts';
import { at, isObject, stringsAt, textAt } from './json.ts';

export type Scalar = 'string' | 'integer' | 'number' | 'boolean' | 'quantity' | 'int-or-string' | 'bytes' | 'time';

export interface Field {
  readonly type: Type;
  /** A Go struct without a pointer: always there, if only as `{}`. */
  readonly always: boolean;
  readonly required: boolean;
  readonly fallback: Json | undefined;
  readonly mergeKey: string | null;
  readonly strategy: readonly string[];
  readonly nullable: boolean;
}

/** What a value may look like, and how it is divided among owners. */
export type Type =
  | { readonly is: 'scalar'; readonly scalar: Scalar; readonly choices: readonly string[] }
  | {
      readonly is: 'struct';
      readonly fields: () => ReadonlyMap<string, Field>;
      readonly atomic: boolean;
      /** Fields that the schema does not name are kept. */
      readonly open: boolean;
    }
  | { readonly is: 'map'; readonly value: Field; readonly atomic: boolean }
  | {
      readonly is: 'list';
      readonly item: Field;
      readonly mode: 'atomic' | 'set' | 'map';
      readonly keys: readonly string[];
    }
  | { readonly is: 'any' };

const ANY: Type = { is: 'any' };
const ANY_FIELD: Field = {
  type: ANY,
  always: false,
  required: false,
  fallback: undefined,
  mergeKey: null,
  strategy: [],
  nullable: true,
};
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const SPECIAL: Readonly<Record<string, Scalar>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'int-or-string',
  [`${META}.Time`]: 'time',
  [`${META}.MicroTime`]: 'time',
};
/** Go types that hold whatever they are given. */
const FREE = new Set([
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
  `${META}.FieldsV1`,
]);
/** Inside a CustomResourceDefinition's schema: kept as it is, one atomic value for its owner anyway. */
const SCHEMA_OF_CRD = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

/** The types of one OpenAPI v3 document. */
export class Types {
  readonly #schemas: JsonObject;
  readonly #known = new Map<string, Type>();

  constructor(document: JsonObject) {
    this.#schemas = at(document, 'components', 'schemas');
  }

  /** The type of a kind, or null where the document does not have it. */
  ofKind(group: string, version: string, kind: string): Type | null {
    for (const [name, schema] of Object.entries(this.#schemas)) {
      const kinds = isObject(schema) ? schema['x-kubernetes-group-version-kind'] : undefined;
      const isIt = (one: Json): boolean =>
        textAt(one, 'group') === group && textAt(one, 'version') === version && textAt(one, 'kind') === kind;
      if (Array.isArray(kinds) && kinds.length === 1 && kinds.some(isIt)) return this.named(name);
    }
    return null;
  }

  named(name: string): Type {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const special = SPECIAL[name];
    const schema = at(this.#schemas, name);
    const made: Type =
      special !== undefined
        ? { is: 'scalar', scalar: special, choices: [] }
        : FREE.has(name) || name === SCHEMA_OF_CRD
          ? ANY
          : this.type(schema);
    this.#known.set(name, made);
    return made;
  }

  /** The type of a schema as it stands. */
  type(schema: JsonObject): Type {
    const reference = referenceOf(schema);
    if (reference !== null) return this.named(reference);
    if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') {
      return { is: 'scalar', scalar: 'int-or-string', choices: [] };
    }
    if (schema['type'] === 'array') return this.#list(schema);
    if (isObject(schema['properties'])) return this.#struct(schema);
    if (isObject(schema['additionalProperties'])) {
      const value = this.field(schema['additionalProperties'], false);
      return { is: 'map', value, atomic: schema['x-kubernetes-map-type'] === 'atomic' };
    }
    const scalar = scalarOf(schema);
    return scalar === null ? ANY : { is: 'scalar', scalar, choices: stringsAt(schema, 'enum') };
  }

  field(schema: JsonObject, required: boolean): Field {
    const type = this.type(schema);
    const atomic = schema['x-kubernetes-map-type'] === 'atomic';
    const fallback = schema['default'];
    const isEmpty = isObject(fallback) && Object.keys(fallback).length === 0;
    return {
      type: atomic && (type.is === 'struct' || type.is === 'map') ? { ...type, atomic: true } : type,
      always: isEmpty && type.is === 'struct' && referenceOf(schema) !== null,
      required,
      fallback,
      mergeKey: textAt(schema, 'x-kubernetes-patch-merge-key') || null,
      strategy: textAt(schema, 'x-kubernetes-patch-strategy').split(',').filter(Boolean),
      nullable: schema['nullable'] === true,
    };
  }

  #list(schema: JsonObject): Type {
    const mode = textAt(schema, 'x-kubernetes-list-type');
    const keys = stringsAt(schema, 'x-kubernetes-list-map-keys');
    const item = isObject(schema['items']) ? this.field(schema['items'], false) : ANY_FIELD;
    return { is: 'list', item, mode: mode === 'map' || mode === 'set' ? mode : 'atomic', keys };
  }

  #struct(schema: JsonObject): Type {
    let fields: ReadonlyMap<string, Field> | null = null;
    const resolve = (): ReadonlyMap<string, Field> => {
      const required = stringsAt(schema, 'required');
      return new Map(
        Object.entries(at(schema, 'properties')).map(([name, property]) => [
          name,
          this.field(isObject(property) ? property : {}, required.includes(name)),
        ]),
      );
    };
    return {
      is: 'struct',
      // Types may hold themselves: resolved when they are asked for.
      fields: () => {
        fields ??= resolve();
        return fields;
      },
      atomic: schema['x-kubernetes-map-type'] === 'atomic',
      open: schema['x-kubernetes-preserve-unknown-fields'] === true || isObject(schema['additionalProperties']),
    };
  }
}

/** The type of a custom kind: its own schema, with the metadata of every object. */
export function customType(schema: JsonObject, metadata: Type): Type {
  const own = new Types({}).type({ type: 'object', properties: {}, ...schema });
  const text: Type = { is: 'scalar', scalar: 'string', choices: [] };
  const plain = { always: false, required: false, fallback: undefined, mergeKey: null, strategy: [], nullable: false };
  const base = own.is === 'struct' ? own.fields() : new Map<string, Field>();
  const fields = new Map<string, Field>([
    ...base,
    ['apiVersion', { ...plain, type: text }],
    ['kind', { ...plain, type: text }],
    ['metadata', { ...plain, type: metadata }],
  ]);
  return { is: 'struct', fields: () => fields, atomic: false, open: own.is !== 'struct' || own.open };
}

/** The field of a struct or map, or null where nothing is known about it. */
export function fieldOf(type: Type, key: string): Field | null {
  if (type.is === 'map') return type.value;
  if (type.is === 'struct') return type.fields().get(key) ?? null;
  return null;
}

/** Untyped values are divided as they come: maps by their keys, lists not at all. */
export function deduced(value: Json | undefined): Type {
  if (isObject(value)) return { is: 'map', value: ANY_FIELD, atomic: false };
  if (Array.isArray(value)) return { is: 'list', item: ANY_FIELD, mode: 'atomic', keys: [] };
  return { is: 'scalar', scalar: 'string', choices: [] };
}

function referenceOf(schema: JsonObject): string | null {
  const direct = textAt(schema, '$ref');
  const all = schema['allOf'];
  const wrapped = Array.isArray(all) && all.length === 1 ? textAt(all[0], '$ref') : '';
  const reference = direct || wrapped;
  return reference === '' ? null : reference.slice(reference.lastIndexOf('/') + 1);
}

function scalarOf(schema: JsonObject): Scalar | null {
  switch (schema['type']) {
    case 'string':
      return schema['format'] === 'byte' ? 'bytes' : 'string';
    case 'integer':
    case 'number':
    case 'boolean':
      return schema['type'];
    default:
      return null;
  }
}
