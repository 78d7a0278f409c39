import { Stack } from 'aws-cdk-lib';
import { Effect, type IRole, ManagedPolicy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { deployed } from '#drift/names.ts';
import { acknowledge } from './acknowledge.ts';
import { ADDRESS_READS, DATA_READS, ITEM_READS, OBJECT_READS, PARAMETER_READS } from './data-reads.ts';
import type { Place } from './settings.ts';

export interface TargetRoleProps {
  readonly environment: Place;
  /** The only one that may assume it. */
  readonly build: IRole;
  /** The service's own memory: closed to the code of a repository altogether. */
  readonly results: Bucket;
  /** Where the service's alarms go: an address of a pager that is read there is as good as its key. */
  readonly topics: readonly ITopic[];
}

/**
 * The rights that a repository's own code has during a plan: reads configuration, writes nothing, and is denied the
 * data that read-only policies include.
 */
export class TargetRole extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { environment, build, results, topics }: TargetRoleProps) {
    super(scope, id);
    const { partition } = Stack.of(this);
    const states = environment.state.map((pattern) => `arn:${partition}:s3:::${pattern}`);
    const publicParameters = `arn:${partition}:ssm:*::parameter/aws/service/*`;
    this.role = new Role(this, 'Role', {
      roleName: deployed.targetRole(environment.role, 'terraform'),
      description: `Plumbline: what a terraform plan of ${environment.name} may read`,
      assumedBy: build.grantPrincipal,
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('ReadOnlyAccess')],
    });
    this.#deny('NoData', { actions: [...DATA_READS], resources: ['*'] });
    this.#deny('NoPrivateParameters', { actions: [...PARAMETER_READS], notResources: [publicParameters] });
    const locks = environment.locks.map((table) => `arn:${partition}:dynamodb:*:${environment.account}:table/${table}`);
    this.#denyBut('NoObjectsButStates', OBJECT_READS, states);
    this.#denyBut('NoItemsButLocks', ITEM_READS, locks);
    this.#deny('NothingOfPlumbline', { actions: ['s3:*'], resources: [results.bucketArn, results.arnForObjects('*')] });
    // Of the topics themselves, and of their subscriptions, whose ARNs go on from the topic's.
    const told = topics.flatMap(({ topicArn }) => [topicArn, `${topicArn}:*`]);
    this.#deny('NoAddressesOfAlarms', { actions: [...ADDRESS_READS], resources: told });
    this.#letDecrypt(environment, states);
    acknowledge(this.role, {
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/ReadOnlyAccess]':
        'A plan reads whatever the repository declares; data is denied beside it.',
    });
  }

  #denyBut(sid: string, actions: readonly string[], resources: readonly string[]): void {
    const on = resources.length === 0 ? { resources: ['*'] } : { notResources: [...resources] };
    this.#deny(sid, { actions: [...actions], ...on });
  }

  #deny(sid: string, what: { actions: string[]; resources?: string[]; notResources?: string[] }): void {
    this.role.addToPolicy(new PolicyStatement({ sid, effect: Effect.DENY, ...what }));
  }

  /** States are often encrypted with a key of their own; S3 names the object, or its bucket, to the key. */
  #letDecrypt(environment: Place, states: readonly string[]): void {
    if (states.length === 0) return;
    const keys = `arn:${Stack.of(this).partition}:kms:*:${environment.account}:key/*`;
    acknowledge(this.role, {
      [`AwsSolutions-IAM5[Resource::${keys}]`]: 'Whichever key the states have; S3 must ask, for the states only.',
    });
    const buckets = states.map((arn) => arn.slice(0, arn.indexOf('/') >= 0 ? arn.indexOf('/') : undefined));
    this.role.addToPolicy(
      new PolicyStatement({
        sid: 'StatesAreDecrypted',
        actions: ['kms:Decrypt'],
        resources: [keys],
        conditions: {
          StringLike: {
            'kms:ViaService': 's3.*.amazonaws.com',
            'kms:EncryptionContext:aws:s3:arn': [...new Set([...states, ...buckets])].sort(),
          },
        },
      }),
    );
  }
}
