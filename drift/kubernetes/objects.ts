import { isList, isObject, type Json, type JsonObject, textOf } from './json.ts';
import type { LiveCluster } from './live.ts';
import { isNamespacedKind } from './schema/builtin.ts';

/** What every object says of itself. */
export interface Identity {
  readonly apiVersion: string;
  readonly group: string;
  readonly kind: string;
  /** Null: cluster-scoped. */
  readonly namespace: string | null;
  readonly name: string;
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

export const metadataOf = (object: JsonObject): JsonObject => (isObject(object['metadata']) ? object['metadata'] : {});

export function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));
}

/** Of the metadata only these are anybody's to declare. */
export const DECLARABLE_METADATA = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

const ANY_GROUP = '*';

/** Whether kinds live in namespaces: from the server, Kubernetes' own table, CRDs, or what the caller knows. */
export class Scopes {
  readonly #known = new Map<string, boolean>();

  constructor(live: LiveCluster, declared: readonly JsonObject[], told: Readonly<Record<string, string>>) {
    for (const object of [...live.objects, ...declared]) this.#learn(object);
    for (const { apiVersion, kind, namespaced } of live.served ?? []) {
      this.#known.set(`${groupOf(apiVersion)}/${kind}`, namespaced);
    }
    for (const [kind, scope] of Object.entries(told)) {
      const parts = kind.split('/');
      // A kind alone is meant in whatever group.
      this.#known.set(`${parts.length > 1 ? parts[0] : ANY_GROUP}/${parts.at(-1)}`, !/^cluster/i.test(scope));
    }
  }

  #learn(object: JsonObject): void {
    const spec = object['spec'];
    if (object['kind'] !== 'CustomResourceDefinition' || !isObject(spec) || !isObject(spec['names'])) return;
    this.#known.set(`${text(spec['group'])}/${text(spec['names']['kind'])}`, spec['scope'] !== 'Cluster');
  }

  /** Null: nobody knows. */
  isNamespaced(apiVersion: string, kind: string): boolean | null {
    return (
      this.#known.get(`${groupOf(apiVersion)}/${kind}`) ??
      this.#known.get(`${ANY_GROUP}/${kind}`) ??
      isNamespacedKind(apiVersion, kind)
    );
  }
}

/** @param defaultNamespace of namespaced objects that name none; null: they keep none */
export function identify(object: JsonObject, scopes: Scopes, defaultNamespace: string | null): Identity {
  const [apiVersion, kind] = [text(object['apiVersion']), text(object['kind'])];
  const metadata = metadataOf(object);
  const own = text(metadata['namespace']);
  const namespaced = scopes.isNamespaced(apiVersion, kind);
  const namespace = namespaced === false ? null : own === '' ? (defaultNamespace ?? null) : own;
  return { apiVersion, group: groupOf(apiVersion), kind, namespace, name: text(metadata['name']) };
}

/** Groups that a kind has moved between keep its identity. */
const SAME_GROUP: Readonly<Record<string, string>> = {
  'extensions Deployment': 'apps',
  'extensions DaemonSet': 'apps',
  'extensions ReplicaSet': 'apps',
  'extensions Ingress': 'networking.k8s.io',
  'extensions NetworkPolicy': 'networking.k8s.io',
};

/** The same for every version of an object. */
export function objectKey({ group, kind, namespace, name }: Identity): string {
  return `${SAME_GROUP[`${group} ${kind}`] ?? group}\n${kind}\n${namespace ?? ''}\n${name}`;
}

/** `Kind/namespace/name`; the group in front where two groups have the kind. */
export class Subjects {
  readonly #clashing: ReadonlySet<string>;

  constructor(identities: Iterable<Identity>) {
    const groups = new Map<string, Set<string>>();
    for (const { group, kind } of identities) groups.set(kind, (groups.get(kind) ?? new Set()).add(group));
    this.#clashing = new Set([...groups].flatMap(([kind, of]) => (of.size > 1 ? [kind] : [])));
  }

  of({ group, kind, namespace, name }: Identity): string {
    const head = this.#clashing.has(kind) && group !== '' ? `${group}/${kind}` : kind;
    return namespace === null ? `${head}/${name}` : `${head}/${namespace}/${name}`;
  }
}

/** Labels, or annotations, as texts; what is neither a text nor a number is an empty one. */
export function textsOf(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textOf(item)]));
}

export function hasOwners(object: JsonObject): boolean {
  const { ownerReferences } = metadataOf(object);
  return isList(ownerReferences) && ownerReferences.length > 0;
}
