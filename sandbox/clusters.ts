import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Emulator } from './emulator.ts';
import type { Account } from './kubernetes/authenticate.ts';
import { Cluster } from './kubernetes/cluster.ts';
import type { Certificates } from './tls.ts';

/** A kubeconfig of a real cluster here, and its current context is used in place of this machine's `prod`. */
export const REAL_KUBECONFIG = 'PLUMBLINE_SANDBOX_KUBECONFIG';
const NAMES = ['staging', 'prod'] as const;
const VERSION = '1.36';

export type Clusters = Readonly<Record<(typeof NAMES)[number], Cluster>>;

export interface ClustersOptions {
  readonly dir: string;
  readonly certificates: Certificates;
  readonly emulator: Emulator;
  readonly region: string;
}

/** Starts the clusters of the account, and lets it know them. @throws SandboxError */
export async function startClusters(options: ClustersOptions): Promise<Clusters> {
  const [staging, prod] = await Promise.all(NAMES.map((name) => startOne(name, options)));
  if (staging === undefined || prod === undefined) throw new Error('a cluster is missing');
  return { staging, prod };
}

async function startOne(name: string, options: ClustersOptions): Promise<Cluster> {
  const { emulator, certificates, region } = options;
  const dir = path.join(options.dir, 'clusters', name);
  const real = name === 'prod' ? process.env[REAL_KUBECONFIG] : undefined;
  const account: Account = {
    endpoint: emulator.endpoint,
    ca: readFileSync(certificates.ca, 'utf8'),
    region,
    entry: (cluster, principal) => emulator.accessEntry(cluster, principal),
  };
  const cluster =
    real === undefined || real === ''
      ? await Cluster.start({ name, dir, certificates, account })
      : await Cluster.real({ name, dir, kubeconfig: path.resolve(real) });
  const certificateAuthority = readFileSync(cluster.caFile).toString('base64');
  await emulator.registerCluster({ name, endpoint: cluster.server, certificateAuthority, version: VERSION });
  return cluster;
}
