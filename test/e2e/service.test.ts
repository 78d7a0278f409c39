import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  BatchGetBuildsCommand,
  BatchGetProjectsCommand,
  CodeBuildClient,
  StopBuildCommand,
  UpdateProjectCommand,
} from '@aws-sdk/client-codebuild';
import { DeleteRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetScheduleCommand, SchedulerClient, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { execa } from 'execa';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deny } from '#sandbox/breaks.ts';
import type { Repository } from '#sandbox/git-host.ts';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { startBrowser } from './browser.ts';
import { Console } from './console/console.ts';
import { tableOf, viewerOf } from './console/viewer.ts';
import { byBuilds, byCommandLine, byRunbook, People, runIn } from './service-people.ts';
import { pushes } from './service-pushes.ts';

const HOOK_SECRET = 'hook-secret-that-must-not-leak';
const TOKEN = 'token-that-must-not-leak-4711';
const STATUS_TOKEN = 'status-token-that-must-not-leak';
const TARGETS = ['killed', 'cut', 'silent', 'twice', 'crash', 'late', 'still', 'pushed'] as const;
const NAME = 'acme/service';
const BACKEND = 'terraform {\n  backend "s3" {}\n}\n';

let sandbox: Sandbox;
let service: Outside;
let iam: IAMClient;
let builds: CodeBuildClient;
let scheduler: SchedulerClient;
let config: string;
let repository: Repository;
let webhook: string;
let browser: Browser;
const name = { dispatch: '', record: '', sweep: '' };

const functionArn = (one: string) => `arn:aws:lambda:${sandbox.region}:${sandbox.account}:function:plumbline-${one}`;

type Queue = { readonly running: { readonly runId: string; readonly build: string | null } | null };
type State = { readonly outbox: readonly unknown[]; readonly findings: readonly unknown[] };
const json = async <T>(key: string): Promise<T> => JSON.parse((await service.text(key)) ?? 'null') as T;
const queue = (target: string): Promise<Queue | null> => json<Queue | null>(`queue/prod/${target}.json`);
const state = (target: string): Promise<State> => json<State>(`state/prod/${target}.json`);

/** Asks for a run as a person would. @returns its id */
async function ask(target: string): Promise<string> {
  const { runId, sentence } = await service.start(name.dispatch, `prod/${target}`);
  if (runId === null) throw new Error(sentence);
  return runId;
}

/** The build of a run, as soon as it is known. */
const buildOf = (target: string, runId: string): Promise<string> =>
  until(`the build of ${runId}`, 30, async () => {
    const running = (await queue(target))?.running;
    return running?.runId === runId ? running.build : null;
  });

/** The verdict of this very run. */
const verdictOn = (target: string, runId: string) =>
  until(`the verdict on run ${runId} of ${target}`, 60, async () => {
    const verdict = await service.verdict(`prod/${target}`);
    return verdict?.runId === runId ? verdict : null;
  });

const isRed = (alarm: string): Promise<true> =>
  until(`alarm ${alarm} is red`, 30, async () => ((await service.red()).includes(alarm) ? true : null));
const isPaged = (alarm: string): Promise<true> =>
  until(`${alarm} is paged`, 30, async () =>
    sandbox.incidents().some((incident) => incident.alarm === alarm && incident.status === 'triggered') ? true : null,
  );
const freed = (target: string): Promise<true> =>
  until(`${target} is free`, 60, async () => ((await queue(target))?.running === null ? true : null));

const roleLike = async (word: string): Promise<string> => {
  const [role, ...more] = await sandbox.rolesOf(word);
  if (role === undefined || more.length > 0) throw new Error(`one role with ${word} was wanted`);
  return role;
};
const give = (role: string) =>
  iam.send(new DeleteRolePolicyCommand({ RoleName: role, PolicyName: 'broken-on-purpose' }));

async function setSchedule(schedule: string, State: 'ENABLED' | 'DISABLED'): Promise<void> {
  const { FlexibleTimeWindow, ScheduleExpression, Target } = await scheduler.send(
    new GetScheduleCommand({ Name: schedule }),
  );
  await scheduler.send(
    new UpdateScheduleCommand({ Name: schedule, State, FlexibleTimeWindow, ScheduleExpression, Target }),
  );
}

