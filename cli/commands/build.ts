import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { type BuildWorld, NoRun, runBuild } from '#checks/build.ts';
import { buildNodes, type NodesPorts } from '#checks/nodes/build.ts';
import { buildTerraform } from '#checks/terraform/build.ts';
import { BUILD_ENV } from '#drift/names.ts';
import { SsmCommands } from '#services/aws/commands.ts';
import { AwsIdentity, type RoleCredentials } from '#services/aws/identity.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { AwsNodes } from '#services/aws/nodes.ts';
import { PATIENT } from '#services/aws/refused.ts';
import { S3Links } from '#services/aws/s3-links.ts';
import { S3State } from '#services/aws/s3-state.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { within } from '#services/aws/within.ts';
import type { S3StatePlace } from '#services/ports.ts';
import { type Terminal, UsageError } from '../terminal.ts';

/** A call that hangs must not keep a stopped build from leaving its report. */
const AWS = within(20_000);
/** The function that starts checks asks another, which asks a git host. It may have done so though it does not answer. */
const WAITING = { ...within(240_000), maxAttempts: 1 } as const;
/** `nobody`: owns nothing, and may not look into the processes of root. */
const NOBODY = { uid: 65534, gid: 65534 } as const;

/** Clients that act as the role of the target, and not as the build. */
function openNodesAs(credentials: RoleCredentials, region: string | undefined): NodesPorts {
  const config = { ...PATIENT, credentials, ...(region === undefined ? {} : { region }) };
  const ssm = new SSMClient(config);
  return {
    nodes: new AwsNodes({ ssm, ec2: new EC2Client(config), groups: new ResourceGroupsClient(config) }),
    commands: new SsmCommands(ssm),
  };
}

/** `plumbline build`: what a build of the deployed service runs. */
export async function build(terminal: Terminal): Promise<void> {
  // A build that a person starts has none, and leaves nothing there.
  const bucket = terminal.env[BUILD_ENV.bucket] ?? '';
  if (bucket === '' && (terminal.env[BUILD_ENV.ticket] ?? '') !== '') {
    throw new UsageError(`${BUILD_ENV.bucket} is not set: this command runs in builds of the service`);
  }
  const world: BuildWorld = {
    env: terminal.env,
    store: new S3Store(bucket, new S3Client(AWS)),
    secrets: new AwsSecrets(new SecretsManagerClient(AWS), new SSMClient(AWS)),
    identity: new AwsIdentity(new STSClient(AWS)),
    functions: new LambdaFunctions(new LambdaClient(WAITING)),
    ...(process.getuid?.() === 0 ? { user: NOBODY } : {}),
    signal: terminal.signal,
    say: terminal.out,
    now: () => new Date(),
  };
  const terraform = {
    ...world,
    openS3State: (place: S3StatePlace) => new S3State(place),
    toolCache: join(tmpdir(), 'plumbline-tools'),
    providerCache: join(tmpdir(), 'plumbline-providers'),
  };
  const nodes = {
    ...world,
    links: new S3Links(bucket, new S3Client({ ...AWS, requestChecksumCalculation: 'WHEN_REQUIRED' })),
    openNodes: openNodesAs,
    ansibleCache: join(tmpdir(), 'plumbline-tools', 'ansible'),
  };
  try {
    const complete = await runBuild(world, {
      terraform: (ticket, at) => buildTerraform(ticket, at, terraform),
      nodes: (ticket, at) => buildNodes(ticket, at, nodes),
    });
    terminal.exit(complete ? 0 : 1);
  } catch (error) {
    if (error instanceof NoRun) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
