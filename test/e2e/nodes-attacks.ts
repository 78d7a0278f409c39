import { GetRoleCommand, IAMClient, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { expect } from 'vitest';
import { allowedOf, type Credentials } from './attacks.ts';
import type { FleetWorld } from './fleet-world.ts';

/** Credentials of a role, as whoever breaks into what runs with it has them; the role's trust is put back. */
async function stolen(world: FleetWorld, role: string): Promise<Credentials> {
  const iam = new IAMClient(world.owner);
  const { Role: found } = await iam.send(new GetRoleCommand({ RoleName: role }));
  const before = decodeURIComponent(found?.AssumeRolePolicyDocument ?? '');
  const trust = (PolicyDocument: string) =>
    iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: role, PolicyDocument }));
  const anybody = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
  await trust(JSON.stringify({ Version: '2012-10-17', Statement: [anybody] }));
  const { Credentials: taken } = await new STSClient(world.owner)
    .send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${world.sandbox.account}:role/${role}`,
        RoleSessionName: 'AWSCodeBuild-thief',
      }),
    )
    .finally(() => trust(before));
  return {
    accessKeyId: taken?.AccessKeyId ?? '',
    secretAccessKey: taken?.SecretAccessKey ?? '',
    sessionToken: taken?.SessionToken ?? '',
  };
}

/** What the roles of the layer can do, tried with credentials that a thief would have. */
export async function rightsOfNodes(world: FleetWorld): Promise<void> {
  const { bucket } = world.service;
  const attempts = (credentials: Credentials) => {
    const as = { ...world.owner, credentials };
    const [s3, secrets, ssm] = [new S3Client(as), new SecretsManagerClient(as), new SSMClient(as)];
    const send =
      (DocumentName: string, node: string, Parameters: Record<string, string[]> = {}) =>
      () =>
        ssm.send(new SendCommandCommand({ DocumentName, InstanceIds: [world.node(node).id], Parameters }));
    const parameters = {
      BundleUrl: ['https://127.0.0.1/'],
      BundleSha256: ['0'.repeat(64)],
      Key: ['k'.repeat(43)],
      RunId: ['thief'],
      ExecutionSeconds: ['60'],
    };
    const read = (Key: string) => () => s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const write = (Key: string) => () =>
      s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '{}', IfNoneMatch: '*' }));
    const secret = (SecretId: string) => () => secrets.send(new GetSecretValueCommand({ SecretId }));
    const assume = (name: string) => () =>
      new STSClient(as).send(
        new AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${world.sandbox.account}:role/${name}`,
          RoleSessionName: 'thief',
        }),
      );
    return {
      'send our document to a selected node': send('plumbline-nodes', 'web1', parameters),
      'send our document to another node': send('plumbline-nodes', 'unselected', parameters),
      'run a shell on a selected node': send('AWS-RunShellScript', 'web1', { commands: ['id'] }),
      'read a state': read('state/prod/web.json'),
      'write a state': write('state/prod/web.json'),
      "write into another build's inbox": write('inbox/AROAX:AWSCodeBuild-x/report.json'),
      'list the bucket': () => s3.send(new ListObjectsV2Command({ Bucket: bucket })),
      'read a secret of a target': secret('acme/db'),
      'read a secret of nobody': secret('acme/nobody'),
      'take the role of the nodes': assume('e2e-prod-nodes'),
    };
  };
  const allowed = (credentials: Credentials) => allowedOf(attempts(credentials));
  const build = await world.role('Nodes', 'BuildRole');
  expect(await allowed(await stolen(world, 'e2e-prod-nodes'))).toEqual(['send our document to a selected node']);
  expect(await allowed(await stolen(world, build))).toEqual([
    'read a secret of a target',
    'take the role of the nodes',
  ]);
  expect(await allowed(await stolen(world, 'sandbox-node'))).toEqual([]);
}
