import { DescribeAccessEntryCommand, EKSClient, ListAssociatedAccessPoliciesCommand } from '@aws-sdk/client-eks';
import { isNamed } from '../aws/errors.ts';
import { ClusterError } from './error.ts';

/** How EKS lets a role into a cluster. */
export interface AccessEntry {
  /** Of the user in the cluster; null: another one for each session. */
  readonly username: string | null;
  /** Whose rights RBAC tells. */
  readonly groups: readonly string[];
  /** ARNs of policies that give rights beside RBAC. */
  readonly policies: readonly string[];
}

export interface AccessEntryRequest {
  /** Name of the EKS cluster. */
  readonly cluster: string;
  readonly region: string;
  readonly principal: string;
  readonly signal: AbortSignal;
}

const MAX_POLICIES = 100;

/** Asks EKS, with the process's own credentials. Null: there is no entry. @throws ClusterError when that cannot be known */
export async function readAccessEntry(request: AccessEntryRequest): Promise<AccessEntry | null> {
  const { cluster, region, principal, signal } = request;
  const client = new EKSClient({ region });
  const which = { clusterName: cluster, principalArn: principal };
  try {
    const { accessEntry } = await client.send(new DescribeAccessEntryCommand(which), { abortSignal: signal });
    const listing = new ListAssociatedAccessPoliciesCommand({ ...which, maxResults: MAX_POLICIES });
    const { associatedAccessPolicies } = await client.send(listing, { abortSignal: signal });
    const { username = '{{SessionName}}' } = accessEntry ?? {};
    return {
      username: username.includes('{{') ? null : username,
      groups: accessEntry?.kubernetesGroups ?? [],
      policies: (associatedAccessPolicies ?? []).flatMap(({ policyArn }) => policyArn ?? []),
    };
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return null;
    throw new ClusterError(refusal(error, request));
  } finally {
    client.destroy();
  }
}

function refusal(error: unknown, { cluster, region }: AccessEntryRequest): string {
  if (isNamed(error, 'AccessDeniedException', 'AccessDenied')) {
    return 'may not be looked at: allow eks:DescribeAccessEntry and eks:ListAssociatedAccessPolicies to you';
  }
  if (isNamed(error, 'InvalidRequestException')) {
    return `cannot be: the cluster takes none; run: aws eks update-cluster-config --name ${cluster} --region ${region} --access-config authenticationMode=API_AND_CONFIG_MAP`;
  }
  const why = error instanceof Error ? error.name : 'unknown error';
  return `could not be looked at (${why}): is the EKS API reachable from here?`;
}
