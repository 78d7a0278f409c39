import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { DeleteRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import { runFolder } from '#drift/names.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import { type Queue, queueSchema } from '#drift/state/queue.ts';
import type { Repository } from '#sandbox/git-host.ts';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';

/** What the denials of `breaks.ts` are called. */
const DENIAL = 'broken-on-purpose';

/** A deployed service of one repository, `acme`, and what can be done to it from outside. */
export class ServiceWorld {
  readonly sandbox: Sandbox;
  readonly service: Outside;
  readonly repository: Repository;
  readonly names: Readonly<Record<'dispatch' | 'record' | 'sweep', string>>;
  readonly owner: ReturnType<typeof ownerOf>;
  readonly #iam: IAMClient;
  readonly #logs: CloudWatchLogsClient;

  constructor(sandbox: Sandbox, repository: Repository, outputs: Parameters<typeof outputOf>[0]) {
    this.sandbox = sandbox;
    this.repository = repository;
    this.service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
    this.names = {
      dispatch: outputOf(outputs, 'DispatchFunction'),
      record: outputOf(outputs, 'RecordFunction'),
      sweep: outputOf(outputs, 'SweepFunction'),
    };
    this.owner = ownerOf(sandbox);
    this.#iam = new IAMClient(this.owner);
    this.#logs = new CloudWatchLogsClient(this.owner);
  }

  /** Changes files of the repository, and pushes. @returns the commit */
  push(files: Readonly<Record<string, string>>, message = 'A change'): Promise<string> {
    writeFiles(this.repository.workingCopy, files);
    return this.sandbox.git.push(this.repository, message);
  }

  /** Takes the newest commit out of the repository, as after a forced push and a clean-up. */
  forget(commit: string): void {
    const bare = path.join(this.sandbox.dir, 'git/acme.git');
    const git = (...args: string[]) => execFileSync('git', ['-C', bare, ...args], { stdio: 'pipe' });
    git('update-ref', 'refs/heads/main', `${commit}^`);
    git('reflog', 'expire', '--expire=now', '--all');
    git('gc', '--quiet', '--prune=now');
    execFileSync('git', ['-C', this.repository.workingCopy, 'reset', '--quiet', '--hard', `${commit}^`]);
  }

  /** Asks for a run as a person would. @returns what `dispatch` said */
  async dispatch(target: string): Promise<string> {
    return (await this.service.start(this.names.dispatch, target)).sentence;
  }

  /** @returns the run's id */
  async ask(target: string): Promise<string> {
    const { runId, sentence } = await this.service.start(this.names.dispatch, target);
    if (runId === null) throw new Error(sentence);
    return runId;
  }

  /** The report on this very run, once the target is free of it. */
  async judged(target: string, runId: string, seconds = 30): Promise<Report> {
    await until(`the verdict on run ${runId} of ${target}`, seconds, async () => {
      const last = (await this.service.verdict(target))?.runId ?? '';
      return last >= runId && (await this.queue(target))?.running?.runId !== runId ? last : null;
    });
    return reportSchema.parse(await this.json(`${runFolder(target, runId)}report.json`));
  }

  async check(target: string, seconds?: number): Promise<Report> {
    return this.judged(target, await this.ask(target), seconds);
  }

  async json(key: string): Promise<unknown> {
    return JSON.parse((await this.service.text(key)) ?? 'null');
  }

  async queue(target: string): Promise<Queue | null> {
    const found = await this.json(`queue/${target}.json`);
    return found === null ? null : queueSchema.parse(found);
  }

  /** Ticket of the run in progress. */
  async ticket(target: string): Promise<string> {
    const ticket = (await this.queue(target))?.running?.ticket;
    if (ticket === undefined) throw new Error(`nothing runs for ${target}`);
    return ticket;
  }

  /** The one role with all these words in its name. */
  async role(...words: readonly string[]): Promise<string> {
    const all = await this.sandbox.rolesOf(words[0] ?? '');
    const [role, ...more] = all.filter((name) => words.every((word) => name.includes(word)));
    if (role === undefined || more.length > 0) throw new Error(`one role with ${words.join(', ')} was wanted`);
    return role;
  }

  /** Gives back what `deny` took. */
  async allow(role: string): Promise<void> {
    await this.#iam.send(new DeleteRolePolicyCommand({ RoleName: role, PolicyName: DENIAL }));
  }

  get iam(): IAMClient {
    return this.#iam;
  }

  /** Variables of the processes that a function runs in just now, by their ids. */
  processesOf(functionName: string): ReadonlyMap<number, Readonly<Record<string, string>>> {
    const found = new Map<number, Readonly<Record<string, string>>>();
    for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const env = environmentOf(pid);
      const isOurs = env['AWS_ENDPOINT_URL'] === this.sandbox.endpoint;
      if (isOurs && env['AWS_LAMBDA_FUNCTION_NAME'] === functionName) found.set(Number(pid), env);
    }
    return found;
  }

  /** Everything that the service stored, logged, measured, sent or showed, by where it is. */
  async artefacts(): Promise<ReadonlyMap<string, string>> {
    const found = new Map([
      ['the pager', JSON.stringify(this.sandbox.inbox())],
      ['the alarms', JSON.stringify(await this.service.alarms())],
    ]);
    for (const key of await this.service.keys('')) found.set(key, (await this.service.text(key)) ?? '');
    const { logGroups = [] } = await this.#logs.send(new DescribeLogGroupsCommand({}));
    for (const { logGroupName = '' } of logGroups) found.set(logGroupName, await this.log(logGroupName));
    return found;
  }

  /** All lines of a log group. */
  async log(logGroupName: string): Promise<string> {
    const { events = [] } = await this.#logs.send(new FilterLogEventsCommand({ logGroupName, limit: 10_000 }));
    return events.map((event) => event.message).join('\n');
  }

  /** Whether the alarm's incident is open at the pager. */
  paged(alarm: string): Promise<true> {
    return until(`${alarm} is paged`, 30, async () =>
      this.sandbox.incidents().some((one) => one.alarm === alarm && one.status === 'triggered') ? true : null,
    );
  }
}

/** Writes files, by their paths below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** Of a process that is gone, or somebody else's: nothing. */
function environmentOf(pid: string): Readonly<Record<string, string>> {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return Object.fromEntries(entries.map((entry) => [entry.split('=')[0], entry.slice(entry.indexOf('=') + 1)]));
  } catch {
    return {};
  }
}

/** Not in sync, and with a reason that a person can act on. */
export function expectUnknown({ verdict, reason, findings }: Report, why: RegExp): void {
  expect({ verdict, reason, findings }).toEqual({
    verdict: 'unknown',
    reason: expect.stringMatching(why),
    findings: [],
  });
}
export const expectInSync = ({ verdict, reason }: Report): void =>
  expect({ verdict, reason }).toEqual({
    verdict: 'in-sync',
    reason: expect.stringMatching(/compared, nothing differs$/),
  });
