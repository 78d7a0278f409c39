import { at, isObject, type JsonObject, listAt, stringsAt, textAt } from './json.ts';
import { readOtherTypes } from './other-types.ts';
import { itemsOf, recording } from './recording.ts';
import { customType, type Type, Types } from './schema.ts';

/** A kind in one version, as it is served. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
  readonly custom: JsonObject | null;
}

export const apiVersionOf = (resource: Resource): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;

/** Where the objects of a kind are kept: all its versions share them. */
export const storageOf = (resource: { readonly group: string; readonly plural: string }): string =>
  `${resource.group}/${resource.plural}`;

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
/** The recorded cluster's own kind, which a fresh cluster does not have. */
export const RECORDED_GROUP = 'shop.acme.example';

function builtIn(): readonly Resource[] {
  return ['/api', '/apis'].flatMap((root) =>
    itemsOf(recording.answer(root, AGGREGATED)).flatMap((group) =>
      listAt(group, 'versions').flatMap((version) =>
        listAt(version, 'resources').map((resource): Resource => {
          const subresources = listAt(resource, 'subresources').map((one) => textAt(one, 'subresource'));
          return {
            group: textAt(group, 'metadata', 'name'),
            version: textAt(version, 'version'),
            plural: textAt(resource, 'resource'),
            singular: textAt(resource, 'singularResource'),
            kind: textAt(resource, 'responseKind', 'kind'),
            namespaced: textAt(resource, 'scope') === 'Namespaced',
            verbs: stringsAt(resource, 'verbs'),
            subresources,
            custom: null,
          };
        }),
      ),
    ),
  );
}

const KNOWN: { builtIn: readonly Resource[] | null; readonly types: Map<string, Types> } = {
  builtIn: null,
  types: new Map(),
};

/** All types of kinds whose own documents were not recorded, as one document. */
export function otherDocument(): JsonObject {
  const core = at(recording.openApi('api/v1')?.document, 'components', 'schemas');
  return { components: { schemas: { ...core, ...readOtherTypes() } } };
}

function typesOf(apiVersion: string): Types {
  const place = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
  const known = KNOWN.types.get(place);
  if (known !== undefined) return known;
  const found = recording.openApi(place);
  const types = found === null ? new Types(otherDocument()) : new Types(found.document);
  KNOWN.types.set(place, types);
  return types;
}

function metadataType(): Type {
  return typesOf('v1').named('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
}

/** The kinds that a cluster serves: those of every cluster, and those of its CustomResourceDefinitions. */
export class Resources {
  /** APIs that somebody else serves through this server, and does not answer: as `group/version`. */
  readonly unavailable = new Set<string>();
  readonly #custom = new Map<string, readonly Resource[]>();
  readonly #types = new Map<Resource, Type>();

  all(): readonly Resource[] {
    KNOWN.builtIn ??= builtIn().filter((resource) => resource.group !== RECORDED_GROUP);
    return [...KNOWN.builtIn, ...[...this.#custom.values()].flat()];
  }

  custom(): readonly Resource[] {
    return [...this.#custom.values()].flat();
  }

  find(group: string, version: string, plural: string): Resource | null {
    const isIt = (one: Resource): boolean => one.group === group && one.version === version && one.plural === plural;
    return this.all().find(isIt) ?? null;
  }

  ofKind(apiVersion: string, kind: string): Resource | null {
    return this.all().find((one) => apiVersionOf(one) === apiVersion && one.kind === kind) ?? null;
  }

  /** Takes the kinds of a CustomResourceDefinition into service, in place of those it had. */
  define(definition: JsonObject): void {
    const names = at(definition, 'spec', 'names');
    const versions = listAt(definition, 'spec', 'versions').filter(isObject);
    this.#custom.set(
      textAt(definition, 'metadata', 'name'),
      versions
        .filter((version) => version['served'] === true)
        .map(
          (version): Resource => ({
            group: textAt(definition, 'spec', 'group'),
            version: textAt(version, 'name'),
            plural: textAt(names, 'plural'),
            singular: textAt(names, 'singular'),
            kind: textAt(names, 'kind'),
            namespaced: textAt(definition, 'spec', 'scope') === 'Namespaced',
            verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
            subresources: Object.keys(at(version, 'subresources')),
            custom: { ...version, names },
          }),
        ),
    );
  }

  forget(name: string): void {
    this.#custom.delete(name);
  }

  /** What objects of a kind look like; where it was not recorded, metadata is known and the rest is free. */
  type(resource: Resource): Type {
    const known = this.#types.get(resource);
    if (known !== undefined) return known;
    const type =
      resource.custom === null
        ? (typesOf(apiVersionOf(resource)).ofKind(resource.group, resource.version, resource.kind) ??
          customType({ 'x-kubernetes-preserve-unknown-fields': true }, metadataType()))
        : customType(at(resource.custom, 'schema', 'openAPIV3Schema'), metadataType());
    this.#types.set(resource, type);
    return type;
  }
}
