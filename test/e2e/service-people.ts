import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  BatchGetBuildsCommand,
  CodeBuildClient,
  RetryBuildCommand,
  StartBuildCommand,
} from '@aws-sdk/client-codebuild';
import { GetDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { expect } from 'vitest';
import * as z from 'zod';
import { runFolder } from '#drift/names.ts';
import { statusSchema } from '#drift/overview.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import { rerunAnswerSchema } from '#drift/rerun.ts';
import { stateSchema } from '#drift/state/state.ts';
import type { Repository } from '#sandbox/git-host.ts';
import { type Outside, ownerOf, until } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';
import { type Ended, plumbline } from './command.ts';
import { callerOf, type Person, personOf } from './console/viewer.ts';

const PROJECT = 'plumbline-terraform-prod';
const RUN = /\d{8}T\d{9}Z-[0-9a-f]{16}/;
const AUTHOR = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };

/** A person at a shell, whose role may invoke two functions and nothing else, and one at CodeBuild's console. */
export class People {
  readonly #sandbox: Sandbox;
  readonly #service: Outside;
  readonly #person: Person;
  readonly #builds: CodeBuildClient;

  private constructor(sandbox: Sandbox, service: Outside, person: Person) {
    this.#sandbox = sandbox;
    this.#service = service;
    this.#person = person;
    this.#builds = new CodeBuildClient(ownerOf(sandbox));
  }

  static async make(sandbox: Sandbox, service: Outside): Promise<People> {
    const functions = ['widget', 'rerun'].map(
      (name) => `arn:aws:lambda:${sandbox.region}:${sandbox.account}:function:plumbline-${name}`,
    );
    return new People(sandbox, service, await personOf(sandbox, 'e2e-person', functions));
  }

