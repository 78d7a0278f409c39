import type { Json } from './json.ts';

/** Never a difference: parts of objects, by group, kind, namespace, name and the subject of findings (globs). */
export interface IgnoredParts {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly subject: string;
  /** JSON pointers: `/spec/replicas`. */
  readonly pointers: readonly string[];
  /** jq paths: `.spec.template.spec.containers[] | select(.name == "proxy")`. */
  readonly jq: readonly string[];
  /** What differs and is a field of one of these managers. */
  readonly managers: readonly string[];
}

/** A part of a custom resource whose type is Kubernetes' own. */
export interface KnownType {
  readonly group: string;
  readonly kind: string;
  /** Dots between the fields. */
  readonly field: string;
  /** `core/v1/PodSpec`, `core/Quantity`, `meta/v1/Duration` */
  readonly type: string;
}

/** What the judge is told about a cluster and a target. */
export interface KubernetesOptions {
  readonly defaultNamespace: string;
  readonly ignore: readonly IgnoredParts[];
  readonly knownTypes: readonly KnownType[];
  /** A label or annotation that takes an object out: every one of these, with its value. */
  readonly exclude: Readonly<Record<string, string>>;
  readonly orphans: { readonly label: string | null; readonly namespaces: readonly string[] } | null;
  /** Group versions that the server has, where nothing else tells. */
  readonly served: readonly string[] | null;
  /** `Cluster` or `Namespaced`, by `group/Kind`. */
  readonly scope: Readonly<Record<string, string>>;
  /** Defaults of custom resources whose schema is not at hand: dotted path → value, by `group/Kind` or `*`. */
  readonly defaults: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** Field managers that apply what git says, and such that are people, beyond the usual ones. */
  readonly appliers: readonly string[];
  readonly people: readonly string[];
  readonly secretKinds: readonly string[];
}

export const DEFAULT_OPTIONS: KubernetesOptions = {
  defaultNamespace: 'default',
  ignore: [],
  knownTypes: [],
  exclude: {},
  orphans: null,
  served: null,
  scope: {},
  defaults: {},
  appliers: [],
  people: [],
  secretKinds: [],
};