beforeAll(async () => {
  sandbox = await startSandbox();
  const owner = ownerOf(sandbox);
  iam = new IAMClient(owner);
  builds = new CodeBuildClient(owner);
  scheduler = new SchedulerClient(owner);
  const source = path.join(sandbox.dir, 'source');
  for (const [folder, text] of [
    ['still', BACKEND],
    ['pushed', BACKEND],
    ['moving', `${BACKEND}resource "terraform_data" "new" {\n  input = "declared, never applied"\n}\n`],
  ] as const) {
    mkdirSync(path.join(source, folder), { recursive: true });
    writeFileSync(path.join(source, folder, 'main.tf'), text);
  }
  repository = await sandbox.createRepo(NAME, { from: source, token: TOKEN });
  const secrets = { 'git/token': TOKEN, 'git/webhook': HOOK_SECRET, 'git/statuses': STATUS_TOKEN };
  const store = new SecretsManagerClient(owner);
  for (const [Name, SecretString] of Object.entries(secrets)) {
    await store.send(new CreateSecretCommand({ Name, SecretString }));
  }
  sandbox.git.allowStatuses(NAME, STATUS_TOKEN);
  const folder = (one: string): string => ({ crash: 'moving', pushed: 'pushed' })[one] ?? 'still';
  const target = (one: string): string =>
    `  ${one}: { in: [prod], source: s, schedule: rate(1 hour), pendingGrace: ${one === 'pushed' ? '2h' : '0s'}, ` +
    `confirm: 0s, allowOtherCommits: ${one === 'still'}, terraform: { path: ${folder(one)}, ` +
    `backendConfig: { bucket: states, key: "${one}.tfstate", region: ${sandbox.region} } } }\n`;
  config = path.join(repository.workingCopy, 'plumbline.yaml');
  writeFileSync(
    config,
    `version: 1\nsources: { s: { url: "${repository.url}", token: { secret: git/token }, webhook: { secret: git/webhook }, ` +
      'statuses: { token: { secret: git/statuses } } } }\n' +
      `environments: { prod: { account: "${sandbox.account}", region: ${sandbox.region}, role: e2e, severity: critical, state: ["states/*"] } }\n` +
      `targets:\n${TARGETS.map(target).join('')}` +
      'notify: { critical: { pagerduty: { parameter: /plumbline/pagerduty-critical } } }\n',
  );
  await sandbox.git.push(repository, 'Look at all of it');
  await new S3Client(owner).send(new CreateBucketCommand({ Bucket: 'states' }));
  const outputs = await sandbox.deploy({ config });
  service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  webhook = sandbox.functionAddress(outputOf(outputs, 'WebhookUrl'));
  name.dispatch = outputOf(outputs, 'DispatchFunction');
  name.record = outputOf(outputs, 'RecordFunction');
  name.sweep = outputOf(outputs, 'SweepFunction');
  browser = await startBrowser();
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await sandbox?.stop();
});

describe('the deployed service', () => {
  it('is the template that a plain synth gives', async () => {
    const plain = path.join(sandbox.dir, 'plain');
    const root = path.resolve(import.meta.dirname, '../..');
    await execa('cdk', ['synth', '--quiet', '--context', `config=${config}`, '--output', plain], {
      cwd: root,
      preferLocal: true,
    });
    const deployed = readFileSync(path.join(sandbox.dir, 'cdk.out/Plumbline.template.json'), 'utf8');
    expect(deployed).toBe(readFileSync(path.join(plain, 'Plumbline.template.json'), 'utf8'));
    expect(deployed.length).toBeGreaterThan(10_000);
  });

  it('is started by its schedules, and judges every target', async () => {
    for (const target of TARGETS) {
      const found = await until(`a verdict on ${target}`, 120, () => service.verdict(`prod/${target}`));
      expect([found.verdict, found.causes]).toEqual(target === 'crash' ? ['drifted', ['pending']] : ['in-sync', []]);
      await freed(target);
    }
    await until('nothing but the drift is red', 30, async () =>
      (await service.red()).join() === 'plumbline prod/crash drift' ? true : null,
    );
  });
});

describe('a push', () => {
  pushes(() => ({
    ...{ sandbox, service, repository, webhook, config, iam, targets: TARGETS },
    ...{ name: NAME, hookSecret: HOOK_SECRET, statusToken: STATUS_TOKEN },
    ...{ json, ask, verdictOn, freed, isRed, isPaged, roleLike, give },
  }));
});