  /** The command line, with the person's credentials. */
  plumbline(...args: readonly string[]): Promise<Ended> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#person;
    const own = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const env = { ...this.#sandbox.env, ...own, AWS_SESSION_TOKEN: sessionToken };
    return plumbline(args, { cwd: this.#sandbox.dir, env });
  }

  async report(target: string, runId: string): Promise<Report> {
    const text = await until(`the report of run ${runId} of ${target}`, 60, () =>
      this.#service.text(`${runFolder(target, runId)}report.json`),
    );
    return reportSchema.parse(JSON.parse(text));
  }

  async state(target: string) {
    return stateSchema.parse(JSON.parse((await this.#service.text(`state/${target}.json`)) ?? 'null'));
  }

  /** The state of a target once nothing runs for it: what ended last has been judged. */
  async settled(target: string) {
    await until(`${target} is free`, 60, async () => {
      const queue = JSON.parse((await this.#service.text(`queue/${target}.json`)) ?? '{}');
      return queue.running === null && queue.waiting === null ? true : null;
    });
    return this.state(target);
  }

  /** `Start build` with overrides. @returns the log of the build that this is, once it has ended */
  async startBuild(target: string): Promise<{ readonly status: string; readonly log: string }> {
    const environmentVariablesOverride = [{ name: 'TARGET', value: target }];
    const { build } = await this.#builds.send(
      new StartBuildCommand({ projectName: PROJECT, environmentVariablesOverride }),
    );
    return this.#ended(build?.id ?? '');
  }

  async retryBuild(uuid: string): Promise<{ readonly status: string; readonly log: string }> {
    const { build } = await this.#builds.send(new RetryBuildCommand({ id: `${PROJECT}:${uuid}` }));
    return this.#ended(build?.id ?? '');
  }

  async #ended(id: string): Promise<{ readonly status: string; readonly log: string }> {
    const status = await until(`the end of build ${id}`, 60, async () => {
      const { builds: [build] = [] } = await this.#builds.send(new BatchGetBuildsCommand({ ids: [id] }));
      return build?.buildComplete === true ? (build.buildStatus ?? '') : null;
    });
    return { status, log: await this.#log('/plumbline/terraform/prod', id.split(':')[1]) };
  }

  /** The log of the function that judges. */
  recorded(): Promise<string> {
    return this.#log('/plumbline/record');
  }

  async #log(logGroupName: string, stream?: string): Promise<string> {
    const of = stream === undefined ? {} : { logStreamNames: [stream] };
    const logs = new CloudWatchLogsClient(ownerOf(this.#sandbox));
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName, ...of, limit: 10_000 }));
    return events.map(({ message }) => message).join('\n');
  }

  /** What the deployed runbook's one step asks for, with the rights of the person who starts it, as SSM would. */
  async runbook(target: string): Promise<unknown> {
    const { Content } = await new SSMClient(ownerOf(this.#sandbox)).send(
      new GetDocumentCommand({ Name: 'plumbline-rerun' }),
    );
    const { mainSteps } = z
      .object({
        mainSteps: z.tuple([
          z.object({
            action: z.literal('aws:invokeLambdaFunction'),
            inputs: z.object({ FunctionName: z.string(), InputPayload: z.record(z.string(), z.string()) }),
          }),
        ]),
      })
      .parse(JSON.parse(Content ?? ''));
    const { FunctionName, InputPayload } = mainSteps[0].inputs;
    const fill = (text: string): string =>
      text.replace('{{ Target }}', target).replace('{{ automation:EXECUTION_ID }}', 'the-execution');
    const payload = Object.fromEntries(Object.entries(InputPayload).map(([name, text]) => [name, fill(text)]));
    return callerOf(this.#sandbox, this.#person)(FunctionName, payload);
  }
}

/** Pushes another branch, on which a module declares what nobody has applied. @returns its commit */
export function pushBranch({ workingCopy }: Repository, module: string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', workingCopy, ...args], { encoding: 'utf8', env: { ...process.env, ...AUTHOR } }).trim();
  git('checkout', '--quiet', '-b', 'other');
  const more = 'terraform {\n  backend "s3" {}\n}\nresource "terraform_data" "proposed" {}\n';
  writeFileSync(path.join(workingCopy, module, 'main.tf'), more);
  git('commit', '--quiet', '--all', '--message', 'A proposal');
  git('push', '--quiet', 'origin', 'other');
  const commit = git('rev-parse', 'HEAD');
  git('checkout', '--quiet', 'main');
  return commit;
}

export const runIn = (text: string): string => RUN.exec(text)?.[0] ?? text;

/** What stands, a run that is waited for, and commits that are named. */
export async function byCommandLine(people: People, repository: Repository): Promise<void> {
  const [all, one, waited] = await Promise.all([
    people.plumbline('status', '--json'),
    people.plumbline('status', 'prod/cut'),
    people.plumbline('run', 'prod/still', '--wait'),
  ]);
  const status = statusSchema.parse(JSON.parse(all.stdout));
  expect([status.targets.length > 5, status.targets[0]?.verdict, all.code]).toEqual([true, 'drifted', 2]);
  expect(status.config.hash).toMatch(/^[0-9a-f]{64}$/);
  expect([one.code, one.stdout]).toEqual([0, expect.stringMatching(/^TARGET.*\nprod\/cut +in-sync /)]);
  const runId = runIn(waited.stderr);
  expect([waited.code, waited.stderr]).toEqual([0, expect.stringContaining(`started run ${runId} at`)]);
  expect(waited.stdout).toMatch(/^in-sync {2}prod\/still .*\n {2}https:\/\/\S+report\.html$/m);
  const { by, trigger } = await people.report('prod/still', runId);
  expect([trigger, by?.via, by?.actor]).toEqual(['manual', 'cli', expect.stringMatching(/e2e-person\/alice$/)]);
  await people.settled('prod/still');
  await looksAside(people, pushBranch(repository, 'still'));
}

/** A commit of another branch: looked at where the target allows it, and no verdict on the target. */
async function looksAside(people: People, commit: string): Promise<void> {
  const before = await people.state('prod/still');
  const [refused, strange, ended] = await Promise.all([
    people.plumbline('run', 'prod/killed', '--commit', commit),
    people.plumbline('run', 'prod/still', '--commit', 'd'.repeat(40)),
    people.plumbline('run', 'prod/still', '--commit', commit, '--wait', '--json'),
  ]);
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('prod/killed is checked at main only')]);
  expect([strange.code, strange.stdout]).toEqual([1, expect.stringContaining('no branch or tag of')]);
  expect([ended.code, JSON.parse(ended.stdout)]).toEqual([2, [expect.objectContaining({ verdict: 'drifted' })]]);
  const after = await people.settled('prod/still');
  expect([after.last, after.findings, after.paged]).toEqual([before.last, [], []]);
  expect(after.aside).toMatchObject({ commit, verdict: 'drifted', by: { via: 'cli' } });
}

/** Builds that a person starts and retries at CodeBuild: each asks for a run, and is none. */
export async function byBuilds(people: People): Promise<void> {
  const { last } = await people.state('prod/late');
  const asked = [
    ['prod/twice', people.startBuild('prod/twice')],
    ['prod/late', people.retryBuild(/[0-9a-f-]{36}$/.exec(last?.log ?? '')?.[0] ?? '')],
  ] as const;
  for (const [target, build] of asked) {
    const { status, log } = await build;
    expect(status, log).toBe('SUCCEEDED');
    const runId = /started run (\S+) at/.exec(log)?.[1] ?? log;
    expect(runId > (last?.runId ?? '')).toBe(true);
    expect(log).toContain(`${runId}/report.html`);
    const report = await people.report(target, runId);
    expect([report.verdict, report.trigger, report.by?.via]).toEqual(['in-sync', 'manual', 'build']);
    expect((await people.settled(target)).last?.runId).toBe(runId);
  }
  expect(await people.recorded()).toContain(`is not the one of run ${last?.runId}: not judged`);
}

/** Two who ask at once: the second joins the first. */
export async function byRunbook(people: People): Promise<void> {
  const answers = await Promise.all([people.runbook('prod/silent'), people.runbook('prod/silent')]);
  const [one, two] = answers.flatMap((answer) => rerunAnswerSchema.parse(answer).runs);
  expect(`${one?.sentence} ${two?.sentence}`).toMatch(/(?=.*started run)(?=.*joined run)/);
  expect(one?.runId).toBe(two?.runId);
  const { by } = await people.report('prod/silent', one?.runId ?? '');
  expect(by).toEqual({ via: 'runbook', actor: 'automation execution the-execution' });
  await people.settled('prod/silent');
}
