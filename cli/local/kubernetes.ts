import { resolve } from 'node:path';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { checkKubernetes } from '#checks/kubernetes/check.ts';
import type { ClusterWay } from '#checks/kubernetes/connect.ts';
import type { Report } from '#drift/report.ts';
import type { IgnoreRule } from '#drift/rules/rule.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { Environment, KubernetesTarget } from '#drift/target.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { connectOwnKubeconfig } from '#services/cluster/own-kubeconfig.ts';
import { SecretError } from '#services/ports.ts';
import type { Terminal } from '../terminal.ts';
import type { WorkingFolder } from '../working-folder.ts';
import { type LocalRun, ownCredentials, toolCache } from './run.ts';

/** Compares with the cluster that the config names, else with that of this person's current kubeconfig. */
export async function checkKubernetesHere(
  target: KubernetesTarget,
  rules: readonly IgnoreRule[],
  { run, working, terminal, progress }: LocalRun,
): Promise<Report> {
  let way: ClusterWay;
  try {
    way = await ownWay(target, working, terminal);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    return unknownReport(run, error.message, new Date());
  }
  const hidden = way.kubeconfig === null ? [] : [way.kubeconfig];
  return checkKubernetes({
    ...way,
    run,
    source: { folder: working.folder },
    rules,
    before: null,
    fingerprintKey: null,
    hidden: [...ownCredentials(terminal), ...hidden],
    tools: { path: terminal.env['PATH'] ?? '', cache: toolCache(terminal) },
    signal: terminal.signal,
    timeoutMs: target.timeoutSeconds * 1000,
    progress,
    now: () => new Date(),
    notes: working.notes,
  });
}

/** How a person reaches the cluster of a target: as the config says, else by this person's own kubeconfig. @throws SecretError */
export async function ownWay(
  target: KubernetesTarget,
  { configFolder }: WorkingFolder,
  { env }: Terminal,
): Promise<ClusterWay> {
  const { cluster } = target.environment;
  const own = cluster !== undefined && 'kubeconfig' in cluster ? cluster : undefined;
  const file = typeof own?.kubeconfig === 'string' ? resolve(configFolder, own.kubeconfig) : null;
  return {
    target,
    kubeconfig: await readKubeconfig(target.environment),
    connectOwn: (signal) => connectOwnKubeconfig({ file, context: own?.context, env, signal }),
    credentials: null,
  };
}

/** Secrets lie where the service does: in the environment's region. */
async function readKubeconfig({ cluster, region }: Environment): Promise<string | null> {
  if (cluster === undefined || !('kubeconfig' in cluster) || typeof cluster.kubeconfig === 'string') return null;
  const place = region === undefined ? {} : { region };
  const secrets = new AwsSecrets(new SecretsManagerClient(place), new SSMClient(place));
  return secrets.read(cluster.kubeconfig).catch((error: unknown) => {
    if (error instanceof SecretError) throw error;
    const why = error instanceof Error ? error.name : 'unknown error';
    throw new SecretError(`the secret of the kubeconfig could not be read (${why}): are there AWS credentials?`, error);
  });
}
