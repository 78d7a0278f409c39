import type { Construct } from 'constructs';
import { NODES_BUNDLE_POLICY_PATH, NODES_INBOX_POLICY_PATH } from '#drift/names.ts';
import type { SecretReference } from '#drift/target.ts';
import { BuildEnvironment, type BuildEnvironmentProps, tokensOf } from './build-environment.ts';
import { NodesRole } from './nodes-role.ts';
import type { ServedNodes } from './settings.ts';

export interface NodesEnvironmentProps extends Omit<BuildEnvironmentProps, 'layer' | 'environment' | 'secrets'> {
  /** The targets of this environment. */
  readonly targets: readonly [ServedNodes, ...ServedNodes[]];
}

/**
 * What checks the nodes of one environment: builds that send a playbook to them and judge what they answer. A node has
 * no right of ours: it reads and writes through addresses that the build has signed, so that what a node may do in its
 * name, the build's role may do in its own inbox.
 */
export class NodesEnvironment extends BuildEnvironment {
  constructor(scope: Construct, id: string, { targets, ...props }: NodesEnvironmentProps) {
    const { environment } = targets[0];
    super(scope, id, { ...props, environment, layer: 'nodes', secrets: targets.flatMap(secretsOf) });
    const { results } = props;
    results.grantRead(this.buildRole, NODES_INBOX_POLICY_PATH);
    results.grantWrite(this.buildRole, NODES_INBOX_POLICY_PATH);
    results.grantDelete(this.buildRole, NODES_BUNDLE_POLICY_PATH);
    const selections = targets.flatMap(({ nodes }) => nodes.select ?? []);
    new NodesRole(this, 'Target', { environment, build: this.buildRole, selections });
  }
}

/** What a check of the target reads inside the build. */
function secretsOf({ source, nodes: { secretVars, vaultPassword } }: ServedNodes): readonly SecretReference[] {
  const password = vaultPassword === undefined || 'file' in vaultPassword ? [] : [vaultPassword];
  return [...tokensOf(source), ...Object.values(secretVars), ...password];
}
