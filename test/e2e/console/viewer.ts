import { CloudWatchClient, GetDashboardCommand } from '@aws-sdk/client-cloudwatch';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import * as z from 'zod';
import { ownerOf } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';
import type { CallFunction } from './console.ts';

const bodySchema = z.object({
  widgets: z.array(z.object({ properties: z.object({ endpoint: z.string().optional() }) })),
});

export interface Person {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** ARN of the function that a deployed dashboard has its table from. */
export async function tableOf(sandbox: Sandbox, name: string): Promise<string> {
  const found = await new CloudWatchClient(ownerOf(sandbox)).send(new GetDashboardCommand({ DashboardName: name }));
  const { widgets } = bodySchema.parse(JSON.parse(found.DashboardBody ?? ''));
  const [endpoint, ...others] = widgets.flatMap(({ properties }) => properties.endpoint ?? []);
  if (endpoint === undefined || others.length > 0) throw new Error(`${name} must have one custom widget`);
  return endpoint;
}

/** Credentials of a person whose role may invoke these functions and nothing else. */
export async function personOf(sandbox: Sandbox, RoleName: string, functions: readonly string[]): Promise<Person> {
  const owner = ownerOf(sandbox);
  const iam = new IAMClient(owner);
  const root = `arn:aws:iam::${sandbox.account}:root`;
  const policy = (...Statement: readonly object[]): string => JSON.stringify({ Version: '2012-10-17', Statement });
  const AssumeRolePolicyDocument = policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: root } });
  const made = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const PolicyDocument = policy({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functions });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'dashboard', PolicyDocument }));
  const assume = new AssumeRoleCommand({ RoleArn: made.Role?.Arn, RoleSessionName: 'alice' });
  const { Credentials: taken } = await new STSClient(owner).send(assume);
  return {
    accessKeyId: taken?.AccessKeyId ?? '',
    secretAccessKey: taken?.SecretAccessKey ?? '',
    sessionToken: taken?.SessionToken ?? '',
  };
}

/** Calls functions as a person whose role may invoke these and nothing else. */
export async function viewerOf(sandbox: Sandbox, role: string, functions: readonly string[]): Promise<CallFunction> {
  return callerOf(sandbox, await personOf(sandbox, role, functions));
}

/** Calls functions with a person's credentials. */
export function callerOf(sandbox: Sandbox, credentials: Person): CallFunction {
  const lambda = new LambdaClient({ ...ownerOf(sandbox), credentials });
  return async (FunctionName, event) => {
    const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) }));
    const text = Buffer.from(answer.Payload ?? []).toString('utf8');
    if (answer.FunctionError !== undefined) throw new Error(text);
    return JSON.parse(text);
  };
}
