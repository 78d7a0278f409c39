import { Readable } from 'node:stream';
import { CloudWatchClient, PutMetricDataCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import {
  AccountLimitExceededException,
  BatchGetBuildsCommand,
  CodeBuildClient,
  InvalidInputException,
  StartBuildCommand,
} from '@aws-sdk/client-codebuild';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  InvokeCommand,
  LambdaClient,
  ResourceNotFoundException as NoFunction,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { EVENTS } from '#drift/names.ts';
import { CloudWatch } from '#services/aws/cloudwatch.ts';
import { CodeBuild } from '#services/aws/codebuild.ts';
import { EventBridge } from '#services/aws/eventbridge.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { DeadLetterQueues } from '#services/aws/sqs.ts';
import { ObjectHidden, ObjectTooLarge, SecretError } from '#services/ports.ts';

const AT = new Date('2026-11-24T10:00:00Z');
const metadata = (httpStatusCode: number) => ({ $metadata: { httpStatusCode }, message: 'no' });

describe('S3Store', () => {
  const s3 = mockClient(S3Client);
  const store = new S3Store('bucket');
  beforeEach(() => s3.reset());
  const fault = (name: string, status: number) =>
    new S3ServiceException({ name, $fault: 'client', ...metadata(status) });
  const bodyOf = (text: string) =>
    Object.assign(Readable.from([text]), {
      transformToString: async () => text,
      transformToByteArray: async () => new TextEncoder().encode(text),
      transformToWebStream: () => new Blob([text]).stream(),
    });
  const answer = (text: string, body = bodyOf(text)) => ({
    Body: body,
    ContentLength: Buffer.byteLength(text),
    ETag: '"1"',
  });

  test('reads an object with its version', async () => {
    s3.on(GetObjectCommand, { Bucket: 'bucket', Key: 'state/a.json' }).resolves(answer('{}'));
    expect(await store.read('state/a.json', 10)).toEqual({ text: '{}', etag: '"1"' });
  });

  test('knows that an object is not there', async () => {
    s3.on(GetObjectCommand).rejects(new NoSuchKey(metadata(404)));
    expect(await store.read('state/a.json', 10)).toBeNull();
  });

  test('does not take a missing right for absence', async () => {
    s3.on(GetObjectCommand).rejects(fault('AccessDenied', 403));
    const read = store.read('state/a.json', 10);
    await expect(read).rejects.toThrow('may not read s3://bucket/state/a.json, or it is not there');
    await expect(read).rejects.toThrow(ObjectHidden);
  });

  test('refuses a large object before it reads any of it', async () => {
    const body = bodyOf('12345678901');
    s3.on(GetObjectCommand).resolves(answer('12345678901', body));
    await expect(store.read('state/a.json', 10)).rejects.toThrow(ObjectTooLarge);
    expect(body.destroyed).toBe(true);
    expect(body.readableDidRead).toBe(false);
  });

  test('creates only what is not there, and says when it is', async () => {
    s3.on(PutObjectCommand).resolvesOnce({}).rejects(fault('PreconditionFailed', 412));
    expect(await store.create('runs/a', '1', 'application/json')).toBe(true);
    expect(await store.create('runs/a', '1', 'application/json')).toBe(false);
    for (const call of s3.commandCalls(PutObjectCommand)) expect(call.args[0].input.IfNoneMatch).toBe('*');
  });

  test('tries again while another write of the key is under way', async () => {
    const busy = fault('ConditionalRequestConflict', 409);
    s3.on(PutObjectCommand).rejectsOnce(busy).rejectsOnce(busy).resolves({});
    expect(await store.create('runs/a', '1', 'application/json')).toBe(true);
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(3);
  });

  test('gives way in the end', async () => {
    s3.on(PutObjectCommand).rejects(fault('ConditionalRequestConflict', 409));
    expect(await store.replace('queue/a', '1', 'application/json', '"1"')).toBe(false);
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(5);
  });

  test.each([
    ['another version is there', fault('PreconditionFailed', 412)],
    ['it was deleted', new NoSuchKey(metadata(404))],
  ])('does not replace when %s', async (_, error) => {
    s3.on(PutObjectCommand).rejects(error);
    expect(await store.replace('queue/a', '1', 'application/json', '"1"')).toBe(false);
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input.IfMatch).toBe('"1"');
  });

  test('replaces nothing by creating', async () => {
    s3.on(PutObjectCommand).resolves({});
    expect(await store.replace('queue/a', '1', 'application/json', null)).toBe(true);
    expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toMatchObject({ IfNoneMatch: '*' });
  });

  test('names what may not be written, and throws on what it cannot explain', async () => {
    s3.on(PutObjectCommand).rejectsOnce(fault('AccessDenied', 403)).rejects(fault('InternalError', 500));
    await expect(store.put('runs/a', '1', 'application/json')).rejects.toThrow('may not write s3://bucket/runs/a');
    await expect(store.create('runs/a', '1', 'application/json')).rejects.toThrow(S3ServiceException);
  });
});

