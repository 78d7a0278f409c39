import { globMatches } from '../rules/glob.ts';
import { isObject, type Json, type JsonObject, textOf } from './json.ts';
import type { LiveCluster } from './live.ts';
import { groupOf, type Identity } from './objects.ts';
import type { KnownType, KubernetesOptions } from './options.ts';
import { builtinKind, builtinType } from './schema/builtin.ts';
import { UNKNOWN_STRUCT, unknownKind } from './schema/guess.ts';
import { kindOfCrd, kindOfOpenApi } from './schema/openapi.ts';
import { ANY, type Schema, type StructSchema } from './schema/schema.ts';

/** Finds the schema of a kind: Kubernetes' own table, else OpenAPI, else a CRD, else a guess. */
export class Schemas {
  readonly #live: LiveCluster;
  readonly #crds = new Map<string, JsonObject>();
  readonly #options: Pick<KubernetesOptions, 'knownTypes' | 'defaults'>;
  readonly #found = new Map<string, { readonly schema: StructSchema; readonly isBuiltin: boolean }>();

  /** CRDs that are live come before those that are only declared. */
  constructor(
    live: LiveCluster,
    declared: readonly JsonObject[],
    options: Pick<KubernetesOptions, 'knownTypes' | 'defaults'>,
  ) {
    this.#live = live;
    this.#options = options;
    for (const object of [...declared, ...live.objects]) {
      const spec = object['spec'];
      if (object['kind'] !== 'CustomResourceDefinition' || !isObject(spec) || !isObject(spec['names'])) continue;
      this.#crds.set(`${textOf(spec['group'])}/${textOf(spec['names']['kind'])}`, object);
    }
  }

  of(identity: Identity, live: JsonObject): { readonly schema: StructSchema; readonly isBuiltin: boolean } {
    const key = `${identity.apiVersion} ${identity.kind}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.#find(identity, textOf(live['apiVersion'] ?? identity.apiVersion));
      this.#found.set(key, found);
    }
    return found;
  }

  #find({ apiVersion, group, kind }: Identity, liveVersion: string) {
    const builtin = builtinKind(apiVersion, kind);
    if (builtin !== null) return { schema: builtin.schema, isBuiltin: true };
    const document = this.#live.openapi.get(liveVersion);
    const crd = this.#crds.get(`${group}/${kind}`);
    const schema =
      (document === undefined ? null : kindOfOpenApi(document, liveVersion, kind)) ??
      (crd === undefined ? null : kindOfCrd(crd, liveVersion.split('/').at(-1) ?? '')) ??
      unknownKind(groupOf(apiVersion), kind);
    const known = this.#options.knownTypes.filter(
      (type) => globMatches(type.group, group) && globMatches(type.kind, kind) && builtinType(type.type) !== null,
    );
    const { defaults } = this.#options;
    const given = Object.entries({ ...defaults['*'], ...defaults[`${group}/${kind}`] });
    return { schema: given.reduce(withDefault, known.reduce(withKnown, schema)), isBuiltin: false };
  }
}

/** The schema with a built-in type in one of its places; a list there, or on the way, is one of such elements. */
function withKnown(schema: StructSchema, { field, type }: KnownType): StructSchema {
  const known = builtinType(type);
  const replace = (at: StructSchema, [name, ...rest]: readonly string[]): StructSchema => ({
    ...at,
    field(asked) {
      const field = at.field(asked);
      if (asked !== name || known === null) return field;
      if (rest.length > 0) return within(field, (inner) => replace(inner, rest));
      return known.shape === 'struct' ? within(field, () => known) : known;
    },
  });
  return replace(schema, field.split('.'));
}

/** The schema with a default in one of its places. */
function withDefault(schema: StructSchema, [path, value]: readonly [string, Json]): StructSchema {
  const replace = (at: StructSchema, [name, ...rest]: readonly string[]): StructSchema => {
    if (rest.length === 0) {
      return {
        ...at,
        defaultOf: (asked, parent) => (asked === name ? value : at.defaultOf(asked, parent)),
        zeroIsAbsent: (asked) => asked !== name && at.zeroIsAbsent(asked),
      };
    }
    return {
      ...at,
      field: (asked) => (asked === name ? within(at.field(asked), (inner) => replace(inner, rest)) : at.field(asked)),
    };
  };
  return replace(schema, path.split('.'));
}

/** A schema with its maps exchanged: itself, the elements of a list, or what nobody knows until it is seen. */
function within(schema: Schema | null, exchange: (maps: StructSchema) => StructSchema): Schema | null {
  if (schema === null || (schema.shape === 'scalar' && schema.kind === 'any')) {
    return { ...ANY, maps: exchange(schema?.maps ?? UNKNOWN_STRUCT) };
  }
  if (schema.shape === 'struct') return exchange(schema);
  return schema.shape === 'list' ? { ...schema, item: within(schema.item, exchange) ?? ANY } : schema;
}
