import { CloudWatchClient, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeClusterCommand, EKSClient, ListClustersCommand } from '@aws-sdk/client-eks';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { expect } from 'vitest';
import { targetKey } from '#drift/fingerprint.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { allowedOf, type Credentials } from './attacks.ts';
import { PLANTED, plantSecrets, spellings } from './kubernetes-secrets.ts';
import type { KubernetesWorld } from './kubernetes-world.ts';

/** Credentials as they lie in the process of a function: whoever breaks into it has them. */
function stolenFrom(world: KubernetesWorld, functionName: string): Credentials {
  const [env] = world.processesOf(functionName).values();
  const [id, key, token] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].map((one) => env?.[one]);
  if (id === undefined || key === undefined || token === undefined) throw new Error(`${functionName} has no process`);
  return { accessKeyId: id, secretAccessKey: key, sessionToken: token };
}

const fingerprintSecret = (world: KubernetesWorld): string => {
  const [env] = world.processesOf(world.names.dispatch).values();
  const name = env?.[FUNCTION_ENV.fingerprintSecret];
  if (name === undefined) throw new Error('dispatch knows no fingerprint secret');
  return name;
};

/** What both roles can do, tried with credentials that a thief would have. */
export async function rightsAsDeployed(world: KubernetesWorld): Promise<void> {
  const { bucket } = world.service;
  const roleArn = (name: string): string => `arn:aws:iam::${world.sandbox.account}:role/${name}`;
  const assume = (credentials: Credentials, name: string) =>
    new STSClient({ ...world.owner, credentials }).send(
      new AssumeRoleCommand({ RoleArn: roleArn(name), RoleSessionName: 'thief' }),
    );
  const attempts = (credentials: Credentials) => {
    const as = { ...world.owner, credentials };
    const [s3, secrets, eks] = [new S3Client(as), new SecretsManagerClient(as), new EKSClient(as)];
    const secret = (SecretId: string) => secrets.send(new GetSecretValueCommand({ SecretId }));
    const read = (Key: string) => s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const write = (Key: string, more = {}) =>
      s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '{}', ...more }));
    return {
      'write a state': () => write('state/prod/shop.json'),
      'write a report': () => write('runs/prod/shop/2026/01/01/x/report.json'),
      'write to an inbox': () => write('inbox/kubernetes/x/report.json', { IfNoneMatch: '*' }),
      'read a state': () => read('state/prod/shop.json'),
      'list tickets': () => s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'tickets/' })),
      'read the fingerprint secret': () => secret(fingerprintSecret(world)),
      "read another environment's kubeconfig": () => secret('acme/kubeconfig'),
      'read the token of git': () => secret('git/token'),
      "take its environment's role": () => assume(credentials, 'e2e-staging-kubernetes'),
      "take another environment's role": () => assume(credentials, 'e2e-prod-kubernetes'),
      'call dispatch': () =>
        new LambdaClient(as).send(new InvokeCommand({ FunctionName: world.names.dispatch, InvocationType: 'Event' })),
      'describe its cluster': () => eks.send(new DescribeClusterCommand({ name: 'staging' })),
      'describe another cluster': () => eks.send(new DescribeClusterCommand({ name: 'prod' })),
      'list clusters': () => eks.send(new ListClustersCommand({})),
    };
  };
  const allowed = (credentials: Credentials) => allowedOf(attempts(credentials));
  const ofFunction = stolenFrom(world, 'plumbline-kubernetes-staging');
  expect(await allowed(ofFunction)).toEqual(['read the token of git', "take its environment's role"]);
  const { Credentials: taken } = await assume(ofFunction, 'e2e-staging-kubernetes');
  const ofRole = {
    accessKeyId: taken?.AccessKeyId ?? '',
    secretAccessKey: taken?.SecretAccessKey ?? '',
    sessionToken: taken?.SessionToken ?? '',
  };
  expect(await allowed(ofRole)).toEqual(['describe its cluster']);
}

