import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  StartBuildCommand,
  StopBuildCommand,
} from '@aws-sdk/client-codebuild';
import { ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { pythonTools } from '#sandbox/venv.ts';
import { BUCKET, TEMPLATE } from './sandbox-template.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

let sandbox: Sandbox;
let builds: CodeBuildClient;
let cloudwatch: CloudWatchClient;
let owner: ReturnType<typeof ownerOf>;

beforeAll(async () => {
  sandbox = await startSandbox();
  owner = ownerOf(sandbox);
  builds = new CodeBuildClient(owner);
  cloudwatch = new CloudWatchClient(owner);
  const stacks = new CloudFormationClient(owner);
  await stacks.send(
    new CreateStackCommand({
      StackName: 'test',
      TemplateBody: JSON.stringify(TEMPLATE),
      Capabilities: ['CAPABILITY_IAM'],
    }),
  );
  await until('the stack is there', 60, async () => {
    const [stack] = (await stacks.send(new DescribeStacksCommand({ StackName: 'test' }))).Stacks ?? [];
    if (/ROLLBACK|FAILED/.test(stack?.StackStatus ?? ''))
      throw new Error(`${stack?.StackStatus} ${stack?.StackStatusReason}`);
    return stack?.StackStatus === 'CREATE_COMPLETE' ? true : null;
  });
}, 120_000);

afterAll(() => sandbox?.stop());

const start = async (projectName: string, more: object = {}): Promise<Build> =>
  (await builds.send(new StartBuildCommand({ projectName, ...more }))).build ?? {};
const describeBuild = async (id: string | undefined): Promise<Build> =>
  (await builds.send(new BatchGetBuildsCommand({ ids: [id ?? ''] }))).builds?.[0] ?? {};
const ended = (build: Build): Promise<Build> =>
  until(`build ${build.id} ends`, 40, async () => {
    const now = await describeBuild(build.id);
    return now.buildStatus === 'IN_PROGRESS' ? null : now;
  });
const logOf = async (build: Build): Promise<string> => {
  const logs = new CloudWatchLogsClient(owner);
  const logStreamNames = [build.logs?.streamName ?? ''];
  const found = await logs
    .send(new FilterLogEventsCommand({ logGroupName: '/sandbox/builds', logStreamNames }))
    .catch(() => null);
  return (found?.events ?? []).map((event) => event.message).join('\n');
};
const put = (target: string, Value: number) =>
  cloudwatch.send(
    new PutMetricDataCommand({
      Namespace: 'Sandbox',
      MetricData: [{ MetricName: 'Drift', Dimensions: [{ Name: 'Target', Value: target }], Value }],
    }),
  );
const states = async (): Promise<Readonly<Record<string, string>>> => {
  const { MetricAlarms = [] } = await cloudwatch.send(new DescribeAlarmsCommand({}));
  return Object.fromEntries(MetricAlarms.map((one) => [one.AlarmName ?? '', one.StateValue ?? '']));
};
const becomes = (name: string, state: string): Promise<true> =>
  until(`alarm ${name} becomes ${state}`, 20, async () => ((await states())[name] === state ? true : null));
const messages = async (queue: string): Promise<readonly Message[]> => {
  const QueueUrl = `${sandbox.endpoint}/${sandbox.account}/${queue}`;
  const got = await new SQSClient(owner).send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  return got.Messages ?? [];
};

describe('alarms', () => {
  it('treat missing data as AWS publishes it', async () => {
    const script = `
import json, sys
sys.path.insert(0, ${JSON.stringify(path.join(ROOT, 'sandbox/emulator'))})
from missing_data import state_of
meaning = {"X": True, "0": False, "-": None}
tables = json.load(open(${JSON.stringify(path.join(ROOT, 'test/fixtures/cloudwatch/missing-data.json'))}))["tables"]
print(json.dumps([[{treat: state_of([meaning[p] for p in row["points"]], table["evaluate"], table["needed"], treat)
  for treat in ("missing", "ignore", "breaching", "notBreaching")} for row in table["rows"]] for table in tables]))`;
    const { stdout } = await execa(path.join(await pythonTools(), 'python'), ['-c', script]);
    const { tables } = JSON.parse(readFileSync(path.join(ROOT, 'test/fixtures/cloudwatch/missing-data.json'), 'utf8'));
    const published = tables.map((table: { rows: { points: string }[] }) =>
      table.rows.map(({ points: _, ...row }) => row),
    );
    expect(JSON.parse(stdout)).toEqual(published);
    expect(published.flat()).toHaveLength(10);
  });

  it('keep the dimensions of one metric apart, page, and resolve', async () => {
    await put('one', 1);
    await put('two', 0);
    await becomes('a', 'ALARM');
    await becomes('b', 'OK');
    const paged = () => sandbox.incidents().find((incident) => incident.alarm === 'a');
    await until('a is paged', 10, async () => (paged()?.status === 'triggered' ? true : null));
    await cloudwatch.send(new SetAlarmStateCommand({ AlarmName: 'a', StateValue: 'OK', StateReason: 'ring again' }));
    await until('the pager resolves', 10, async () =>
      sandbox.inbox().some((one) => one.alarm === 'a' && one.state === 'OK') ? true : null,
    );
    await becomes('a', 'ALARM');
    await until('the pager rings again', 10, async () =>
      sandbox.incidents().filter((incident) => incident.alarm === 'a').length === 2 ? true : null,
    );
  });

  it('page nobody through a topic that does not let CloudWatch publish', async () => {
    await becomes('c', 'ALARM');
    expect(sandbox.inbox().filter((one) => one.alarm === 'c')).toEqual([]);
  });

  it('notice silence when it is breaching, but not while warming up', async () => {
    await becomes('silence', 'ALARM');
    await sandbox.advanceAlarmClock(30 * 60);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await states()).toMatchObject({ warm: 'INSUFFICIENT_DATA', a: 'ALARM' });
    await sandbox.advanceAlarmClock(31 * 60);
    await becomes('warm', 'ALARM');
  });
});

