import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { CodeBuildClient } from '@aws-sdk/client-codebuild';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { functionProblem } from '#drift/function-failure.ts';
import { DEPLOYED_CONFIG_FILE, FUNCTION_ENV } from '#drift/names.ts';
import { statusSchema } from '#drift/overview.ts';
import { NO_RULES } from '#drift/rules/rule.ts';
import type { DeployedConfig } from '#drift/target.ts';
import { TARGET } from '../runs/world.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-task-'));
const config: DeployedConfig = {
  hash: '0'.repeat(64),
  commit: null,
  sources: [],
  environments: [TARGET.environment],
  targets: [{ ...TARGET, enabled: false }],
  notify: {},
  rules: NO_RULES,
};
const environment = {
  LAMBDA_TASK_ROOT: folder,
  AWS_REGION: 'eu-west-1',
  POWERTOOLS_DEV: 'true',
  [FUNCTION_ENV.bucket]: 'bucket',
  [FUNCTION_ENV.fingerprintSecret]: 'arn:fingerprint',
  [FUNCTION_ENV.recordFunction]: 'plumbline-record',
  [FUNCTION_ENV.dispatchFunction]: 'plumbline-dispatch',
  [FUNCTION_ENV.buildRoles]: '{"plumbline-terraform-prod":"AROAEXAMPLE"}',
  [FUNCTION_ENV.deadLetterQueues]: 'https://sqs.eu-west-1.amazonaws.com/111111111111/dead',
};
const RUN_ID = '20261124T100000000Z-0123456789abcdef';
const TICKET = 'c0ffee00c0ffee00c0ffee00';
const ARN = 'arn:aws:codebuild:eu-west-1:111111111111:build/plumbline-terraform-prod:6a1e0f2c';

const s3 = mockClient(S3Client);
const cloudwatch = mockClient(CloudWatchClient);
const lambda = mockClient(LambdaClient);
const sqs = mockClient(SQSClient);
const mocks = [
  s3,
  cloudwatch,
  lambda,
  sqs,
  mockClient(CodeBuildClient),
  mockClient(EventBridgeClient),
  mockClient(SecretsManagerClient),
];
const context = {
  functionName: 'f',
  awsRequestId: 'r',
  invokedFunctionArn: 'a',
  getRemainingTimeInMillis: () => 240_000,
} as Context;

/** The exported handler, loaded as in a cold Lambda. */
async function invoke(
  name: 'dispatch' | 'record' | 'sweep' | 'widget' | 'rerun' | 'kube-diff',
  event: unknown,
): Promise<unknown> {
  vi.resetModules();
  const { handler } = await import(`../../../functions/${name}.ts`);
  return handler(event, context);
}

beforeAll(() => {
  writeFileSync(path.join(folder, DEPLOYED_CONFIG_FILE), JSON.stringify(config));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lines: string[] = [];
beforeEach(() => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  for (const mock of mocks) mock.reset();
  s3.on(GetObjectCommand).rejects(new NoSuchKey({ $metadata: { httpStatusCode: 404 }, message: 'no' }));
  lines.length = 0;
  for (const level of ['info', 'warn', 'error', 'log'] as const) {
    vi.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(String(line)));
  }
});

describe('dispatch', () => {
  test('answers with one sentence, and logs it as one JSON line with the target', async () => {
    const answer = await invoke('dispatch', { target: 'prod/network', trigger: 'manual', ticket: 'not ours' });
    expect(answer).toEqual({ runId: null, sentence: 'prod/network is paused (enabled: false)' });
    const logged = lines.map((line) => JSON.parse(line)).filter(({ message }) => message === 'answered');
    expect(logged).toEqual([expect.objectContaining({ level: 'INFO', target: 'prod/network', answer })]);
    expect(lines.join()).not.toContain('not ours');
  });

  test.each([
    ['no target', { trigger: 'manual' }, /this event cannot be read: .*target/s],
    ['a trigger that does not exist', { target: 'prod/network', trigger: 'whim' }, /trigger/],
    ['a time that is none', { target: 'prod/network', trigger: 'schedule', at: 'noon' }, /at/],
    ['a name without end', { target: 'x'.repeat(201), trigger: 'manual' }, /target/],
    ['nothing', null, /this event cannot be read/],
  ])('refuses an event with %s: it fails, so that the dead-letter queue sees it', async (_, event, message) => {
    await expect(invoke('dispatch', event)).rejects.toThrow(message);
    expect(lines.map((line) => JSON.parse(line).message)).toContain('failed');
  });

  test('does not start when its deployment is broken, and names what is missing', async () => {
    vi.stubEnv(FUNCTION_ENV.recordFunction, '');
    await expect(invoke('dispatch', {})).rejects.toThrow('PLUMBLINE_RECORD_FUNCTION is not set');
  });
});

