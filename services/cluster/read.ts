import type { JsonObject } from '#drift/kubernetes/json.ts';
import type { LiveCluster } from '#drift/kubernetes/live.ts';
import type { KubernetesCheck } from '#drift/target.ts';
import { ClusterClient, type Effort, type ReadBudget } from './client.ts';
import type { ClusterConnection } from './connection.ts';
import type { Discovery } from './discovery.ts';
import { Kept } from './kept.ts';
import { KindReader } from './kind-reader.ts';
import { needsOf } from './needs.ts';
import { readStructures } from './openapi.ts';

export interface ReadClusterRequest {
  readonly connection: ClusterConnection;
  readonly discovery: Discovery;
  readonly declared: readonly JsonObject[];
  /** Of namespaced objects that name none. */
  readonly defaultNamespace: string;
  /** Which live objects have to be declared; null: that is not asked. */
  readonly orphans: KubernetesCheck['orphans'] | null;
  readonly budget: ReadBudget;
  /** @default EFFORT */
  readonly effort?: Effort;
}

/**
 * Reads what is needed to judge the declared objects, and nothing else: one paged LIST a kind, so that a thousand objects
 * are a dozen requests. What was asked for and is neither in `objects` nor in `unreached` does not exist.
 * @throws ClusterError when nobody would get an answer
 */
export async function readCluster(request: ReadClusterRequest): Promise<LiveCluster> {
  const { connection, discovery, budget } = request;
  const client = new ClusterClient(connection, budget, request.effort);
  const needs = needsOf(request);
  const kept = new Kept(needs);
  const reader = new KindReader(client, needs, kept, budget.progress);
  const declaredKinds = needs.all.filter(({ declared }) => declared.size > 0).map(({ served }) => served);
  const [structures] = await Promise.all([
    readStructures(client, declaredKinds, budget.progress),
    ...needs.all.map((need) => reader.read(need)),
  ]);
  kept.add(CRD, structures.crds);
  return {
    objects: kept.objects,
    served: discovery.kinds,
    unreached: [...needs.unreached, ...kept.unreached, ...structures.unreached],
    openapi: structures.openapi,
    notes: [...needs.notes, ...kept.notes, ...structures.notes, ...client.notes],
  };
}

const CRD = {
  ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
  ...{ resource: 'customresourcedefinitions', namespaced: false, listable: true },
};
