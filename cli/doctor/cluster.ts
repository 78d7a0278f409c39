import type { Bounds } from '#checks/kubernetes/evidence.ts';
import type { Manifests } from '#drift/kubernetes/manifests/read.ts';
import type { Environment, KubernetesTarget } from '#drift/target.ts';
import { EFFORT, type Effort } from '#services/cluster/client.ts';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import { type Discovery, discover } from '#services/cluster/discovery.ts';
import type { AccessEntry, AccessEntryRequest } from '#services/cluster/eks-access.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { needsOf } from '#services/cluster/needs.ts';
import { ClusterRights, type Impersonated } from '#services/cluster/rights.ts';
import { SecretError } from '#services/ports.ts';
import { RenderError } from '#services/render/error.ts';
import { examineAccessEntry } from './access-entry.ts';
import { type Diagnosis, ill, well } from './diagnosis.ts';
import { RightsQuestions } from './rights.ts';
import { readsText, type Whose, writesText } from './rights-text.ts';
import { unservedKinds, type WantedKind, wantedKinds } from './wanted.ts';

/** What this machine has to look at a cluster with. */
export interface ClusterPorts {
  /** As the person who asks. @throws ClusterError, SecretError */
  readonly connect: (target: KubernetesTarget, signal: AbortSignal) => Promise<ClusterConnection>;
  /** What the working copy declares. @throws RenderError */
  readonly declared: (target: KubernetesTarget, server: Discovery, bounds: Bounds) => Promise<Manifests>;
  /** @throws ClusterError */
  readonly accessEntry: (request: AccessEntryRequest) => Promise<AccessEntry | null>;
}

/** A person waits: what does not answer now is told now. */
const IMPATIENT: Effort = { ...EFFORT, retries: 2, maxDelayMs: 2_000 };

/** Whether the cluster of an environment answers, serves what its targets declare, and lets it be read and no more. */
export async function examineCluster(
  targets: readonly [KubernetesTarget, ...KubernetesTarget[]],
  ports: ClusterPorts,
  bounds: Bounds,
): Promise<readonly Diagnosis[]> {
  const [first] = targets;
  const { environment } = first;
  const about = `${environment.name} cluster`;
  const said: Diagnosis[] = [];
  bounds.progress('connecting to the cluster');
  try {
    const connection = await ports.connect(first, bounds.signal);
    const access = await accessOf(targets, environment, ports, bounds);
    said.push(...access.diagnoses);
    const discovery = await discover(connection, bounds, IMPATIENT);
    said.unshift(well(about, `Kubernetes ${discovery.version ?? 'of some version'} at ${connection.server}`));
    const { kinds, diagnoses } = await lookAtManifests(targets, discovery, ports, bounds);
    said.push(...diagnoses);
    if (kinds.length > 0) said.push(...(await proveRights(environment.name, kinds, access, connection, bounds)));
  } catch (error) {
    if (!(error instanceof ClusterError || error instanceof SecretError)) throw error;
    said.unshift(ill(about, error.message));
  }
  return said;
}

interface Access extends Whose {
  readonly diagnoses: readonly Diagnosis[];
  readonly as: Impersonated | null;
}

/** Whose rights have to be proved: those of the service, where it checks any of the targets. */
async function accessOf(
  targets: readonly KubernetesTarget[],
  environment: Environment,
  ports: ClusterPorts,
  { signal, progress }: Bounds,
): Promise<Access> {
  const { cluster, account, region, role } = environment;
  if (cluster !== undefined && 'kubeconfig' in cluster && typeof cluster.kubeconfig !== 'string') {
    return { kind: 'account', subject: "the user of the secret's kubeconfig", as: null, diagnoses: [] };
  }
  const isServed = targets.some(({ source }) => source !== undefined);
  const isEks = cluster !== undefined && 'eks' in cluster;
  if (!isServed || !isEks || account === undefined || region === undefined || role === undefined) {
    return { kind: 'person', subject: 'you', as: null, diagnoses: [] };
  }
  progress('looking at the access entry');
  const place = { environment, cluster: cluster.eks, account, region, role };
  const { diagnoses, as } = await examineAccessEntry(place, (request) => ports.accessEntry({ ...request, signal }));
  const subject = `the group${as.groups.length === 1 ? '' : 's'} ${as.groups.join(', ')}`;
  return { kind: 'role', subject, as, diagnoses };
}

async function lookAtManifests(
  targets: readonly KubernetesTarget[],
  discovery: Discovery,
  ports: ClusterPorts,
  bounds: Bounds,
): Promise<{ readonly kinds: readonly WantedKind[]; readonly diagnoses: readonly Diagnosis[] }> {
  const diagnoses: Diagnosis[] = [];
  const rendered: { readonly target: KubernetesTarget; readonly manifests: Manifests }[] = [];
  for (const target of targets) {
    try {
      const manifests = await ports.declared(target, discovery, bounds);
      rendered.push({ target, manifests });
      const [problem, ...others] = manifests.problems;
      if (problem === undefined) continue;
      const more = others.length === 0 ? '' : `, and ${others.length} more`;
      const where = `${problem.file}${problem.line === null ? '' : `:${problem.line}`}`;
      diagnoses.push(ill(`${target.name} manifests`, `${where}: ${problem.message}${more}`));
    } catch (error) {
      if (!(error instanceof RenderError)) throw error;
      diagnoses.push(ill(`${target.name} manifests`, error.message));
    }
  }
  const all = rendered.map(({ target, manifests }) => ({
    ...{ discovery, defaultNamespace: target.kubernetes.namespace, orphans: target.kubernetes.orphans ?? null },
    declared: manifests.objects.map(({ value }) => value),
  }));
  const declared = all.flatMap((one) => one.declared);
  const about = `${targets[0]?.environment.name} kinds`;
  const unserved = unservedKinds(declared, discovery).map((why) => ill(about, why));
  if (unserved.length === 0 && declared.length > 0) {
    const count = new Set(declared.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).size;
    diagnoses.push(well(about, `all ${count} kinds of ${declared.length} declared objects are served`));
  }
  return { kinds: wantedKinds(all.map(needsOf)), diagnoses: [...diagnoses, ...unserved] };
}

/** What cannot be asked is not proved. */
async function proveRights(
  environment: string,
  kinds: readonly WantedKind[],
  access: Access,
  connection: ClusterConnection,
  bounds: Bounds,
): Promise<readonly Diagnosis[]> {
  bounds.progress(`asking what ${access.subject} may do`);
  const questions = new RightsQuestions(new ClusterRights(connection, bounds, access.as, IMPATIENT), kinds);
  try {
    const reads = readsText(environment, access, kinds, await questions.refusedReads());
    if (access.kind === 'person') return reads;
    const [writable, runs] = [await questions.allowedWrites(), await questions.allowedRuns()];
    return [...reads, ...writesText(environment, access, writable, runs)];
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return [ill(`${environment} rights`, `of ${access.subject} cannot be proved: ${error.message}`)];
  }
}