describe('record', () => {
  const build = (status: string, variables: readonly { name: string; value?: string; type?: string }[]) => ({
    version: '0',
    source: 'aws.codebuild',
    'detail-type': 'CodeBuild Build State Change',
    detail: {
      'build-status': status,
      'project-name': 'plumbline-terraform-prod',
      'build-id': ARN,
      'additional-information': {
        environment: { image: 'aws/codebuild/standard:8.0', 'environment-variables': variables },
        logs: { 'group-name': 'g', 'deep-link': 'https://log' },
        'build-start-time': 'Nov 24, 2026 10:00:00 AM',
        phases: [],
      },
    },
  });
  const ours = [
    { name: 'TARGET', value: 'prod/network', type: 'PLAINTEXT' },
    { name: 'RUN_ID', value: RUN_ID, type: 'PLAINTEXT' },
  ];

  test('takes CodeBuild’s event, and looks for the run that it names', async () => {
    const answer = await invoke('record', build('FAILED', ours));
    expect(answer).toBe(`nobody asked for a run ${RUN_ID} of prod/network: not judged`);
    const keys = s3.commandCalls(GetObjectCommand).map((call) => call.args[0].input.Key);
    expect(keys).toEqual([`runs/prod/network/2026/11/24/${RUN_ID}/run.json`]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ target: 'prod/network', runId: RUN_ID });
  });

  test('takes the word of dispatch and sweep', async () => {
    const ended = { target: 'prod/network', runId: RUN_ID, build: null, failure: 'git did not answer' };
    expect(await invoke('record', { source: 'plumbline', ended })).toMatch(/nobody asked for a run/);
  });

  test('takes Lambda’s word for a function that failed', async () => {
    const requestPayload = { target: 'prod/network', runId: RUN_ID, ticket: TICKET };
    const requestContext = { condition: 'RetriesExhausted' };
    const answer = await invoke('record', { requestContext, requestPayload, responsePayload: null });
    expect(answer).toMatch(/nobody asked for a run/);
    expect(lines.join()).not.toContain(TICKET);
  });

  test.each([
    ['a build that nobody asked for', build('SUCCEEDED', []), /was started by hand, for no run: not judged/],
    [
      'a run id that is none',
      build('SUCCEEDED', [
        { name: 'TARGET', value: 'a' },
        { name: 'RUN_ID', value: '../x' },
      ]),
      /by hand/,
    ],
    ['a build that goes on', build('IN_PROGRESS', ours), /has not ended/],
  ])('judges nothing for %s', async (_, event, answer) => {
    expect(await invoke('record', event)).toMatch(answer);
    expect(s3.calls()).toEqual([]);
  });

  test.each([
    ['another source', { source: 'aws.s3', detail: {} }],
    ['no build', { source: 'aws.codebuild', detail: {} }],
    ['no run id', { source: 'plumbline', ended: { target: 'a', runId: 'b', build: null, failure: null } }],
  ])('refuses an event with %s', async (_, event) => {
    await expect(invoke('record', event)).rejects.toThrow('this event cannot be read');
  });

  test('passes on what it cannot explain', async () => {
    s3.on(GetObjectCommand).rejects(new Error('S3 is down'));
    await expect(invoke('record', build('SUCCEEDED', ours))).rejects.toThrow('S3 is down');
    const failed = lines.map((line) => JSON.parse(line)).find(({ message }) => message === 'failed');
    expect(failed).toMatchObject({ level: 'ERROR', runId: RUN_ID, error: { message: 'S3 is down' } });
  });
});