describe('CodeBuild', () => {
  const codebuild = mockClient(CodeBuildClient);
  const builds = new CodeBuild();
  beforeEach(() => codebuild.reset());
  const request = { project: 'p', token: 'run-1', timeoutMinutes: 35, environment: { TARGET: 'prod/a' } };
  const arn = 'arn:aws:codebuild:eu-west-1:111111111111:build/p:1';

  test('starts a build with its variables, once per token', async () => {
    codebuild.on(StartBuildCommand).resolves({ build: { arn } });
    expect(await builds.start(request)).toEqual({ build: arn });
    expect(codebuild.commandCalls(StartBuildCommand)[0]?.args[0].input).toEqual({
      projectName: 'p',
      idempotencyToken: 'run-1',
      timeoutInMinutesOverride: 35,
      environmentVariablesOverride: [{ name: 'TARGET', value: 'prod/a', type: 'PLAINTEXT' }],
    });
  });

  test('says when there is no room', async () => {
    const message = 'Cannot have more than 0 builds in queue for the account';
    codebuild.on(StartBuildCommand).rejects(new AccountLimitExceededException({ ...metadata(400), message }));
    expect(await builds.start(request)).toEqual({ throttled: `CodeBuild has no room for p: ${message}` });
  });

  test('throws on what waiting does not mend', async () => {
    codebuild.on(StartBuildCommand).rejects(new InvalidInputException(metadata(400)));
    await expect(builds.start(request)).rejects.toThrow(InvalidInputException);
  });

  test.each([
    [
      { buildComplete: false, buildStatus: 'IN_PROGRESS' },
      { ended: false, status: 'IN_PROGRESS', log: null },
    ],
    [
      { buildComplete: true, buildStatus: 'TIMED_OUT', logs: { deepLink: 'https://log' } },
      { ended: true, status: 'TIMED_OUT', log: 'https://log' },
    ],
  ] as const)('tells how a build is: %j', async (build, state) => {
    codebuild.on(BatchGetBuildsCommand, { ids: [arn] }).resolves({ builds: [{ arn, ...build }] });
    expect(await builds.describe(arn)).toEqual(state);
  });

  test('knows when a build is forgotten', async () => {
    codebuild.on(BatchGetBuildsCommand).resolves({ builds: [], buildsNotFound: [arn] });
    expect(await builds.describe(arn)).toBeNull();
  });
});

describe('CloudWatch', () => {
  const cloudwatch = mockClient(CloudWatchClient);
  beforeEach(() => cloudwatch.reset());

  test('publishes a thousand metrics a call, each with its own target', async () => {
    cloudwatch.on(PutMetricDataCommand).resolves({});
    const data = Array.from({ length: 1001 }, (_, index) => ({ name: 'Drift', target: `prod/${index}`, value: index }));
    await new CloudWatch().publish([...data, { name: 'Heartbeat', value: 1 }], AT);
    const calls = cloudwatch.commandCalls(PutMetricDataCommand).map((call) => call.args[0].input.MetricData ?? []);
    expect(calls.map((call) => call.length)).toEqual([1000, 2]);
    expect(calls[1]).toEqual([
      {
        MetricName: 'Drift',
        Dimensions: [{ Name: 'Target', Value: 'prod/1000' }],
        Timestamp: AT,
        Value: 1000,
        Unit: 'Count',
      },
      { MetricName: 'Heartbeat', Dimensions: [], Timestamp: AT, Value: 1, Unit: 'Count' },
    ]);
  });

  test('resets an alarm with a reason as long as AWS takes', async () => {
    cloudwatch.on(SetAlarmStateCommand).resolves({});
    await new CloudWatch().reset('plumbline prod/a drift', 'x'.repeat(2000));
    const input = cloudwatch.commandCalls(SetAlarmStateCommand)[0]?.args[0].input;
    expect(input).toMatchObject({ AlarmName: 'plumbline prod/a drift', StateValue: 'OK' });
    expect(input?.StateReason).toHaveLength(1023);
  });
});

describe('EventBridge', () => {
  const bus = mockClient(EventBridgeClient);
  beforeEach(() => bus.reset());
  const events = Array.from({ length: 11 }, (_, index) => ({ name: EVENTS.driftOpened, detail: { index } }));

  test('announces ten events a call', async () => {
    bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
    await new EventBridge().announce(events, AT);
    const calls = bus.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries ?? []);
    expect(calls.map((call) => call.length)).toEqual([10, 1]);
    expect(calls[1]).toEqual([{ Source: 'plumbline', DetailType: 'Drift Opened', Detail: '{"index":10}', Time: AT }]);
  });

  test('throws when one was not taken, although the call succeeded', async () => {
    const refused = { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' };
    bus.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ EventId: '1' }, refused] });
    await expect(new EventBridge().announce(events.slice(0, 2), AT)).rejects.toThrow(
      '1 of 2 events were not taken: ThrottlingException slow down',
    );
  });
});