describe('builds', () => {
  it('run with their overrides and their own role, and say so in log and events', async () => {
    const environmentVariablesOverride = [{ name: 'WORD', value: 'plumb', type: 'PLAINTEXT' as const }];
    const build = await ended(await start('good', { environmentVariablesOverride }));
    expect(build.buildStatus).toBe('SUCCEEDED');
    const log = await logOf(build);
    expect(log).toContain('value is plumb');
    expect(log).toContain('v24.');
    expect(log).toContain('after');
    expect(log).not.toMatch(/AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY/);
    const seen: string[] = [];
    await until('both events', 20, async () => {
      for (const message of await messages('events')) {
        const { detail } = JSON.parse(message.Body ?? '{}');
        seen.push(detail['build-status']);
        expect(detail['build-id']).toBe(build.arn);
        expect(detail['additional-information'].environment['environment-variables']).toContainEqual(
          environmentVariablesOverride[0],
        );
        expect(detail['additional-information']['build-start-time']).toMatch(
          /^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M$/,
        );
      }
      return seen.includes('IN_PROGRESS') && seen.includes('SUCCEEDED') ? true : null;
    });
  });

  it('may write where their own session says, and nowhere else', async () => {
    const build = await ended(await start('writer'));
    const log = await logOf(build);
    expect(log).toMatch(/role arn:aws:iam::000000000000:role\//);
    expect(log).toMatch(/own: 200/);
    expect(log).toMatch(/other: AccessDenied/);
    const listed = await new S3Client(owner).send(new ListObjectsV2Command({ Bucket: BUCKET }));
    expect(listed.Contents?.map((object) => object.Key)).toEqual([
      expect.stringMatching(/^inbox\/AROA\w+:AWSCodeBuild-[0-9a-f-]{36}\/report\.json$/),
    ]);
    expect(listed.Contents?.[0]?.Key).toContain(build.id?.split(':')[1]);
  });

  it('fail where AWS fails them', async () => {
    const bad = await ended(await start('bad'));
    expect(bad.buildStatus).toBe('FAILED');
    const log = await logOf(bad);
    expect(log).not.toContain('never');
    expect(log).toMatch(/finally[\s\S]*after/);
    expect((await ended(await start('stranger'))).buildStatus).toBe('FAILED');
    const mute = await ended(await start('mute'));
    expect([mute.buildStatus, await logOf(mute)]).toEqual(['SUCCEEDED', '']);
  });

  it('are started once for one token, and refused what AWS refuses or what is not done here', async () => {
    const [one, two] = [
      await start('good', { idempotencyToken: 't1' }),
      await start('good', { idempotencyToken: 't1' }),
    ];
    expect(one.id).toBe(two.id);
    const other = { idempotencyToken: 't1', timeoutInMinutesOverride: 7 };
    await expect(start('good', other)).rejects.toThrow(/other parameters/);
    await expect(start('good', { buildspecOverride: 'version: 0.2' })).rejects.toThrow(/buildspecOverride/);
    await expect(start('good', { timeoutInMinutesOverride: 4 })).rejects.toThrow(/between 5 and 2160/);
    await expect(start('nothing')).rejects.toThrow(/cannot be found/);
    await ended(one);
  });

  it('stop with all their processes', async () => {
    const build = await start('slow');
    const sleeping = async () => (await execa('pgrep', ['-fc', 'sleep 100'], { reject: false })).stdout.trim() !== '0';
    await until('it sleeps', 20, async () => ((await sleeping()) ? true : null));
    await builds.send(new StopBuildCommand({ id: build.id ?? '' }));
    expect((await ended(build)).buildStatus).toBe('STOPPED');
    expect(await sleeping()).toBe(false);
  });
});

describe('the rest', () => {
  it('fires a rate schedule at once, a disabled one never, and refuses a role without the right', async () => {
    const logs = new CloudWatchLogsClient(owner);
    const heard = async () => {
      const found = await logs.send(new FilterLogEventsCommand({ logGroupName: '/sandbox/echo' })).catch(() => null);
      return (found?.events ?? [])
        .map((event) => event.message ?? '')
        .filter((text) => text.includes('got '))
        .join('\n');
    };
    await until('the schedule has fired', 20, async () => ((await heard()).includes('runs') ? true : null));
    expect(await heard()).toMatch(/"at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/);
    expect(await heard()).not.toMatch(/sleeps|refused/);
    await until('a dead letter', 20, async () =>
      (await messages('dead')).some((one) => one.Body?.includes('refused')) ? true : null,
    );
  });

  it('keeps documents that a template declares', async () => {
    const found = await new SSMClient(owner).send(new GetDocumentCommand({ Name: 'sandbox-check' }));
    expect(found).toMatchObject({
      DocumentType: 'Command',
      Content: expect.stringContaining('"schemaVersion": "2.2"'),
    });
  });

  it('refuses a call without a grant', async () => {
    const [name] = await sandbox.rolesOf('MuteRole');
    const assume = new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${sandbox.account}:role/${name}`,
      RoleSessionName: 'x',
    });
    const { Credentials } = await new STSClient(owner).send(assume);
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const s3 = new S3Client({ ...owner, credentials });
    await expect(s3.send(new ListBucketsCommand({}))).rejects.toThrow(/not authorized|Access Denied/);
    await expect(s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).resolves.toBeDefined();
  });

  it.each(['SIGKILL', 'SIGINT'] as const)('leaves nothing behind when its process gets %s', async (signal) => {
    const script = `import { startSandbox } from '#sandbox/start.ts'; const s = await startSandbox(); await s.nodes.create({ name: 'node' }); console.log(s.dir); setInterval(() => {}, 1000);`;
    const child = execa('node', ['--input-type=module-typescript', '--eval', script], {
      cwd: ROOT,
      preferLocal: true,
      reject: false,
    });
    let dir = '';
    for await (const line of child) {
      dir = line;
      child.kill(signal);
      break;
    }
    await child;
    expect(dir).toMatch(/plumbline-sandbox-/);
    await until('nothing of it is left', 15, async () => {
      const { stdout } = await execa('pgrep', ['-fc', dir], { reject: false });
      return existsSync(dir) || stdout.trim() !== '0' ? null : true;
    });
  });
});
