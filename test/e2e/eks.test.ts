import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, type Credentials, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { LAYER, TEMPLATE } from './eks-template.ts';

let sandbox: Sandbox;
let owner: ReturnType<typeof ownerOf>;
let stacks: CloudFormationClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  owner = ownerOf(sandbox);
  stacks = new CloudFormationClient(owner);
  const s3 = new S3Client(owner);
  await s3.send(new CreateBucketCommand({ Bucket: LAYER.bucket }));
  const script = new TextEncoder().encode('#!/bin/sh\necho hello from the layer\n');
  const Body = zipSync({ 'hello/hello': [script, { os: 3, attrs: 0o755 << 16 }], README: new Uint8Array(1) });
  await s3.send(new PutObjectCommand({ Bucket: LAYER.bucket, Key: LAYER.key, Body }));
  expect(await deploy('eks', TEMPLATE)).toBe('CREATE_COMPLETE');
  await sandbox.clusters.prod.kubectl(
    'create',
    'clusterrole',
    'all-readers',
    '--verb=get,list',
    '--resource=configmaps',
  );
  await sandbox.clusters.prod.kubectl(
    'create',
    'clusterrolebinding',
    'all-readers',
    '--clusterrole=all-readers',
    '--group=plumbline',
  );
}, 180_000);

afterAll(() => sandbox?.stop());

async function deploy(StackName: string, template: object, update = false): Promise<string> {
  const TemplateBody = JSON.stringify(template);
  const Capabilities = ['CAPABILITY_NAMED_IAM' as const];
  await stacks.send(
    update
      ? new UpdateStackCommand({ StackName, TemplateBody, Capabilities })
      : new CreateStackCommand({ StackName, TemplateBody, Capabilities }),
  );
  return until(`${StackName} is deployed`, 60, async () => {
    const [stack] = (await stacks.send(new DescribeStacksCommand({ StackName }))).Stacks ?? [];
    const status = stack?.StackStatus ?? '';
    return status.endsWith('IN_PROGRESS')
      ? null
      : `${status}${status.includes('ROLLBACK') ? ` ${stack?.StackStatusReason}` : ''}`;
  });
}

async function assume(name: string): Promise<Credentials> {
  const RoleArn = `arn:aws:iam::${sandbox.account}:role/${name}`;
  const { Credentials } = await new STSClient(owner).send(
    new AssumeRoleCommand({ RoleArn, RoleSessionName: 'someone' }),
  );
  if (Credentials === undefined) throw new Error(`${name} could not be assumed`);
  return Credentials;
}

class Sha256 {
  readonly #hash: ReturnType<typeof createHash>;

  constructor(secret?: string | Uint8Array) {
    this.#hash = (secret === undefined ? createHash('sha256') : createHmac('sha256', secret)) as ReturnType<
      typeof createHash
    >;
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

const signer = ({ AccessKeyId = '', SecretAccessKey = '', SessionToken = '' }: Credentials, service: string) =>
  new SignatureV4({
    service,
    region: sandbox.region,
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    sha256: Sha256 as never,
  });

interface TokenOptions {
  readonly cluster?: string;
  readonly host?: string;
  readonly path?: string;
  readonly action?: string;
  readonly protocol?: string;
  readonly date?: Date;
  readonly signsCluster?: boolean;
}

/** What `aws eks get-token` makes. */
async function token(credentials: Credentials, options: TokenOptions = {}): Promise<string> {
  const host = options.host ?? new URL(sandbox.endpoint).host;
  const [hostname = '', port] = host.split(':');
  const signsCluster = options.signsCluster ?? true;
  const { query } = await signer(credentials, 'sts').presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname,
      ...(port === undefined ? {} : { port: Number(port) }),
      path: '/',
      query: { Action: options.action ?? 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host, ...(signsCluster ? { 'x-k8s-aws-id': options.cluster ?? 'prod' } : {}) },
    },
    { expiresIn: 60, signingDate: options.date ?? new Date() },
  );
  const parameters = Object.entries(query ?? {}).map(
    ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`,
  );
  const url = `${options.protocol ?? 'https'}://${host}${options.path ?? '/'}?${parameters.join('&')}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}

function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { ca: readFileSync(sandbox.caBundle), headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    })
      .once('error', reject)
      .end();
  });
}

const read = async (bearer: string, path = '/api/v1/configmaps?limit=1') =>
  (await ask(`${sandbox.clusters.prod.server}${path}`, { authorization: `Bearer ${bearer}` })).status;

async function describeCluster(credentials: Credentials, name: string) {
  const { host } = new URL(sandbox.endpoint);
  const [hostname = '', port] = host.split(':');
  const signed = await signer(credentials, 'eks').sign({
    method: 'GET',
    protocol: 'https:',
    hostname,
    port: Number(port),
    path: `/clusters/${name}`,
    headers: { host },
  });
  return ask(`${sandbox.endpoint}/clusters/${name}`, signed.headers);
}