describe('kube-diff', () => {
  const asked = { target: 'prod/shop', runId: RUN_ID, ticket: TICKET };

  test('reads its ticket, and says that it is gone: to the log, to the caller, and to record', async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
    expect(await invoke('kube-diff', asked)).toMatch(/^the ticket is gone/);
    const read = s3.commandCalls(GetObjectCommand).map((call) => call.args[0].input.Key);
    expect(read).toEqual([`tickets/${TICKET}.json`]);
    const [told, ...others] = lambda.commandCalls(InvokeCommand).map((call) => call.args[0].input);
    expect(others).toEqual([]);
    expect(told).toMatchObject({ FunctionName: 'plumbline-record', InvocationType: 'Event' });
    expect(JSON.parse(new TextDecoder().decode(told?.Payload as Uint8Array))).toMatchObject({ ended: asked });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ target: 'prod/shop', runId: RUN_ID });
    expect(lines.join()).not.toContain(TICKET);
  });

  test('fails with a ticket that cannot be read, and does not tell its name', async () => {
    s3.on(GetObjectCommand).rejects(new Error(`tickets/${TICKET}.json: S3 is down`));
    await expect(invoke('kube-diff', asked)).rejects.toThrow('the ticket cannot be read (Error)');
    expect(lines.map((line) => JSON.parse(line).message)).toContain('failed');
    expect(lines.join()).not.toContain(TICKET);
    expect(lambda.commandCalls(InvokeCommand)).toEqual([]);
  });

  test('whose time is over fails in words that record understands', async () => {
    s3.on(GetObjectCommand).callsFake(() => new Promise(() => undefined));
    const { handler } = await import('#functions/kube-diff.ts');
    const failed = handler(asked, { ...context, getRemainingTimeInMillis: () => 30 });
    const error: unknown = await failed.catch((caught: unknown) => caught);
    if (!(error instanceof Error)) throw new Error('it did not fail');
    const { name: errorType, message: errorMessage } = error;
    const problem = functionProblem({ condition: 'RetriesExhausted', errorType, errorMessage });
    expect(problem).toMatch(/^the check took longer than 900 s/);
  });

  test.each([
    ['no ticket', { ...asked, ticket: undefined }],
    ['a ticket that leads elsewhere', { ...asked, ticket: '../state/prod/shop' }],
    ['nothing', null],
  ])('refuses an event with %s', async (_, event) => {
    await expect(invoke('kube-diff', event)).rejects.toThrow('this event cannot be read');
    expect(s3.calls()).toEqual([]);
  });
});

describe('rerun', () => {
  const asked = { action: 'rerun', target: 'prod/network' };
  const answers = (runId: string | null, sentence: string): void => {
    const Payload = new TextEncoder().encode(JSON.stringify({ runId, sentence }));
    lambda.on(InvokeCommand).resolves({ StatusCode: 200, Payload: Payload as never });
  };

  test('asks dispatch, waits for its answer, and gives it on with a link', async () => {
    answers(RUN_ID, 'started run');
    const link = `https://eu-west-1.console.aws.amazon.com/s3/object/bucket?region=eu-west-1&prefix=runs/prod/network/2026/11/24/${RUN_ID}/report.html`;
    expect(await invoke('rerun', { ...asked, actor: 'alice', via: 'cli' })).toEqual({
      runs: [{ target: 'prod/network', runId: RUN_ID, sentence: 'started run', link }],
    });
    const [call, ...others] = lambda.commandCalls(InvokeCommand).map((one) => one.args[0].input);
    expect(others).toEqual([]);
    expect([call?.FunctionName, call?.InvocationType]).toEqual(['plumbline-dispatch', undefined]);
    expect(JSON.parse(new TextDecoder().decode(call?.Payload as Uint8Array))).toMatchObject({
      ...{ target: 'prod/network', trigger: 'manual', by: { actor: 'alice', via: 'cli' } },
    });
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ message: 'asked for', target: 'prod/network', by: { actor: 'alice', via: 'cli' } }),
    );
  });

  test('answers the dashboard with HTML that holds nothing of others but text', async () => {
    answers(null, '<img src=x onerror=alert(1)> & <script>\u202e');
    const html = await invoke('rerun', {
      ...asked,
      widgetContext: { theme: 'light', params: { environment: 'prod' } },
    });
    expect(html).toMatch(/^<div class="plumbline"><p>0 of 1 started or joined/);
    expect(html).toContain('&lt;img src=x onerror=alert(1)> &amp; &lt;script>\\u202e');
    expect(html).not.toMatch(/<(img|script)/);
    const [call] = lambda.commandCalls(InvokeCommand).map((one) => one.args[0].input);
    expect(JSON.parse(new TextDecoder().decode(call?.Payload as Uint8Array)).by).toEqual({ via: 'console' });
    expect(await invoke('rerun', { action: 'rerun', stale: true, widgetContext: {} })).toBe(
      '<p>Nothing is stale: nothing was started.</p>',
    );
  });

  test('fails for the runbook when nothing was started, so that its execution does', async () => {
    answers(null, 'prod/network is paused (enabled: false)');
    await expect(invoke('rerun', { ...asked, via: 'runbook' })).rejects.toThrow('prod/network is paused');
    answers(RUN_ID, 'started run');
    expect(await invoke('rerun', { ...asked, via: 'runbook' })).toMatchObject({ runs: [{ runId: RUN_ID }] });
  });

  test.each([
    ['nothing', null],
    ['a request of dispatch’s', { target: 'prod/network', trigger: 'schedule' }],
    ['more than a person may say', { ...asked, by: { delivery: 'x' } }],
    [
      'a widget that a dashboard’s editor made of it',
      { ...asked, widgetContext: { params: asked, forms: { all: {} } } },
    ],
  ])('refuses %s, and asks for nothing', async (_, event) => {
    await expect(invoke('rerun', event)).rejects.toThrow('this event cannot be read');
    expect(lambda.commandCalls(InvokeCommand)).toEqual([]);
  });
});