describe('LambdaFunctions', () => {
  const lambda = mockClient(LambdaClient);
  beforeEach(() => lambda.reset());

  test('sends an event and does not wait', async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
    await new LambdaFunctions().send('plumbline-record', { a: 1 });
    const input = lambda.commandCalls(InvokeCommand)[0]?.args[0].input;
    expect(input).toEqual({
      FunctionName: 'plumbline-record',
      InvocationType: 'Event',
      Payload: Buffer.from('{"a":1}'),
    });
  });

  test('throws when the event was not taken', async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 200 });
    await expect(new LambdaFunctions().send('plumbline-record', {})).rejects.toThrow('status 200');
  });

  test('lets what is to be started wait when there is no room, and that alone', async () => {
    const functions = new LambdaFunctions();
    lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
    expect(await functions.start('plumbline-kubernetes-prod', {})).toBeNull();
    lambda.on(InvokeCommand).rejects(new TooManyRequestsException(metadata(429)));
    expect(await functions.start('plumbline-kubernetes-prod', {})).toEqual({
      throttled: 'Lambda has no room for plumbline-kubernetes-prod: no',
    });
    lambda.on(InvokeCommand).rejects(new NoFunction({ ...metadata(404) }));
    await expect(functions.start('plumbline-kubernetes-prod', {})).rejects.toThrow(NoFunction);
  });
});

describe('AwsSecrets', () => {
  const secrets = mockClient(SecretsManagerClient);
  const parameters = mockClient(SSMClient);
  beforeEach(() => {
    secrets.reset();
    parameters.reset();
  });
  const denied = Object.assign(new Error('User: arn:… is not authorized'), { name: 'AccessDeniedException' });

  test('reads secrets, and parameters decrypted', async () => {
    secrets.on(GetSecretValueCommand, { SecretId: 'a' }).resolves({ SecretString: 's' });
    parameters.on(GetParameterCommand, { Name: '/b', WithDecryption: true }).resolves({ Parameter: { Value: 'p' } });
    expect(await new AwsSecrets().read({ secret: 'a' })).toBe('s');
    expect(await new AwsSecrets().read({ parameter: '/b' })).toBe('p');
  });

  test.each([
    ['missing', new ResourceNotFoundException(metadata(400)), /there is no secret a .*: create it/],
    ['not readable', denied, /the secret a may not be read by this role/],
  ])('names a secret that is %s', async (_, error, message) => {
    secrets.on(GetSecretValueCommand).rejects(error);
    await expect(new AwsSecrets().read({ secret: 'a' })).rejects.toThrow(message);
    await expect(new AwsSecrets().read({ secret: 'a' })).rejects.toBeInstanceOf(SecretError);
  });

  test('names a secret that holds no text', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });
    await expect(new AwsSecrets().read({ secret: 'a' })).rejects.toThrow('the secret a holds no text');
  });

  test.each([
    ['missing', new ParameterNotFound(metadata(400)), /there is no SSM parameter \/b: create it/],
    ['not readable', denied, /the SSM parameter \/b may not be read by this role/],
  ])('names a parameter that is %s', async (_, error, message) => {
    parameters.on(GetParameterCommand).rejects(error);
    await expect(new AwsSecrets().read({ parameter: '/b' })).rejects.toThrow(message);
  });

  test('throws on what it cannot explain', async () => {
    secrets.on(GetSecretValueCommand).rejects(new Error('boom'));
    await expect(new AwsSecrets().read({ secret: 'a' })).rejects.toThrow('boom');
    await expect(new AwsSecrets().read({ secret: 'a' })).rejects.not.toBeInstanceOf(SecretError);
  });
});

describe('DeadLetterQueues', () => {
  const sqs = mockClient(SQSClient);
  beforeEach(() => sqs.reset());
  const url = 'https://sqs.eu-west-1.amazonaws.com/111111111111/dead';

  test('counts what lies in each queue', async () => {
    sqs.on(GetQueueAttributesCommand, { QueueUrl: url }).resolves({ Attributes: { ApproximateNumberOfMessages: '3' } });
    expect(await new DeadLetterQueues([url]).depths()).toEqual([{ queue: 'dead', messages: 3 }]);
  });

  test('does not take silence for emptiness', async () => {
    sqs.on(GetQueueAttributesCommand).resolves({});
    await expect(new DeadLetterQueues([url]).depths()).rejects.toThrow('did not tell how many messages');
  });
});