describe('EKS', () => {
  it('tells a role with the grant where a cluster is, and no other', async () => {
    const answer = await describeCluster(await assume('eks-reader'), 'prod');
    const { cluster } = JSON.parse(answer.body);
    expect(cluster).toMatchObject({ name: 'prod', status: 'ACTIVE', endpoint: sandbox.clusters.prod.server });
    expect(Buffer.from(cluster.certificateAuthority.data, 'base64').toString()).toBe(
      readFileSync(sandbox.caBundle, 'utf8'),
    );
    expect((await describeCluster(await assume('eks-stranger'), 'prod')).status).toBe(403);
    expect((await describeCluster(await assume('eks-reader'), 'staging')).status).toBe(403);
  });

  it('lets a role in by its access entry, with its groups only', async () => {
    const reader = await assume('eks-reader');
    expect(await read(await token(reader))).toBe(200);
    expect(await read(await token(reader), '/api/v1/secrets')).toBe(403);
    expect(await read(await token(reader), '/apis')).toBe(200);
    expect(await read(await token(await assume('eks-stranger')))).toBe(401);
    const said = await ask(`${sandbox.clusters.prod.server}/api/v1/secrets`, {
      authorization: `Bearer ${await token(reader)}`,
    });
    expect(JSON.parse(said.body).message).toContain(
      `User "arn:aws:sts::${sandbox.account}:assumed-role/eks-reader/someone" cannot list`,
    );
  });

  it('refuses every token that is not as it must be', async () => {
    const reader = await assume('eks-reader');
    const good = await token(reader);
    expect(await read(good)).toBe(200);
    const wrong: Readonly<Record<string, string>> = {
      'another cluster': await token(reader, { cluster: 'staging' }),
      'an unsigned cluster': await token(reader, { signsCluster: false }),
      'another host': await token(reader, { host: 'sts.evil.example' }),
      'another path': await token(reader, { path: '/more' }),
      'another action': await token(reader, { action: 'GetSessionToken' }),
      'no TLS': await token(reader, { protocol: 'http' }),
      old: await token(reader, { date: new Date(Date.now() - 20 * 60_000) }),
      'a changed signature': await token({ ...reader, SecretAccessKey: 'x'.repeat(40) }),
      'no token at all': 'k8s-aws-v1.%%%',
    };
    for (const [what, bad] of Object.entries(wrong)) expect([what, await read(bad)]).toEqual([what, 401]);
  });
});

describe('access entries of a template', () => {
  const entry = (properties: object) => ({
    Resources: { Entry: { Type: 'AWS::EKS::AccessEntry', Properties: properties } },
  });
  const principal = () => `arn:aws:iam::${sandbox.account}:role/eks-stranger`;

  it('are refused as AWS refuses them', async () => {
    const bad: readonly (readonly [string, object])[] = [
      ['system:', { ClusterName: 'prod', PrincipalArn: principal(), KubernetesGroups: ['system:masters'] }],
      ['extraneous key', { ClusterName: 'prod', PrincipalArn: principal(), Groups: [] }],
      ['No cluster found', { ClusterName: 'none', PrincipalArn: principal() }],
      ['already', { ClusterName: 'prod', PrincipalArn: `arn:aws:iam::${sandbox.account}:role/eks-reader` }],
      ['principalArn', { ClusterName: 'prod', PrincipalArn: 'somebody' }],
    ];
    for (const [index, [why, properties]] of bad.entries()) {
      expect(await deploy(`bad-${index}`, entry(properties))).toContain('ROLLBACK');
      const { StackEvents = [] } = await stacks.send(new DescribeStackEventsCommand({ StackName: `bad-${index}` }));
      expect(StackEvents.map((event) => event.ResourceStatusReason ?? '').join('\n')).toContain(why);
    }
  });

  it('are changed and taken away', async () => {
    const properties = { ClusterName: 'prod', PrincipalArn: principal(), KubernetesGroups: ['others'] };
    expect(await deploy('entry', entry(properties))).toBe('CREATE_COMPLETE');
    expect(await read(await token(await assume('eks-stranger')))).toBe(403);
    expect(await deploy('entry', entry({ ...properties, KubernetesGroups: ['plumbline'] }), true)).toBe(
      'UPDATE_COMPLETE',
    );
    expect(await read(await token(await assume('eks-stranger')))).toBe(200);
    await stacks.send(new DeleteStackCommand({ StackName: 'entry' }));
    const stranger = await token(await assume('eks-stranger'));
    await until('the entry is gone', 20, async () => ((await read(stranger)) === 401 ? true : null));
  });
});

describe('functions', () => {
  const lambda = () => new LambdaClient(owner);

  it('find the programs of their layers, and none of this machine; a VPC is taken', async () => {
    const { Payload } = await lambda().send(new InvokeCommand({ FunctionName: 'eks-tools' }));
    const answer = JSON.parse(new TextDecoder().decode(Payload));
    expect(answer).toMatchObject({ hello: 'hello from the layer', terraform: 'ENOENT' });
  });

  it('pass a failure on at once: thrown, crashed or timed out', async () => {
    const logs = new CloudWatchLogsClient(owner);
    const told = async (): Promise<readonly string[]> => {
      const found = await logs
        .send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/eks-told' }))
        .catch(() => null);
      return (found?.events ?? []).flatMap(({ message }) => (message?.includes('TOLD ') ? [message] : []));
    };
    for (const [index, how] of ['throw', 'crash', 'slow'].entries()) {
      await lambda().send(
        new InvokeCommand({ FunctionName: 'eks-bad', InvocationType: 'Event', Payload: JSON.stringify({ how }) }),
      );
      const messages = await until(`the failure of ${how} is told`, 20, async () => {
        const now = await told();
        return now.length > index ? now : null;
      });
      const event = JSON.parse(
        (messages.find((message) => message.includes(`"how":"${how}"`)) ?? '').split('TOLD ')[1] ?? '{}',
      );
      expect(event).toMatchObject({
        requestPayload: { how },
        requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 1 },
        responsePayload: { errorType: ['Error', 'Runtime.ExitError', 'Sandbox.Timedout'][index] },
      });
    }
    await lambda().send(new InvokeCommand({ FunctionName: 'eks-silent', InvocationType: 'Event', Payload: '{}' }));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await told()).toHaveLength(3);
  });
});
