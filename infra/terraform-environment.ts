import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { INBOX_POLICY_PATH } from '#drift/names.ts';
import type { SecretReference } from '#drift/target.ts';
import { BuildEnvironment, type BuildEnvironmentProps, tokensOf } from './build-environment.ts';
import type { ServedModule } from './settings.ts';
import { TargetRole } from './target-role.ts';

export interface TerraformEnvironmentProps extends Omit<BuildEnvironmentProps, 'layer' | 'environment' | 'secrets'> {
  /** The targets of this environment. */
  readonly targets: readonly [ServedModule, ...ServedModule[]];
  /** Where the service's alarms go. */
  readonly topics: readonly ITopic[];
}

/** What checks the terraform targets of one environment: builds that leave a report and nothing else. */
export class TerraformEnvironment extends BuildEnvironment {
  constructor(scope: Construct, id: string, { targets, topics, ...props }: TerraformEnvironmentProps) {
    const { environment } = targets[0];
    super(scope, id, { ...props, environment, layer: 'terraform', secrets: targets.flatMap(secretsOf) });
    const { results } = props;
    results.grantWrite(this.buildRole, INBOX_POLICY_PATH);
    new TargetRole(this, 'Target', { environment, build: this.buildRole, results: results.bucket, topics });
  }
}

/** What a check of the target reads inside the build. */
const secretsOf = ({ source, terraform }: ServedModule): readonly SecretReference[] => [
  ...tokensOf(source),
  ...Object.values(terraform.env),
];