describe('the dashboard', () => {
  it('shows in a browser how the targets stand, and starts a check that ends with a verdict', async () => {
    expect(await tableOf(sandbox, 'plumbline-eu-west-1')).toBe(functionArn('widget'));
    const call = await viewerOf(sandbox, 'e2e-may-rerun', ['widget', 'rerun'].map(functionArn));
    const seen = await Console.open(browser, { endpoint: functionArn('widget'), call });
    expect(await seen.rows()).toHaveLength(TARGETS.length);
    expect((await seen.row('prod/crash'))?.[1]).toBe('drifted\n1 finding');
    expect((await seen.row('prod/still'))?.join('\n')).toMatch(/in-sync\n0 of 0 compared.*; schedule/s);
    await verdictOn('still', runIn(await seen.rerun('prod/still')));
    await freed('still');
    await seen.refresh();
    expect((await seen.row('prod/still'))?.[4]).toMatch(/; manual \(console\)$/);
    expect(seen.calls.map((one) => one.name)).toEqual(['widget', 'rerun', 'widget'].map((one) => `plumbline-${one}`));
    await expect(call(name.dispatch, { target: 'prod/still', trigger: 'manual' })).rejects.toThrow(/not authorized/);
    await seen.close();
  });

  it('starts nothing for a viewer who may only look, and says so', async () => {
    const call = await viewerOf(sandbox, 'e2e-may-look', [functionArn('widget')]);
    const seen = await Console.open(browser, { endpoint: functionArn('widget'), call });
    const before = await queue('still');
    expect(await seen.rerun('prod/still')).toMatch(/not authorized to perform: lambda:InvokeFunction/);
    expect(await queue('still')).toEqual(before);
    await seen.close();
  });
});

describe('a person', () => {
  it('sees and starts checks by the command line and the runbook, and by a build at CodeBuild', async () => {
    const people = await People.make(sandbox, service);
    await Promise.all([byCommandLine(people, repository), byBuilds(people), byRunbook(people)]);
  });
});

describe('what goes wrong becomes unknown, and pages', () => {
  it('a build that is killed', async () => {
    const runId = await ask('killed');
    const build = await buildOf('killed', runId);
    await builds.send(new StopBuildCommand({ id: build.split(':build/')[1] }));
    const found = await verdictOn('killed', runId);
    expect(found.verdict).toBe('unknown');
    expect(found.reason).toMatch(/stopped|STOPPED/);
    await isPaged('plumbline prod/killed unknown');
  });

  it('a report that may not be uploaded', async () => {
    const role = await roleLike('BuildRole');
    await deny(iam, role, ['s3:PutObject'], ['*']);
    const runId = await ask('cut');
    const found = await verdictOn('cut', runId);
    await give(role);
    expect(found).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/ended FAILED/) });
    await isPaged('plumbline prod/cut unknown');
  });

  it('a build that succeeds and says nothing', async () => {
    const [project] =
      (await builds.send(new BatchGetProjectsCommand({ names: ['plumbline-terraform-prod'] }))).projects ?? [];
    const spec = project?.source?.buildspec;
    const withSpec = (buildspec: string | undefined) =>
      builds.send(
        new UpdateProjectCommand({
          name: 'plumbline-terraform-prod',
          source: { ...project?.source, type: 'S3', buildspec },
        }),
      );
    await withSpec('version: 0.2\nphases: { build: { commands: ["true"] } }\n');
    const runId = await ask('silent');
    const found = await verdictOn('silent', runId);
    await withSpec(spec);
    expect(found).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/left no report/) });
    await isPaged('plumbline prod/silent unknown');
  });

  it('a target whose schedule is disabled', async () => {
    await setSchedule('plumbline-prod-late', 'DISABLED');
    // As if that had been three hours ago: the last run is dated back, instead of waiting for so long.
    const now = await json<Record<string, unknown>>('state/prod/late.json');
    const before = new Date(Date.now() - 3 * 3600_000).toISOString();
    const old = { ...now, since: before, last: { ...(now['last'] as object), startedAt: before } };
    await service.s3.send(
      new PutObjectCommand({ Bucket: service.bucket, Key: 'state/prod/late.json', Body: JSON.stringify(old) }),
    );
    await service.invoke(name.sweep, {});
    await isPaged('plumbline prod/late unknown');
    expect((await service.verdict('prod/late'))?.verdict).toBe('in-sync');
    const call = await viewerOf(sandbox, 'e2e-may-rerun-all', ['widget', 'rerun'].map(functionArn));
    const seen = await Console.open(browser, { endpoint: functionArn('widget'), call });
    expect((await seen.rows()).filter((cells) => cells[1]?.startsWith('stale'))).toHaveLength(1);
    await verdictOn('late', runIn(await seen.rerun(null)));
    await seen.close();
  });

  it('is over when a later check sees again', async () => {
    for (const target of ['killed', 'cut', 'silent']) {
      const found = await verdictOn(target, await ask(target));
      expect(found.verdict).toBe('in-sync');
    }
  });
});

