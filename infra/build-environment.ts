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
import { deployed } from '#drift/names.ts';
import type { Layer, SecretReference } from '#drift/target.ts';
import { acknowledge } from './acknowledge.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import { functionArn } from './service-function.ts';
import type { Place } from './settings.ts';

/** The layers that are checked in builds. */
export type BuildLayer = Exclude<Layer, 'kubernetes'>;

export interface BuildEnvironmentProps {
  readonly layer: BuildLayer;
  readonly environment: Place;
  /** Zip of the tool: the builds' source. */
  readonly tool: Asset;
  readonly results: Results;
  /** What checks of its targets read inside the build. */
  readonly secrets: readonly SecretReference[];
}

const BUILDSPECS = path.resolve(import.meta.dirname, '../buildspecs');
/** A build's own limit is given when it is started; this one is for builds started by hand. */
const BUILD_TIMEOUT = Duration.hours(1);
/** After this a run is over anyway. CodeBuild takes no less than five minutes. */
const QUEUED_TIMEOUT = Duration.minutes(15);

/**
 * What checks the targets of one layer in one environment: a CodeBuild project, whose role may fetch its own ticket,
 * read the secrets that the config names, and assume the one role that looks at what runs. What it may leave behind is
 * its layer's business.
 */
export abstract class BuildEnvironment extends Construct {
  readonly layer: BuildLayer;
  readonly project: Project;
  readonly projectName: string;
  readonly buildRole: Role;

  constructor(scope: Construct, id: string, { layer, environment, tool, results, secrets }: BuildEnvironmentProps) {
    super(scope, id);
    const projectName = deployed.project(layer, environment.name);
    this.layer = layer;
    this.projectName = projectName;
    const stack = Stack.of(this);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: deployed.logGroup(layer, environment.name),
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.buildRole = new Role(this, 'BuildRole', {
      description: `Plumbline: builds that check ${layer} targets of ${environment.name}`,
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
      description: `Plumbline: compares the ${layer} targets of ${environment.name} with what runs`,
      source: Source.s3({ bucket: tool.bucket, path: tool.s3ObjectKey }),
      buildSpec: BuildSpec.fromObjectToYaml(parse(readFileSync(path.join(BUILDSPECS, `${layer}.yml`), 'utf8'))),
      // Older providers, and some collections, have nothing for arm64.
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
    const source = tool.bucket.arnForObjects(tool.s3ObjectKey);
    this.#allow(['s3:GetObject', 's3:GetObjectVersion'], source);
    results.grantRead(this.buildRole, 'tickets/*');
    grantSecrets(this.buildRole, secrets);
    // What a person starts here by hand asks for a run, as that person could; it may not start one itself.
    this.#allow(['lambda:InvokeFunction'], functionArn(this, deployed.function('rerun')));
    // By name: the role's trust names the build's role, so that it cannot be made first.
    const resourceName = deployed.targetRole(environment.role, layer);
    this.#allow(['sts:AssumeRole'], stack.formatArn({ service: 'iam', region: '', resource: 'role', resourceName }));
    acknowledge(this.project, {
      'AwsSolutions-CB4': 'It makes no artifacts, so that there is nothing to encrypt.',
    });
  }

  #allow(actions: string[], resource: string): void {
    this.buildRole.addToPolicy(new PolicyStatement({ actions, resources: [resource] }));
  }
}

/** The token of a target's source, where it has one. */
export const tokensOf = ({ token }: { readonly token?: SecretReference }): readonly SecretReference[] =>
  token === undefined ? [] : [token];
