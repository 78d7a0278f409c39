import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Repository } from '#sandbox/git-host.ts';
import type { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { ownerOf } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { ServiceWorld, writeFiles } from './service-world.ts';

const ACCESS = path.resolve(import.meta.dirname, '../../infra/cluster-access/reader.yaml');

export interface WorldOptions {
  /** Path below `k8s` → text. */
  readonly manifests: Readonly<Record<string, string>>;
  readonly targets: Readonly<Record<string, WrittenTarget>>;
  /** What the cluster `prod` holds before anybody looks. */
  readonly applied: readonly string[];
  readonly gitToken: string;
  readonly kubeconfigToken: string;
}

/** A target of the config, without what all of them have. */
export interface WrittenTarget {
  readonly in: readonly string[];
  readonly kubernetes: object;
  readonly schedule?: string;
  readonly timeout?: string;
}

/** A deployed service that compares Kubernetes targets only. */
export class KubernetesWorld extends ServiceWorld {
  static async start(options: WorldOptions): Promise<KubernetesWorld> {
    const sandbox = await startSandbox();
    try {
      return await KubernetesWorld.#deploy(sandbox, options);
    } catch (error) {
      await sandbox.stop();
      throw error;
    }
  }

  static async #deploy(sandbox: Sandbox, options: WorldOptions): Promise<KubernetesWorld> {
    const bootstrapped = sandbox.bootstrap();
    bootstrapped.catch(() => undefined);
    const from = path.join(sandbox.dir, 'source');
    writeFiles(from, inK8s(options.manifests));
    const { prod, staging } = sandbox.clusters;
    staging.addUser(options.kubeconfigToken, { name: 'plumbline', groups: ['plumbline'] });
    const kubeconfig = readFileSync(staging.kubeconfigOf('plumbline', options.kubeconfigToken), 'utf8');
    const secrets = new SecretsManagerClient(ownerOf(sandbox));
    await secrets.send(new CreateSecretCommand({ Name: 'git/token', SecretString: options.gitToken }));
    await secrets.send(new CreateSecretCommand({ Name: 'acme/kubeconfig', SecretString: kubeconfig }));
    const [repository] = await Promise.all([
      sandbox.createRepo('acme', { from, token: options.gitToken }),
      ...[prod, staging].map((cluster) => cluster.apply(ACCESS)),
      apply(prod, options.applied.join('\n---\n')),
    ]);
    const config = path.join(sandbox.dir, 'plumbline.yaml');
    writeFileSync(config, JSON.stringify(configOf(sandbox, repository, options)));
    return new KubernetesWorld(sandbox, repository, await sandbox.deploy({ config }));
  }

  /** Changes manifests of the repository, and pushes. @returns the commit */
  override push(manifests: Readonly<Record<string, string>>, message?: string): Promise<string> {
    return super.push(inK8s(manifests), message);
  }
}

const inK8s = (manifests: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(manifests).map(([name, text]) => [`k8s/${name}`, text]));

function configOf(sandbox: Sandbox, repository: Repository, { targets }: WorldOptions): object {
  const place = { account: sandbox.account, region: sandbox.region, severity: 'critical' };
  const all = Object.entries(targets).map(([name, target]) => [
    name,
    { source: 'acme', pendingGrace: '0s', ...target },
  ]);
  return {
    version: 1,
    sources: { acme: { url: repository.url, token: { secret: 'git/token' } } },
    environments: {
      prod: { ...place, role: 'e2e-prod', cluster: { eks: 'prod', accessEntry: true } },
      staging: { ...place, role: 'e2e-staging', cluster: { eks: 'staging', accessEntry: true } },
      kept: { ...place, role: 'e2e-kept', cluster: { kubeconfig: { secret: 'acme/kubeconfig' } } },
    },
    targets: Object.fromEntries(all),
    notify: { critical: { pagerduty: { parameter: '/plumbline/pagerduty-critical' } } },
  };
}

/** Applies a text as a person does. */
export const apply = (cluster: Cluster, text: string): Promise<string> =>
  cluster.kubectlWith({ stdin: text }, 'apply', '-f', '-');
