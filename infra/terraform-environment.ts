import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  BuildSpec,
  Cache,
  ComputeType,
  LinuxBuildImage,
  LocalCacheMode,
  Project,
  Source,
} from 'aws-cdk-lib/aws-codebuild';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { parse } from 'yaml';
import { deployed, INBOX_POLICY_PATH } from '#drift/names.ts';
import type { SecretReference } from '#drift/target.ts';
import { acknowledge } from './acknowledge.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import type { Place, ServedTarget } from './settings.ts';
import { TargetRole } from './target-role.ts';

export interface TerraformEnvironmentProps {
  readonly environment: Place;
  /** The targets of this environment. */
  readonly targets: readonly ServedTarget[];
  /** Zip of the tool: the builds' source. */
  readonly tool: Asset;
  readonly results: Results;
}

const BUILDSPEC = path.resolve(import.meta.dirname, '../buildspecs/terraform.yml');
/** A build's own limit is given when it is started; this one is for builds started by hand. */
const BUILD_TIMEOUT = Duration.hours(1);
/** After this a run is over anyway. CodeBuild takes no less than five minutes. */
const QUEUED_TIMEOUT = Duration.minutes(15);

/**
 * What checks the terraform targets of one environment: a CodeBuild project, whose role may fetch its own ticket,
 * leave its own report, read the secrets that the config names, and assume the one role that plans.
 */
export class TerraformEnvironment extends Construct {
  readonly project: Project;
  readonly projectName: string;
  readonly buildRole: Role;

  constructor(scope: Construct, id: string, { environment, targets, tool, results }: TerraformEnvironmentProps) {
    super(scope, id);
    const projectName = deployed.project('terraform', environment.name);
    this.projectName = projectName;
    const stack = Stack.of(this);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: deployed.logGroup('terraform', environment.name),
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.buildRole = new Role(this, 'BuildRole', {
      description: `Plumbline: builds that check terraform targets of ${environment.name}`,
      assumedBy: new ServicePrincipal('codebuild.amazonaws.com', {
        conditions: {
          StringEquals: {
            'aws:SourceArn': stack.formatArn({ service: 'codebuild', resource: 'project', resourceName: projectName }),
          },
        },
      }),
    });
    this.project = new Project(this, 'Project', {
      projectName,
      description: `Plumbline: compares the terraform targets of ${environment.name} with what runs`,
      source: Source.s3({ bucket: tool.bucket, path: tool.s3ObjectKey }),
      buildSpec: BuildSpec.fromObjectToYaml(parse(readFileSync(BUILDSPEC, 'utf8'))),
      // Older providers have no arm64 builds.
      environment: { buildImage: LinuxBuildImage.STANDARD_8_0, computeType: ComputeType.SMALL },
      cache: Cache.local(LocalCacheMode.CUSTOM),
      timeout: BUILD_TIMEOUT,
      queuedTimeout: QUEUED_TIMEOUT,
      logging: { cloudWatch: { logGroup } },
      grantReportGroupPermissions: false,
      // What the role may do is said below, exactly; the project would add more.
      role: this.buildRole.withoutPolicyUpdates(),
    });
    logGroup.grantWrite(this.buildRole);
    this.buildRole.addToPolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [tool.bucket.arnForObjects(tool.s3ObjectKey)],
      }),
    );
    results.grantRead(this.buildRole, 'tickets/*');
    results.grantWrite(this.buildRole, INBOX_POLICY_PATH);
    grantSecrets(this.buildRole, targets.flatMap(secretsOf));
    this.buildRole.addToPolicy(
      new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [this.#targetRoleArn(environment)] }),
    );
    new TargetRole(this, 'Target', { environment, build: this.buildRole, results: results.bucket });
    acknowledge(this.project, {
      'AwsSolutions-CB4': 'It makes no artifacts, so that there is nothing to encrypt.',
    });
  }

  /** By name: the role's trust names the build's role, so that it cannot be made first. */
  #targetRoleArn(environment: Place): string {
    const resourceName = deployed.targetRole(environment.role, 'terraform');
    return Stack.of(this).formatArn({ service: 'iam', region: '', resource: 'role', resourceName });
  }
}

/** What a check of the target reads inside the build. */
function secretsOf(target: ServedTarget): readonly SecretReference[] {
  const token = target.source.token === undefined ? [] : [target.source.token];
  return target.layer === 'terraform' ? [...token, ...Object.values(target.terraform.env)] : token;
}
