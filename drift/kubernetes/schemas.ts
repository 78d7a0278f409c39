import { globMatches } from '../rules/glob.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import type { LiveCluster } from './live.ts';
import { groupOf, type Identity } from './objects.ts';
import type { KnownType, KubernetesOptions } from './options.ts';
import { builtinKind, builtinType } from './schema/builtin.ts';
import { unknownKind } from './schema/guess.ts';
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
      this.#crds.set(`${String(spec['group'])}/${String(spec['names']['kind'])}`, object);
    }
  }

  of(identity: Identity, live: JsonObject): { readonly schema: StructSchema; readonly isBuiltin: boolean } {
    const key = `${identity.apiVersion} ${identity.kind}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.#find(identity, String(live['apiVersion'] ?? identity.apiVersion));
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

/** The schema with a built-in type in one of its places. */
function withKnown(schema: StructSchema, { field, type }: KnownType): StructSchema {
  const replace = (at: StructSchema, [name, ...rest]: readonly string[]): StructSchema => ({
    ...at,
    field(asked) {
      if (asked !== name) return at.field(asked);
      if (rest.length === 0) return builtinType(type) ?? at.field(asked);
      const inner = inside(at.field(asked));
      return inner === null ? at.field(asked) : replace(inner, rest);
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
    const inner = inside(name === undefined ? null : at.field(name));
    return inner === null ? at : { ...at, field: (asked) => (asked === name ? replace(inner, rest) : at.field(asked)) };
  };
  return replace(schema, path.split('.'));
}

/** Only maps can be gone into; of those that nobody knows nothing is known. */
function inside(schema: Schema | null): StructSchema | null {
  if (schema === null || schema === ANY) return unknownKind('', '');
  return schema.shape === 'struct' ? schema : null;
}
