import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateTagsCommand,
  DeleteRouteCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { DeleteBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerOf } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

const ROOT = `
terraform {
  required_providers {
    cloud = { source = "sandbox.plumbline.invalid/acme/cloud", version = "0.1.0" }
  }
}
resource "cloud_vpc" "main" {
  cidr = "10.9.0.0/16"
  tags = { Name = "main" }
}
resource "cloud_subnet" "a" {
  vpc_id = cloud_vpc.main.id
  cidr   = "10.9.1.0/24"
  zone   = "eu-west-1a"
}
resource "cloud_security_group" "nodes" {
  name        = "nodes"
  description = "nodes"
  vpc_id      = cloud_vpc.main.id
  ingress = [
    { protocol = "tcp", from_port = 443, to_port = 443, cidr = "10.0.0.0/8" },
    { protocol = "tcp", from_port = 80, to_port = 80, cidr = "10.0.0.0/8" },
  ]
}
resource "cloud_instance" "node" {
  image              = "ami-0123456789abcdef0"
  kind               = "t3.small"
  subnet_id          = cloud_subnet.a.id
  security_group_ids = [cloud_security_group.nodes.id]
}
resource "cloud_route_table" "nodes" {
  vpc_id = cloud_vpc.main.id
  routes = [{ cidr = "10.200.1.0/24", instance_id = cloud_instance.node.id }]
}
resource "cloud_load_balancer" "web" {
  name               = "web"
  vpc_id             = cloud_vpc.main.id
  subnet_ids         = [cloud_subnet.a.id]
  security_group_ids = [cloud_security_group.nodes.id]
  port               = 443
  instance_ids       = [cloud_instance.node.id]
}
resource "cloud_bucket" "logs" {
  name       = "acme-provider-logs"
  versioning = true
}
resource "cloud_queue" "jobs" {
  name               = "jobs"
  visibility_seconds = 30
  retention_seconds  = 3600
}
`;

interface Change {
  readonly address: string;
  readonly change: { readonly actions: readonly string[]; readonly before: unknown; readonly after: unknown };
}
interface Plan {
  readonly resource_drift?: readonly Change[];
  readonly resource_changes: readonly Change[];
}
interface StateFile {
  readonly values: {
    readonly root_module: {
      readonly resources: readonly { readonly address: string; readonly values: { readonly id: string } }[];
    };
  };
}

let sandbox: Sandbox;
let folder: string;

async function terraform(...args: string[]) {
  const done = await execa('terraform', args, {
    cwd: folder,
    env: { ...sandbox.env, TF_CLI_CONFIG_FILE: path.join(sandbox.image, 'terraform.rc'), CHECKPOINT_DISABLE: '1' },
    reject: false,
    timeout: 120_000,
  });
  return { code: done.exitCode, text: done.stdout + done.stderr };
}
const ok = async (...args: string[]): Promise<string> => {
  const { code, text } = await terraform(...args);
  expect(code, text).toBe(0);
  return text;
};
/** What terraform finds when it looks: its own words, not ours. */
async function look(): Promise<{ code: number | undefined; drift: readonly Change[]; changes: readonly Change[] }> {
  const { code, text } = await terraform('plan', '-no-color', '-detailed-exitcode', '-out=look.plan');
  expect(code, text).not.toBe(1);
  const plan = JSON.parse(await ok('show', '-json', 'look.plan')) as Plan;
  return {
    code,
    drift: plan.resource_drift ?? [],
    changes: plan.resource_changes.filter((one) => one.change.actions.join() !== 'no-op'),
  };
}
const of = (changes: readonly Change[]): string[] =>
  changes.map((one) => `${one.address} ${one.change.actions.join('+')}`);
async function idOf(address: string): Promise<string> {
  const state = JSON.parse(await ok('show', '-json')) as StateFile;
  const found = state.values.root_module.resources.find((one) => one.address === address);
  if (found === undefined) throw new Error(`${address} is not in the state`);
  return found.values.id;
}

beforeAll(async () => {
  sandbox = await startSandbox();
  folder = mkdtempSync(path.join(tmpdir(), 'plumbline-provider-'));
  writeFileSync(path.join(folder, 'main.tf'), ROOT);
  await ok('init', '-no-color', '-input=false');
  await ok('apply', '-no-color', '-input=false', '-auto-approve');
});
afterAll(async () => {
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the provider of the sandbox', () => {
  it('finds what it made, again and again', async () => {
    for (const _ of [1, 2]) expect(await look()).toEqual({ code: 0, drift: [], changes: [] });
  });

  it('shows what a person changed in the console, each under its own address', async () => {
    const ec2 = new EC2Client(ownerOf(sandbox));
    const s3 = new S3Client(ownerOf(sandbox));
    const sqs = new SQSClient(ownerOf(sandbox));
    await ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: await idOf('cloud_security_group.nodes'),
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    await ec2.send(
      new DeleteRouteCommand({
        RouteTableId: await idOf('cloud_route_table.nodes'),
        DestinationCidrBlock: '10.200.1.0/24',
      }),
    );
    await ec2.send(
      new CreateTagsCommand({ Resources: [await idOf('cloud_vpc.main')], Tags: [{ Key: 'owner', Value: 'bob' }] }),
    );
    const versioning = { Bucket: 'acme-provider-logs', VersioningConfiguration: { Status: 'Suspended' } } as const;
    await s3.send(new PutBucketVersioningCommand(versioning));
    await sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: await idOf('cloud_queue.jobs'),
        Attributes: { VisibilityTimeout: '60' },
      }),
    );
    const expected = [
      'cloud_bucket.logs update',
      'cloud_queue.jobs update',
      'cloud_route_table.nodes update',
      'cloud_security_group.nodes update',
      'cloud_vpc.main update',
    ];
    const { code, drift, changes } = await look();
    expect(code).toBe(2);
    expect(of(drift).sort()).toEqual(expected);
    expect(of(changes).sort()).toEqual(expected);
    const tags = drift.find((one) => one.address === 'cloud_vpc.main')?.change.after;
    expect(tags).toMatchObject({ tags: { Name: 'main', owner: 'bob' } });
  });

  it('puts it right by an apply', async () => {
    await ok('apply', '-no-color', '-input=false', '-auto-approve');
    expect(await look()).toEqual({ code: 0, drift: [], changes: [] });
  });

  it('sees that an object is gone, and wants it back', async () => {
    await new S3Client(ownerOf(sandbox)).send(new DeleteBucketCommand({ Bucket: 'acme-provider-logs' }));
    const { drift, changes } = await look();
    expect(of(drift)).toEqual(['cloud_bucket.logs delete']);
    expect(of(changes)).toEqual(['cloud_bucket.logs create']);
    await ok('apply', '-no-color', '-input=false', '-auto-approve');
  });

  it('takes over an object by its id', async () => {
    const id = await idOf('cloud_queue.jobs');
    await ok('state', 'rm', 'cloud_queue.jobs');
    await ok('import', '-no-color', '-input=false', 'cloud_queue.jobs', id);
    expect((await look()).changes).toEqual([]);
  });

  it('leaves nothing of it', async () => {
    await ok('destroy', '-no-color', '-input=false', '-auto-approve');
    expect(of((await look()).drift)).toEqual([]);
    expect(JSON.parse(await ok('show', '-json'))).not.toHaveProperty('values.root_module');
  });
});
