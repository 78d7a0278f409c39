import type { JsonObject } from '#drift/kubernetes/json.ts';
import type { Unreached } from '#drift/kubernetes/live.ts';
import { groupOf, metadataOf, objectKey } from '#drift/kubernetes/objects.ts';
import { isNeverOrphan } from '#drift/kubernetes/orphans.ts';
import { parseSelector, type Selector } from '#drift/kubernetes/selector.ts';
import type { Note } from '#drift/note.ts';
import type { KubernetesCheck } from '#drift/target.ts';
import type { DiscoveredKind, Discovery } from './discovery.ts';

/** What a cluster-scoped object has in the place of a namespace. */
export const NO_NAMESPACE = '';

/** What is wanted of one kind that the server serves, in one version. */
export interface Need {
  readonly served: DiscoveredKind;
  /** Names of declared objects, by namespace. */
  readonly declared: Map<string, Set<string>>;
  /** Namespaces whose every object is wanted: nobody may have declared it. */
  readonly inventory: Set<string>;
  /** Namespaces whose autoscalers are wanted. */
  readonly scaling: Set<string>;
  /** Wanted wherever it has the label. */
  labelled: boolean;
}

/** Everything that has to be read. */
export interface Needs {
  readonly all: readonly Need[];
  /** Every declared object, in whatever version. */
  readonly declared: ReadonlySet<string>;
  readonly unreached: readonly Unreached[];
  readonly notes: readonly Note[];
  readonly label: { readonly text: string; readonly selector: Selector } | null;
  /** Declared objects with a replica count, by namespace: an autoscaler may set it. */
  readonly scalable: ReadonlyMap<string, readonly Unreached[]>;
}

export interface Wanted {
  readonly discovery: Discovery;
  readonly declared: readonly JsonObject[];
  readonly defaultNamespace: string;
  readonly orphans: KubernetesCheck['orphans'] | null;
}

/** A kind by what it is, whatever its version and the group it once was in. */
const familyOf = (apiVersion: string, kind: string): string => keyOf(apiVersion, kind, '', '');

/** An object by what it is, whatever its version. */
export function keyOf(apiVersion: string, kind: string, namespace: string, name: string): string {
  return objectKey({ apiVersion, group: groupOf(apiVersion), kind, namespace, name });
}

export function namespaceOf(object: JsonObject, namespaced: boolean, defaultNamespace: string): string {
  if (!namespaced) return NO_NAMESPACE;
  const { namespace } = metadataOf(object);
  return typeof namespace === 'string' && namespace !== '' ? namespace : defaultNamespace;
}

/** Decides what has to be read. @throws SelectorError */
export function needsOf({ discovery, declared, defaultNamespace, orphans }: Wanted): Needs {
  const plan = new Plan(discovery);
  for (const object of declared) plan.addDeclared(object, defaultNamespace);
  for (const namespace of plan.scalable.keys()) plan.addScalers(namespace);
  const label = orphans?.label ?? null;
  if (orphans !== null && orphans !== undefined) plan.addInventory(label !== null, orphans.namespaces);
  return {
    all: [...plan.needs.values()],
    declared: plan.declared,
    unreached: [...plan.unreached.values()],
    notes: [...plan.notes].map((text) => ({ kind: 'served-version', text })),
    label: label === null ? null : { text: label, selector: parseSelector(label) },
    scalable: plan.scalable,
  };
}

/** What sets replica counts. KEDA's own kind scales to nothing without the autoscaler that it makes. */
const SCALERS = [
  ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['keda.sh/v1alpha1', 'ScaledObject'],
] as const;

/** Groups whose objects are measured, not kept: nobody declares them. */
const MEASURED = /(^|\.)metrics\.k8s\.io$/;

class Plan {
  readonly needs = new Map<DiscoveredKind, Need>();
  readonly declared = new Set<string>();
  readonly unreached = new Map<string, Unreached>();
  readonly notes = new Set<string>();
  readonly scalable = new Map<string, Unreached[]>();
  readonly #discovery: Discovery;
  readonly #families: ReadonlyMap<string, readonly DiscoveredKind[]>;

  constructor(discovery: Discovery) {
    this.#discovery = discovery;
    this.#families = Map.groupBy(discovery.kinds, ({ apiVersion, kind }) => familyOf(apiVersion, kind));
  }

