import type { ClusterConnection } from '#services/cluster/connection.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { connectKubeconfig } from '#services/cluster/kubeconfig.ts';
import type { KubernetesCheckRequest } from './request.ts';

/** How the cluster of a target is reached. */
export type ClusterWay = Pick<KubernetesCheckRequest, 'target' | 'kubeconfig' | 'credentials' | 'connectOwn'>;

/** The cluster that the environment names; without one, that of a person's current kubeconfig. @throws ClusterError */
export async function connect(
  { target, kubeconfig, credentials, connectOwn }: ClusterWay,
  signal: AbortSignal,
): Promise<ClusterConnection> {
  const { name: environment, cluster, region } = target.environment;
  if (cluster !== undefined && 'eks' in cluster) {
    if (region === undefined) {
      throw new ClusterError(
        `environment ${environment} has the EKS cluster ${cluster.eks} and no region: write it there`,
      );
    }
    // Half of what a check loads is for EKS: other clusters need not wait for it.
    const { connectEks } = await import('#services/cluster/eks.ts');
    return connectEks({ name: cluster.eks, region, credentials, signal });
  }
  if (kubeconfig !== null) return connectKubeconfig(kubeconfig, cluster?.context);
  if (connectOwn !== undefined) return connectOwn(signal);
  throw new ClusterError(`environment ${environment} has no cluster that can be reached`);
}
