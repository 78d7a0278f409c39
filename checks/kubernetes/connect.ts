import { resolve } from 'node:path';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import { connectEks } from '#services/cluster/eks.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { connectKubeconfig, connectOwnKubeconfig } from '#services/cluster/kubeconfig.ts';
import type { KubernetesCheckRequest } from './request.ts';

/** The cluster that the environment names; without one, that of a person's current kubeconfig. @throws ClusterError */
export async function connect(
  { target, kubeconfig, credentials, person }: KubernetesCheckRequest,
  signal: AbortSignal,
): Promise<ClusterConnection> {
  const { name: environment, cluster, region } = target.environment;
  if (cluster !== undefined && 'eks' in cluster) {
    if (region === undefined) {
      throw new ClusterError(
        `environment ${environment} has the EKS cluster ${cluster.eks} and no region: write it there`,
      );
    }
    return connectEks({ name: cluster.eks, region, credentials, signal });
  }
  if (kubeconfig !== null) return connectKubeconfig(kubeconfig, cluster?.context);
  if (person === undefined) throw new ClusterError(`environment ${environment} has no cluster that can be reached`);
  const file = typeof cluster?.kubeconfig === 'string' ? resolve(person.configFolder, cluster.kubeconfig) : null;
  return connectOwnKubeconfig({ file, context: cluster?.context, env: person.env, signal });
}