describe('nothing is lost and nothing is judged twice', () => {
  it('when the same end of a build is told again', async () => {
    const runId = await ask('twice');
    const build = await buildOf('twice', runId);
    await verdictOn('twice', runId);
    await freed('twice');
    const before = [await service.text('state/prod/twice.json'), (await service.keys('runs/prod/twice/')).join()];
    const ended = { target: 'prod/twice', runId, build: { arn: build, status: 'FAILED', log: null }, failure: null };
    const answers = [1, 2].map(() => service.invoke(name.record, { source: 'plumbline', ended }));
    expect(await Promise.all(answers)).toEqual([
      expect.stringMatching(/is in-sync/),
      expect.stringMatching(/is in-sync/),
    ]);
    expect([await service.text('state/prod/twice.json'), (await service.keys('runs/prod/twice/')).join()]).toEqual(
      before,
    );
  });

  it.each([
    ['the report', 's3:PutObject', 'runs/*'],
    ['the state', 's3:PutObject', 'state/*'],
    ['the metrics', 'cloudwatch:PutMetricData', null],
    ['the queue', 's3:PutObject', 'queue/*'],
  ])('when record dies before it has written %s', async (_what, action, key) => {
    const role = await roleLike('RecordRole');
    await deny(iam, role, [action], [key === null ? '*' : `arn:aws:s3:::${service.bucket}/${key}`]);
    const failed = await failures();
    const runId = await ask('crash');
    await until('record fails', 60, async () => ((await failures()) > failed ? true : null));
    await give(role);
    const found = await verdictOn('crash', runId);
    expect(found.verdict).toBe('drifted');
    await freed('crash');
    const after = await state('crash');
    expect([after.outbox, after.findings.length]).toEqual([[], 1]);
    expect(
      (await service.keys('runs/prod/crash/')).filter((one) => one.includes(runId) && one.endsWith('report.json')),
    ).toHaveLength(1);
  });
});

describe('the service itself', () => {
  it('pages when its heart stops, with no code of ours', async () => {
    await service.invoke(name.sweep, {});
    expect(await service.red()).not.toContain('plumbline heartbeat');
    await setSchedule('plumbline-sweep', 'DISABLED');
    await sandbox.advanceAlarmClock(45 * 60);
    await isRed('plumbline heartbeat');
    await isPaged('plumbline heartbeat');
  });

  it('leaks no credential into any artefact', async () => {
    const logs = new CloudWatchLogsClient(ownerOf(sandbox));
    const texts = [JSON.stringify(sandbox.inbox()), JSON.stringify(await service.alarms())];
    for (const key of await service.keys('')) texts.push((await service.text(key)) ?? '');
    const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
    for (const { logGroupName } of logGroups) {
      const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName, limit: 10_000 }));
      texts.push(events.map((event) => event.message).join('\n'));
    }
    const { builds: ended = [] } = await builds.send(new BatchGetBuildsCommand({ ids: [await lastBuild()] }));
    texts.push(JSON.stringify(ended));
    expect(texts.length).toBeGreaterThan(60);
    for (const text of texts)
      for (const secret of [TOKEN, HOOK_SECRET, STATUS_TOKEN]) expect(text).not.toContain(secret);
  });
});

async function lastBuild(): Promise<string> {
  const runId = await ask('still');
  const build = await buildOf('still', runId);
  await verdictOn('still', runId);
  return build.split(':build/')[1] ?? '';
}

/** How often `record` has failed until now. */
async function failures(): Promise<number> {
  const logs = new CloudWatchLogsClient(ownerOf(sandbox));
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: '/plumbline/record', filterPattern: '"failed"', limit: 10_000 }),
  );
  return events.filter((event) => event.message?.includes('"message":"failed"')).length;
}