/** Looks for every planted value, and for what opens doors, in all that the service left anywhere. */
export async function secretsStayHidden(world: KubernetesWorld): Promise<void> {
  const { prod, staging } = world.sandbox.clusters;
  const events = await listen(world);
  await Promise.all([prod, staging].map(plantSecrets));
  const raw = await prod.kubectl('--namespace=vault', 'get', 'secrets,deployments', '--output=json');
  for (const name of Object.keys(PLANTED).filter((one) => /Live|Before|orphan|annotation/.test(one))) {
    const value = PLANTED[name as keyof typeof PLANTED];
    expect(
      spellings(value).some((spelling) => raw.includes(spelling)),
      `${name} in the raw list`,
    ).toBe(true);
  }
  for (const target of ['prod/vault', 'kept/vault']) {
    const report = await world.check(target);
    const subjects = new Set(report.findings.map(({ subject }) => subject));
    expect([report.verdict, [...subjects].sort()], report.reason).toEqual([
      'drifted',
      ['Deployment/vault/app', 'Secret/vault/db', 'Secret/vault/stray'],
    ]);
    await world.paged(`plumbline ${target} drift`);
  }

  const master = await new SecretsManagerClient(world.owner).send(
    new GetSecretValueCommand({ SecretId: fingerprintSecret(world) }),
  );
  const key = master.SecretString ?? '';
  const doors = {
    'the fingerprint key': key,
    ...Object.fromEntries(
      ['prod/vault', 'kept/vault', 'prod/shop'].map((one) => [`key of ${one}`, targetKey(key, one)]),
    ),
    ...Object.fromEntries(
      ['plumbline-kubernetes-prod', world.names.dispatch].flatMap((one) => {
        const { secretAccessKey, sessionToken } = stolenFrom(world, one);
        return [
          [`key of ${one}`, secretAccessKey],
          [`session of ${one}`, sessionToken],
        ];
      }),
    ),
  };
  const found = new Map([...(await world.artefacts()), ...(await events()), await metrics(world)]);
  expect([...found.keys()].filter((one) => one.startsWith('tickets/'))).toEqual([]);
  expect([...found.keys()].filter((one) => /\/vault\/.*report\.(json|html)$/.test(one))).toHaveLength(4);
  expect(found.get('runs')).toBeUndefined();
  expect(found.get('the events')).toContain('Drift Opened');
  expect([...found.values()].join('')).toContain('(sensitive)');
  for (const [where, text] of found) {
    for (const [what, value] of Object.entries({ ...PLANTED, ...doors })) {
      const seen = spellings(value).filter((spelling) => text.includes(spelling));
      expect(seen, `${what} in ${where}`).toEqual([]);
    }
    expect(text, `an EKS token in ${where}`).not.toMatch(/k8s-aws-v1\./);
    expect(text, `a signed address in ${where}`).not.toMatch(/X-Amz-(Signature|Security-Token)/i);
  }
}

/** Keeps what goes over the bus from now on. @returns all of it */
async function listen(world: KubernetesWorld): Promise<() => Promise<ReadonlyMap<string, string>>> {
  const [sqs, bus] = [new SQSClient(world.owner), new EventBridgeClient(world.owner)];
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'ears' }));
  const Arn = `arn:aws:sqs:${world.sandbox.region}:${world.sandbox.account}:ears`;
  await bus.send(new PutRuleCommand({ Name: 'ears', EventPattern: JSON.stringify({ source: ['plumbline'] }) }));
  await bus.send(new PutTargetsCommand({ Rule: 'ears', Targets: [{ Id: 'ears', Arn }] }));
  return async () => {
    const texts: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return new Map([['the events', texts.join('\n')]]);
      texts.push(...Messages.map(({ Body }) => Body ?? ''));
    }
  };
}

async function metrics(world: KubernetesWorld): Promise<readonly [string, string]> {
  const { Metrics } = await new CloudWatchClient(world.owner).send(new ListMetricsCommand({}));
  const text = JSON.stringify(Metrics);
  expect(text).toContain('prod/vault');
  return ['the metrics', text];
}
