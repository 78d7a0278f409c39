import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** How long runs are kept, and replaced versions of states and queues. */
const KEEP_RUNS = Duration.days(365);
const KEEP_REPLACED = Duration.days(30);

/** Runs, states, queues, tickets and inboxes: the service's only memory. */
export class Results extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        // A ticket holds a key, and a deleted one is still there as an old version: it goes as soon as S3 can.
        { prefix: 'tickets/', expiration: Duration.days(1), noncurrentVersionExpiration: Duration.days(1) },
        { prefix: 'inbox/', expiration: Duration.days(7), noncurrentVersionExpiration: Duration.days(1) },
        { prefix: 'runs/', expiration: KEEP_RUNS, noncurrentVersionExpiration: KEEP_REPLACED },
        { prefix: 'state/', noncurrentVersionExpiration: KEEP_REPLACED },
        // After so long no host sends a delivery again.
        { prefix: 'deliveries/', expiration: Duration.days(90), noncurrentVersionExpiration: Duration.days(1) },
        // Asked for within seconds of a push; asking git again costs nothing but a request.
        { prefix: 'changes/', expiration: Duration.days(7), noncurrentVersionExpiration: Duration.days(1) },
        { prefix: 'queue/', noncurrentVersionExpiration: Duration.days(1) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1), expiredObjectDeleteMarker: true },
      ],
    });
    // What a build has written once, nobody writes over, the build itself included.
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'InboxIsWrittenOnce',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [this.bucket.arnForObjects('inbox/*')],
        conditions: { Null: { 's3:if-none-match': 'true' } },
      }),
    );
    acknowledge(this.bucket, {
      'AwsSolutions-S1': 'Its writers are three functions, each of whose acts is logged; objects are versioned.',
    });
  }

  /** Objects whose keys match; without the right to know which there are. */
  grantRead(role: Role, ...patterns: readonly string[]): void {
    this.#grant(role, 's3:GetObject', patterns);
  }

  grantWrite(role: Role, ...patterns: readonly string[]): void {
    this.#grant(role, 's3:PutObject', patterns);
  }

  grantDelete(role: Role, ...patterns: readonly string[]): void {
    this.#grant(role, 's3:DeleteObject', patterns);
  }

  /** Without it S3 answers 403 for an object that is not there, and absence could not be told from a missing right. */
  grantKnowAbsence(role: Role): void {
    role.addToPolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] }));
  }

  #grant(role: Role, action: string, patterns: readonly string[]): void {
    const resources = patterns.map((pattern) => this.bucket.arnForObjects(pattern));
    role.addToPolicy(new PolicyStatement({ actions: [action], resources }));
    const bucket = Stack.of(this).resolve(this.bucket.bucketArn)['Fn::GetAtt'].join('.');
    for (const pattern of patterns.filter((candidate) => candidate.includes('*'))) {
      // A variable of IAM is named as a reference is.
      const named = pattern.replaceAll(/\$\{(.*?)\}/g, '<$1>');
      acknowledge(role, {
        [`AwsSolutions-IAM5[Resource::<${bucket}>/${named}]`]: 'A part of the bucket; the keys in it change.',
      });
    }
  }
}
