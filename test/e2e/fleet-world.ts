import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Repository } from '#sandbox/git-host.ts';
import type { Node, NodeOptions } from '#sandbox/nodes.ts';
import { ownerOf } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { ServiceWorld, writeFiles } from './service-world.ts';

export interface FleetWorldOptions {
  /** Path below `ansible` → text. */
  readonly files: Readonly<Record<string, string>>;
  /** Targets of the environment `prod`: name → `nodes` of the config, and what else the target says. */
  readonly targets: Readonly<Record<string, { readonly nodes: object; readonly [key: string]: unknown }>>;
  readonly nodes: readonly NodeOptions[];
  /** Name → value, in Secrets Manager. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** A deployed service that looks at nodes only. */
export class FleetWorld extends ServiceWorld {
  static async start(options: FleetWorldOptions): Promise<FleetWorld> {
    const sandbox = await startSandbox();
    try {
      return await FleetWorld.#deploy(sandbox, options);
    } catch (error) {
      await sandbox.stop();
      throw error;
    }
  }

  static async #deploy(sandbox: Sandbox, options: FleetWorldOptions): Promise<FleetWorld> {
    const bootstrapped = sandbox.bootstrap();
    bootstrapped.catch(() => undefined);
    const from = path.join(sandbox.dir, 'source');
    writeFiles(from, inAnsible(options.files));
    const secrets = new SecretsManagerClient(ownerOf(sandbox));
    for (const [Name, SecretString] of Object.entries(options.secrets)) {
      await secrets.send(new CreateSecretCommand({ Name, SecretString }));
    }
    const [repository] = await Promise.all([
      sandbox.createRepo('acme', { from, token: options.secrets['git/token'] ?? '' }),
      ...options.nodes.map((node) => sandbox.nodes.create(node)),
    ]);
    const config = path.join(sandbox.dir, 'plumbline.yaml');
    writeFileSync(config, JSON.stringify(configOf(sandbox, repository, options)));
    return new FleetWorld(sandbox, repository, await sandbox.deploy({ config }));
  }

  /** Changes files below `ansible`, and pushes. @returns the commit */
  override push(files: Readonly<Record<string, string>>, message?: string): Promise<string> {
    return super.push(inAnsible(files), message);
  }

  node(name: string): Node {
    const found = this.sandbox.nodes.all.find((node) => node.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }
}

const inAnsible = (files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`ansible/${name}`, text]));

function configOf(sandbox: Sandbox, repository: Repository, { targets }: FleetWorldOptions): object {
  const all = Object.entries(targets).map(([name, target]) => [
    name,
    { in: ['prod'], source: 'acme', pendingGrace: '0s', ...target },
  ]);
  return {
    version: 1,
    sources: { acme: { url: repository.url, token: { secret: 'git/token' } } },
    environments: {
      prod: { account: sandbox.account, region: sandbox.region, role: 'e2e-prod', severity: 'critical' },
    },
    targets: Object.fromEntries(all),
    notify: { critical: { pagerduty: { parameter: '/plumbline/pagerduty-critical' } } },
  };
}