test('rerun says what to write instead', async () => {
  const hello = { key1: 'value1', key2: 'value2' };
  await expect(invoke('rerun', hello)).rejects.toThrow('write { "action": "rerun", "target": "prod/network" }');
  const short = { action: 'rerun', target: 'prod/network', commit: 'abc' };
  await expect(invoke('rerun', short)).rejects.toThrow('write all 40 hex digits');
});

describe('widget', () => {
  const widgetContext = { theme: 'dark', forms: { all: { environment: 'prod', page: '1' } }, params: {}, width: 588 };

  test('answers the console with HTML in its theme, and writes nothing', async () => {
    const html = await invoke('widget', { widgetContext });
    expect(html).toMatch(/^<div class="plumbline dark">/);
    expect(html).toContain('<option value="prod" selected>');
    expect(html).toContain('1 paused');
    const calls = s3.calls().map(({ args }) => args[0]);
    expect(calls).toHaveLength(2);
    expect(calls.every((command) => command instanceof GetObjectCommand)).toBe(true);
    expect(lines.join()).not.toContain('<div');
  });

  test('answers with JSON for who asks for it', async () => {
    const asked = { format: 'json', targets: ['prod/network', 'prod/nowhere'] };
    const answer = statusSchema.parse(await invoke('widget', asked));
    expect(answer).toMatchObject({ config: { hash: config.hash }, missing: ['prod/nowhere'] });
    expect(answer.targets.map(({ target, verdict }) => [target, verdict])).toEqual([['prod/network', 'paused']]);
    const link =
      'https://eu-west-1.console.aws.amazon.com/s3/object/bucket?region=eu-west-1&prefix=state/prod/network.html';
    expect(answer.targets[0]?.link).toBe(link);
  });

  test('says what it is, and looks at nothing', async () => {
    expect(await invoke('widget', { describe: true })).toEqual({ markdown: expect.stringContaining('# Plumbline') });
    expect(s3.calls()).toEqual([]);
  });

  test.each([
    ['what a form may not hold', { widgetContext: { theme: 7, forms: { all: 'x' } } }],
    [
      'a form without end',
      { widgetContext: { forms: { all: { environment: 'x'.repeat(1e6), page: 'x'.repeat(1e6) } } } },
    ],
    ['nothing', {}],
  ])('takes %s as if nothing was chosen', async (_, event) => {
    const html = await invoke('widget', event);
    expect(html).toContain('1 target: ');
    expect(html).toMatch(/^<div class="plumbline light">/);
  });

  test.each([
    ['more names than a config may have', { format: 'json', targets: Array(2001).fill('a/b') }],
    ['a name without end', { format: 'json', targets: ['x'.repeat(201)] }],
    ['another format', { format: 'xml' }],
    ['no event', null],
  ])('refuses %s', async (_, event) => {
    await expect(invoke('widget', event)).rejects.toThrow(/this event cannot be read/);
    expect(s3.calls()).toEqual([]);
  });
});

describe('sweep', () => {
  test('sends every target’s metrics and its own heartbeat', async () => {
    s3.on(PutObjectCommand).resolves({});
    cloudwatch.on(PutMetricDataCommand).resolves({});
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
    expect(await invoke('sweep', { anything: true })).toBe('swept 1 targets');
    const names = cloudwatch
      .commandCalls(PutMetricDataCommand)
      .flatMap((call) => call.args[0].input.MetricData ?? [])
      .map(({ MetricName }) => MetricName);
    expect(names).toEqual(['Drift', 'Unknown', 'Heartbeat']);
    expect(lambda.commandCalls(InvokeCommand)).toEqual([]);
  });

  test('keeps the heartbeat back, and fails, when it could not look', async () => {
    s3.on(GetObjectCommand).rejects(new Error('S3 is down'));
    cloudwatch.on(PutMetricDataCommand).resolves({});
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
    await expect(invoke('sweep', {})).rejects.toThrow('could not sweep prod/network: no heartbeat');
    const sent = cloudwatch.commandCalls(PutMetricDataCommand).flatMap((call) => call.args[0].input.MetricData ?? []);
    expect(sent.map(({ MetricName, Value }) => `${MetricName} ${Value}`)).toEqual(['Unknown 1']);
  });
});
