import type { JsonObject } from '#drift/kubernetes/json.ts';
import { groupOf } from '#drift/kubernetes/objects.ts';
import { hasKind } from '#drift/kubernetes/schema/builtin.ts';
import type { DiscoveredKind, Discovery } from '#services/cluster/discovery.ts';
import { type Needs, NO_NAMESPACE } from '#services/cluster/needs.ts';

/** A kind that checks read, and where. */
export interface WantedKind {
  /** Empty: the core group. */
  readonly group: string;
  /** The plural. */
  readonly resource: string;
  /** Whether Kubernetes brings it with it, so that reader.yaml names it. */
  readonly isBuiltin: boolean;
  /** False: it is read beside what manifests declare, such as autoscalers. */
  readonly isDeclared: boolean;
  /** It has no namespace, or is looked for in all of them. */
  readonly isEverywhere: boolean;
  readonly namespaces: readonly string[];
}

/** What checks of several targets read, each kind once, whatever its version. */
export function wantedKinds(all: readonly Needs[]): readonly WantedKind[] {
  const needs = all.flatMap((one) => one.all);
  const families = Map.groupBy(needs, ({ served }) => resourceName(groupOf(served.apiVersion), served.resource));
  return [...families.values()].flatMap((family) => {
    const served = family[0]?.served;
    if (served === undefined) return [];
    const places = family.flatMap(({ declared, inventory, scaling }) => [...declared.keys(), ...inventory, ...scaling]);
    return {
      group: groupOf(served.apiVersion),
      resource: served.resource,
      isBuiltin: hasKind(served.apiVersion, served.kind),
      isDeclared: family.some(({ declared }) => declared.size > 0),
      isEverywhere: !served.namespaced || family.some(({ labelled }) => labelled),
      namespaces: [...new Set(places)].filter((place) => place !== NO_NAMESPACE).sort(),
    };
  });
}

/** As kubectl names it: `deployments.apps`. */
export const resourceName = (group: string, resource: string): string =>
  group === '' ? resource : `${resource}.${group}`;

/** A sentence for every declared kind that the server does not serve in the declared version. */
export function unservedKinds(declared: readonly JsonObject[], discovery: Discovery): readonly string[] {
  const kinds = new Map(
    declared.map(({ apiVersion, kind }) => [
      `${String(apiVersion)} ${String(kind)}`,
      { apiVersion: String(apiVersion), kind: String(kind) },
    ]),
  );
  return [...kinds.values()].flatMap((kind) => whyUnserved(kind, discovery) ?? []);
}

function whyUnserved(
  { apiVersion, kind }: Pick<DiscoveredKind, 'apiVersion' | 'kind'>,
  { kinds, unavailable }: Discovery,
): string | null {
  const others = kinds.filter((served) => served.kind === kind);
  if (others.some((served) => served.apiVersion === apiVersion)) return null;
  const away = unavailable.find((one) => groupOf(one.apiVersion) === groupOf(apiVersion));
  const what = `${apiVersion} ${kind} is not served`;
  if (away !== undefined) return `${what} now, the cluster ${away.reason}: see "kubectl get apiservices"`;
  const versions = [...new Set(others.map((served) => served.apiVersion))].join(', ');
  if (versions !== '')
    return `${what} by the cluster, which has ${kind} as ${versions}: change apiVersion in the manifests`;
  return `${what}: install its CustomResourceDefinition, or mend apiVersion and kind in the manifests`;
}
