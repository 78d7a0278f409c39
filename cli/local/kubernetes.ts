import { resolve } from 'node:path';
import { checkKubernetes } from '#checks/kubernetes/check.ts';
import type { Report } from '#drift/report.ts';
import type { IgnoreRule } from '#drift/rules/rule.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { ClusterAccess, KubernetesTarget } from '#drift/target.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { connectOwnKubeconfig } from '#services/cluster/own-kubeconfig.ts';
import { SecretError } from '#services/ports.ts';
import { type LocalRun, ownCredentials, toolCache } from './run.ts';

/** Compares with the cluster that the config names, else with that of this person's current kubeconfig. */
export async function checkKubernetesHere(
  target: KubernetesTarget,
  rules: readonly IgnoreRule[],
  { run, working, terminal, progress }: LocalRun,
): Promise<Report> {
  let kubeconfig: string | null;
  try {
    kubeconfig = await readKubeconfig(target.environment.cluster);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    return unknownReport(run, error.message, new Date());
  }
  const hidden = kubeconfig === null ? [] : [kubeconfig];
  return checkKubernetes({
    target,
    run,
    source: { folder: working.folder },
    rules,
    kubeconfig,
    connectOwn: (signal) => {
      const { cluster } = target.environment;
      const kubeconfig = cluster !== undefined && 'kubeconfig' in cluster ? cluster : undefined;
      const file =
        typeof kubeconfig?.kubeconfig === 'string' ? resolve(working.configFolder, kubeconfig.kubeconfig) : null;
      return connectOwnKubeconfig({ file, context: kubeconfig?.context, env: terminal.env, signal });
    },
    credentials: null,
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

async function readKubeconfig(cluster: ClusterAccess | undefined): Promise<string | null> {
  if (cluster === undefined || !('kubeconfig' in cluster) || typeof cluster.kubeconfig === 'string') return null;
  return new AwsSecrets().read(cluster.kubeconfig);
}