  addDeclared(object: JsonObject, defaultNamespace: string): void {
    const { apiVersion, kind } = textsOf(object);
    const name = String(metadataOf(object)['name']);
    const family = this.#families.get(familyOf(apiVersion, kind)) ?? [];
    const exact = family.find((served) => served.apiVersion === apiVersion && served.kind === kind);
    const served = exact ?? family[0];
    if (served === undefined) {
      this.#addUnserved(apiVersion, kind);
      return;
    }
    if (exact === undefined) {
      this.notes.add(
        `${apiVersion} ${kind} is not served by the cluster, which has it as ${versionsOf(family)}: read as ${served.apiVersion}; change apiVersion in the manifests`,
      );
    }
    const namespace = namespaceOf(object, served.namespaced, defaultNamespace);
    const names = this.#need(served).declared;
    names.set(namespace, (names.get(namespace) ?? new Set()).add(name));
    this.declared.add(keyOf(apiVersion, kind, namespace, name));
    if (hasReplicas(object) && served.namespaced) {
      const reason = 'whether an autoscaler sets its replicas is not known';
      const others = this.scalable.get(namespace) ?? [];
      others.push({ apiVersion, kind, namespace, name, reason });
      this.scalable.set(namespace, others);
    }
  }

  /** What nobody serves the judge says by itself; here is said what is known beyond that. */
  #addUnserved(apiVersion: string, kind: string): void {
    const away = this.#discovery.unavailable.find((one) => groupOf(one.apiVersion) === groupOf(apiVersion));
    const elsewhere = this.#discovery.kinds.filter((served) => served.kind === kind);
    const unserved = `${apiVersion} ${kind} is not served by the cluster`;
    const reason =
      away !== undefined
        ? `${unserved} now: it ${away.reason}`
        : elsewhere.length > 0
          ? `${unserved}, which has ${kind} as ${versionsOf(elsewhere)}`
          : null;
    if (reason !== null) this.unreached.set(`${apiVersion} ${kind}`, { apiVersion, kind, namespace: null, reason });
  }

  addScalers(namespace: string): void {
    for (const [apiVersion, kind] of SCALERS) {
      const family = this.#families.get(familyOf(apiVersion, kind)) ?? [];
      const served = family.find((one) => this.needs.has(one)) ?? family[0];
      if (served !== undefined) this.#need(served).scaling.add(namespace);
    }
  }

  /** Every kind once, in the version that is read anyway, else in the one that the server prefers. */
  addInventory(isLabelled: boolean, namespaces: readonly string[]): void {
    for (const family of this.#families.values()) {
      const listable = family.filter((served) => served.listable);
      const served = listable.find((one) => this.needs.has(one)) ?? listable[0];
      if (served === undefined || isNeverOrphan(served.kind) || MEASURED.test(groupOf(served.apiVersion))) continue;
      if (!isLabelled && !(served.namespaced && namespaces.length > 0)) continue;
      const need = this.#need(served);
      need.labelled = isLabelled;
      if (served.namespaced) for (const namespace of namespaces) need.inventory.add(namespace);
    }
    for (const { apiVersion, reason } of this.#discovery.unavailable) {
      const group = groupOf(apiVersion);
      const isKnown = this.#discovery.kinds.some((served) => groupOf(served.apiVersion) === group);
      if (isKnown || MEASURED.test(group)) continue;
      this.unreached.set(apiVersion, { apiVersion, kind: '*', namespace: null, reason: `the cluster ${reason}` });
    }
  }

  #need(served: DiscoveredKind): Need {
    const known = this.needs.get(served);
    if (known !== undefined) return known;
    const need: Need = { served, declared: new Map(), inventory: new Set(), scaling: new Set(), labelled: false };
    this.needs.set(served, need);
    return need;
  }
}

const textsOf = ({ apiVersion, kind }: JsonObject) => ({ apiVersion: String(apiVersion), kind: String(kind) });

const versionsOf = (kinds: readonly DiscoveredKind[]): string =>
  [...new Set(kinds.map(({ apiVersion }) => apiVersion))].join(', ');

function hasReplicas({ spec }: JsonObject): boolean {
  return typeof spec === 'object' && spec !== null && 'replicas' in spec;
}
