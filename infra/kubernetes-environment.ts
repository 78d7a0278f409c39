import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import { CfnAccessEntry } from 'aws-cdk-lib/aws-eks';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnFunction,
  Code,
  type IFunction,
  type ILayerVersion,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LambdaDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { CLUSTER_GROUP, deployed, FUNCTION_ENV, KUBERNETES_FUNCTION } from '#drift/names.ts';
import type { SecretReference } from '#drift/target.ts';
import { acknowledge } from './acknowledge.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import { functionArn } from './service-function.ts';
import type { Place, ServedCluster } from './settings.ts';

export interface KubernetesEnvironmentProps {
  readonly environment: Place;
  /** The targets of this environment. */
  readonly targets: readonly [ServedCluster, ...ServedCluster[]];
  /** Folder of the function's code. */
  readonly code: string;
  /** kubectl and Helm, for x86-64. */
  readonly tools: ILayerVersion;
  readonly results: Results;
  /** Told of every end: by the function itself, or by Lambda when that failed. */
  readonly record: IFunction;
}

/** Checkouts, and what renderers leave beside them. */
const TEMPORARY = Size.mebibytes(1024);

/** What Lambda does as the function to put it into a network; EC2 knows no narrower resource for some of it. */
const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * What checks the Kubernetes targets of one environment: a function that may fetch its own ticket, read the secrets that
 * the config names, tell `record`, and assume the one role that the cluster knows. It can write nothing: its report goes
 * to the address in its ticket.
 */
export class KubernetesEnvironment extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: KubernetesEnvironmentProps) {
    super(scope, id);
    const { environment, targets, code, tools, results, record } = props;
    const functionName = deployed.project('kubernetes', environment.name);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: deployed.logGroup('kubernetes', environment.name),
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'FunctionRole', {
      description: `Plumbline: the function that checks Kubernetes targets of ${environment.name}`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    });
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: `Plumbline: compares the Kubernetes targets of ${environment.name} with what runs`,
      runtime: Runtime.NODEJS_24_X,
      // The layer has binaries for no other.
      architecture: Architecture.X86_64,
      handler: 'index.handler',
      code: Code.fromAsset(code),
      layers: [tools],
      memorySize: KUBERNETES_FUNCTION.memoryMb,
      ephemeralStorageSize: TEMPORARY,
      timeout: Duration.seconds(KUBERNETES_FUNCTION.timeoutSeconds),
      environment: {
        [FUNCTION_ENV.bucket]: results.bucket.bucketName,
        [FUNCTION_ENV.recordFunction]: record.functionName,
      },
      logGroup,
      // A check that failed is told, not repeated: the next one is due soon.
      retryAttempts: 0,
      maxEventAge: Duration.seconds(KUBERNETES_FUNCTION.maxEventAgeSeconds),
      onFailure: new LambdaDestination(record),
      // What the role may do is said below, exactly; the function would add more.
      role: this.role.withoutPolicyUpdates(),
    });
    logGroup.grantWrite(this.role);
    results.grantRead(this.role, 'tickets/*');
    grantSecrets(this.role, targets.flatMap(secretsOf));
    this.#allow(['lambda:InvokeFunction'], [record.functionArn]);
    this.#letReachCluster(environment);
    this.#joinNetwork(targets[0].kubernetes.vpc, functionArn(this, functionName));
    // Lambda looks at what the role may do when the function is made.
    this.function.node.addDependency(this.role);
  }

  /** A kubeconfig has credentials of its own. */
  #letReachCluster({ name, role, cluster }: Place): void {
    if (cluster === undefined || !('eks' in cluster)) return;
    const stack = Stack.of(this);
    const roleName = deployed.targetRole(role, 'kubernetes');
    // By name: the role's trust names the function's role, so that it cannot be made first.
    this.#allow(
      ['sts:AssumeRole'],
      [stack.formatArn({ service: 'iam', region: '', resource: 'role', resourceName: roleName })],
    );
    const target = new Role(this, 'TargetRole', {
      roleName,
      description: `Plumbline: whom the cluster of ${name} knows; the cluster says what it may read`,
      assumedBy: this.role.grantPrincipal,
    });
    const arn = stack.formatArn({ service: 'eks', resource: 'cluster', resourceName: cluster.eks });
    target.addToPolicy(new PolicyStatement({ actions: ['eks:DescribeCluster'], resources: [arn] }));
    if (cluster.accessEntry !== true) return;
    new CfnAccessEntry(this, 'AccessEntry', {
      clusterName: cluster.eks,
      principalArn: target.roleArn,
      kubernetesGroups: [CLUSTER_GROUP],
      type: 'STANDARD',
    });
  }

  /** The ids are in the config, so that nothing has to be looked up. */
  #joinNetwork(vpc: ServedCluster['kubernetes']['vpc'], arn: string): void {
    if (vpc === undefined) return;
    const resource = this.function.node.defaultChild;
    if (!(resource instanceof CfnFunction)) throw new Error('a function is made of one CfnFunction');
    resource.vpcConfig = { subnetIds: [...vpc.subnets], securityGroupIds: [...vpc.securityGroups] };
    this.#allow(NETWORK_ACTIONS, ['*']);
    // Lambda itself needs them, what runs in the function does not:
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    this.role.addToPolicy(
      new PolicyStatement({
        sid: 'NetworkIsOfLambdaAlone',
        effect: Effect.DENY,
        actions: NETWORK_ACTIONS,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': arn } },
      }),
    );
    acknowledge(this.role, {
      'AwsSolutions-IAM5[Resource::*]': 'Lambda makes network interfaces as this role; its code is denied to.',
    });
  }

  #allow(actions: string[], resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources }));
  }
}

/** What a check of the target reads inside the function. */
function secretsOf({ source, environment: { cluster } }: ServedCluster): readonly SecretReference[] {
  const token = source.token === undefined ? [] : [source.token];
  if (cluster === undefined || !('kubeconfig' in cluster) || typeof cluster.kubeconfig === 'string') return token;
  return [...token, cluster.kubeconfig];
}
