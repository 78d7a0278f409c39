import { type Cluster, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { isNamed } from '../aws/errors.ts';
import type { RoleCredentials } from '../aws/identity.ts';
import { type ClusterConnection, connectionTo } from './connection.ts';
import { eksProof } from './eks-token.ts';
import { ClusterError } from './error.ts';

export interface EksRequest {
  readonly name: string;
  readonly region: string;
  /** Null: the process's own chain. */
  readonly credentials: RoleCredentials | null;
  readonly signal: AbortSignal;
}

/** The API answers in these; while a cluster is updated its API server goes on. */
const ANSWERING: ReadonlySet<string> = new Set(['ACTIVE', 'UPDATING']);

/** Asks EKS where the cluster is and which authority signs for it. @throws ClusterError */
export async function connectEks({ name, region, credentials, signal }: EksRequest): Promise<ClusterConnection> {
  const client = new EKSClient({ region, ...(credentials === null ? {} : { credentials }) });
  const cluster = await client
    .send(new DescribeClusterCommand({ name }), { abortSignal: signal })
    .then((answer) => answer.cluster)
    .catch((cause: unknown) => {
      throw new ClusterError(refusal(cause, name, region));
    })
    .finally(() => client.destroy());
  const { endpoint, ca } = placeOf(cluster, name, region);
  return connectionTo({
    server: endpoint,
    ca,
    proof: eksProof({ cluster: name, region, credentials }),
    origin: `the EKS cluster ${name}`,
  });
}

function placeOf(cluster: Cluster | undefined, name: string, region: string) {
  const { status, endpoint, certificateAuthority } = cluster ?? {};
  if (status === undefined || !ANSWERING.has(status)) {
    throw new ClusterError(
      `the EKS cluster ${name} in ${region} is ${status ?? 'in no known state'}, not ACTIVE: look again when it is, or take its targets out`,
    );
  }
  const data = certificateAuthority?.data;
  if (endpoint === undefined || data === undefined) {
    throw new ClusterError(`EKS does not tell the endpoint and the authority of the cluster ${name} in ${region}`);
  }
  return { endpoint, ca: Buffer.from(data, 'base64').toString('utf8') };
}

/** The SDK's own text is left out: of a wrong signature it quotes what was signed. */
function refusal(cause: unknown, name: string, region: string): string {
  const cluster = `the EKS cluster ${name} in ${region}`;
  if (isNamed(cause, 'ResourceNotFoundException')) {
    return `there is no EKS cluster ${name} in ${region}: mend cluster.eks, or the region, of the environment`;
  }
  if (isNamed(cause, 'AccessDeniedException', 'AccessDenied')) {
    return `${cluster} may not be described: allow eks:DescribeCluster on it to this role`;
  }
  if (isNamed(cause, 'CredentialsProviderError', 'UnrecognizedClientException', 'ExpiredTokenException')) {
    return `${cluster} cannot be described with these AWS credentials (${(cause as Error).name}): renew them`;
  }
  if (isNamed(cause, 'AbortError', 'TimeoutError')) return `${cluster} was not described in time`;
  const why = cause instanceof Error ? cause.name : 'unknown error';
  return `${cluster} could not be described (${why}): is the EKS API reachable from here?`;
}
