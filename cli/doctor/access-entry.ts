import { CLUSTER_GROUP, deployed } from '#drift/names.ts';
import type { Environment } from '#drift/target.ts';
import type { AccessEntry, AccessEntryRequest } from '#services/cluster/eks-access.ts';
import { ClusterError } from '#services/cluster/error.ts';
import type { Impersonated } from '#services/cluster/rights.ts';
import { type Diagnosis, ill, well } from './diagnosis.ts';

export interface EksPlace {
  readonly environment: Environment;
  readonly cluster: string;
  readonly account: string;
  readonly region: string;
  readonly role: string;
}

/** Who asks for the rights of a group; nothing is bound to it. */
const ASKING = 'plumbline-doctor';
const EXPECTED: Impersonated = { user: ASKING, groups: [CLUSTER_GROUP] };

/** Whether EKS lets the service's role into its cluster, and as whom. */
export async function examineAccessEntry(
  { environment, cluster, account, region, role }: EksPlace,
  read: (request: Omit<AccessEntryRequest, 'signal'>) => Promise<AccessEntry | null>,
): Promise<{ readonly diagnoses: readonly Diagnosis[]; readonly as: Impersonated }> {
  const about = `${environment.name} access entry`;
  const principal = `arn:aws:iam::${account}:role/${deployed.targetRole(role, 'kubernetes')}`;
  const which = `--cluster-name ${cluster} --region ${region} --principal-arn ${principal}`;
  let entry: AccessEntry | null;
  try {
    entry = await read({ cluster, region, principal });
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return { diagnoses: [ill(about, `of ${principal} ${error.message}`)], as: EXPECTED };
  }
  if (entry === null) {
    const command = `aws eks create-access-entry ${which} --kubernetes-groups ${CLUSTER_GROUP}`;
    const remedy = `write accessEntry: true in the environment's cluster and deploy, or run: ${command}`;
    return { diagnoses: [ill(about, `${principal} has none: ${remedy}`)], as: EXPECTED };
  }
  const user = entry.username ?? ASKING;
  const writing = entry.policies.filter((policy) => !policy.endsWith('ViewPolicy'));
  const policies = writing.map((policy) => {
    const command = `aws eks disassociate-access-policy ${which} --policy-arn ${policy}`;
    return ill(about, `${principal} has ${policy}, which is more than reading; run: ${command}`);
  });
  if (!entry.groups.includes(CLUSTER_GROUP)) {
    const groups = [...entry.groups, CLUSTER_GROUP];
    const command = `aws eks update-access-entry ${which} --kubernetes-groups ${groups.join(' ')}`;
    const others = entry.groups.length === 0 ? 'no group' : entry.groups.join(', ');
    const outside = ill(about, `${principal} is in ${others}, not in ${CLUSTER_GROUP}; run: ${command}`);
    return { diagnoses: [outside, ...policies], as: { user, groups } };
  }
  const diagnoses = policies.length > 0 ? policies : [well(about, `${principal} is in ${entry.groups.join(', ')}`)];
  return { diagnoses, as: { user, groups: entry.groups } };
}
