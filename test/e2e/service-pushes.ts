import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { IAMClient } from '@aws-sdk/client-iam';
import { beforeAll, expect, it } from 'vitest';
import { deny } from '#sandbox/breaks.ts';
import type { Repository } from '#sandbox/git-host.ts';
import { type Outside, ownerOf, until } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';

/** A deployed service whose repository is pushed to. */
export interface PushedService {
  readonly sandbox: Sandbox;
  readonly service: Outside;
  readonly repository: Repository;
  /** Of the repository at the git host. */
  readonly name: string;
  readonly webhook: string;
  readonly hookSecret: string;
  readonly statusToken: string;
  /** The file that was deployed. */
  readonly config: string;
  readonly targets: readonly string[];
  readonly iam: IAMClient;
  json<T>(key: string): Promise<T>;
  /** Asks for a run. @returns its id */
  ask(target: string): Promise<string>;
  verdictOn(target: string, runId: string): Promise<unknown>;
  freed(target: string): Promise<true>;
  isRed(alarm: string): Promise<true>;
  isPaged(alarm: string): Promise<true>;
  roleLike(word: string): Promise<string>;
  /** Takes back what was denied to a role. */
  give(role: string): Promise<unknown>;
}

/** What comes of pushes, in this order. @param world asked for once it is deployed */
export function pushes(world: () => PushedService): void {
  let w: PushedService;
  beforeAll(() => {
    w = world();
  });

  const runsOf = async (target: string): Promise<readonly string[]> =>
    (await w.service.keys(`runs/prod/${target}/`)).filter((key) => key.endsWith('/run.json'));
  const push = (file: string, text: string): Promise<string> => {
    writeFileSync(path.join(w.repository.workingCopy, file), text);
    return w.sandbox.git.push(w.repository, `Change ${file}`);
  };

  it('starts the checks of what it touches, and of nothing else', async () => {
    w.sandbox.git.hook(w.repository, { url: w.webhook, secret: w.hookSecret });
    const before = await runsOf('still');
    const commit = await push('moving/notes.txt', 'touched\n');
    expect(w.sandbox.git.deliveries.at(-1)).toMatchObject({
      status: 202,
      answer: expect.stringContaining('looks at prod/crash"'),
    });
    const report = await until('the verdict on the pushed commit', 60, async () => {
      const last = (await w.json<{ last: { commit: string; runId: string } | null }>('state/prod/crash.json')).last;
      return last?.commit === commit ? last : null;
    });
    const key = (await w.service.keys('runs/prod/crash/')).find((one) => one.endsWith(`${report.runId}/report.json`));
    expect(await w.json(key ?? '')).toMatchObject({ trigger: 'push', by: { author: 'acme' }, paths: ['moving'] });
    expect(await runsOf('still')).toEqual(before);
    await w.freed('crash');
  });

  it('that is told again starts nothing', async () => {
    const before = await runsOf('crash');
    const told = w.sandbox.git.deliveries.at(-1);
    const again = await w.sandbox.git.send({ url: w.webhook, secret: w.hookSecret }, told?.body ?? '', told?.id);
    expect(again).toMatchObject({ status: 202, answer: expect.stringContaining('was handled already') });
    expect(await runsOf('crash')).toEqual(before);
  });

  it('that was forced starts what it took away, once git has told what that is, and nothing else', async () => {
    const before = await runsOf('crash');
    const asked = w.sandbox.git.trees.asked.length;
    const from = new Date();
    writeFileSync(path.join(w.repository.workingCopy, 'NOTES.md'), 'of no target\n');
    const commit = await w.sandbox.git.push(w.repository, 'In place of the notes', true);
    expect(w.sandbox.git.deliveries.at(-1)).toMatchObject({
      status: 202,
      answer: expect.stringContaining('unless git'),
    });
    const others = w.targets.filter((target) => target !== 'crash').map((target) => `nothing that prod/${target} is`);
    const logs = new CloudWatchLogsClient(ownerOf(w.sandbox));
    await until('the others are said to be untouched', 60, async () => {
      const about = { logGroupName: '/plumbline/dispatch', startTime: from.getTime(), limit: 10_000 };
      const { events = [] } = await logs.send(new FilterLogEventsCommand(about));
      const text = events.map(({ message }) => message).join('\n');
      return others.every((sentence) => text.includes(sentence)) ? true : null;
    });
    await until('its run', 60, async () => ((await runsOf('crash')).length === before.length + 1 ? true : null));
    await w.freed('crash');
    expect((await w.json<{ last: { commit: string } }>('state/prod/crash.json')).last.commit).toBe(commit);
    // The roots of both commits, and `moving` of the one that had a file more: of all targets together.
    expect(w.sandbox.git.trees.asked.length - asked).toBe(4);
    expect(await w.service.keys('changes/')).toHaveLength(1);
  });

  it('without proof is refused, and starts nothing', async () => {
    const before = await runsOf('crash');
    const body = w.sandbox.git.deliveries.at(-1)?.body ?? '';
    const forged = await w.sandbox.git.send({ url: w.webhook, secret: 'guessed' }, body);
    expect(forged).toMatchObject({ status: 401, answer: '{"message":"no proof"}\n' });
    expect(await runsOf('crash')).toEqual(before);
  });

  it('of the config itself says that a deployment is due, in its answer and in reports', async () => {
    await push('plumbline.yaml', `${readFileSync(w.config, 'utf8')}# later\n`);
    const due = expect.stringContaining('plumbline.yaml was changed: a deployment is due');
    expect(w.sandbox.git.deliveries.at(-1)).toMatchObject({ status: 202, answer: due });
    const runId = await w.ask('twice');
    await w.verdictOn('twice', runId);
    const key = (await w.service.keys('runs/prod/twice/')).find((one) => one.endsWith(`${runId}/report.json`));
    expect(await w.json(key ?? '')).toMatchObject({ notes: [{ kind: 'config', subject: 'plumbline.yaml' }] });
    await w.freed('twice');
  });

  it('that we cannot handle is answered so that the host shows it as failed, and pages', async () => {
    const role = await w.roleLike('WebhookReceiveRole');
    await deny(w.iam, role, ['lambda:InvokeFunction'], ['*']);
    const before = await runsOf('crash');
    const body = w.sandbox.git.deliveries.find(({ answer }) => answer.includes('prod/crash'))?.body ?? '';
    const failed = await w.sandbox.git.send({ url: w.webhook, secret: w.hookSecret }, body);
    await w.give(role);
    expect(failed.status).toBeGreaterThanOrEqual(500);
    await w.isPaged('plumbline webhook errors');
    expect(await w.sandbox.git.send({ url: w.webhook, secret: w.hookSecret }, body, failed.id)).toMatchObject({
      status: 202,
      answer: expect.stringContaining('looks at prod/crash"'),
    });
    await until('its run', 30, async () => ((await runsOf('crash')).length > before.length ? true : null));
    await w.freed('crash');
  });

  it('shows at the git host that it is looked at, and what came of it; what it explains does not page', async () => {
    const change = 'resource "terraform_data" "new" {\n  input = "merged, not applied yet"\n}\n';
    const commit = await push('pushed/new.tf', change);
    const [pending, told] = await until('both statuses of the commit', 60, async () => {
      const shown = w.sandbox.git.statuses.shown.filter((one) => one.commit === commit);
      return shown.length < 2 ? null : shown;
    });
    const about = { host: 'github', repository: w.name, context: 'plumbline/prod/pushed' };
    expect(pending).toMatchObject({ ...about, state: 'pending' });
    expect(told).toMatchObject({
      ...{ ...about, state: 'failure', description: 'drifted: 1 finding, merged and not applied yet' },
      link: expect.stringMatching(/console\.aws\.amazon\.com\/s3\/object\/.*prefix=state\/prod\/pushed\.html$/),
    });
    expect(await w.service.verdict('prod/pushed')).toMatchObject({ verdict: 'drifted', causes: ['pending'] });
    expect(await w.service.red()).not.toContain('plumbline prod/pushed drift');
    await w.freed('pushed');
  });

  it('has its verdict though the git host refuses the token, and that is told', async () => {
    w.sandbox.git.allowStatuses(w.name, 'another token');
    const commit = await push('pushed/new.tf', '');
    const refused = await until('a verdict, and both refusals', 60, async () => {
      const { last } = await w.json<{ last: { commit: string; verdict: string } | null }>('state/prod/pushed.json');
      const answers = w.sandbox.git.statuses.answers.filter(({ status }) => status === 401);
      return last?.commit === commit && answers.length >= 2 ? last : null;
    });
    expect(refused.verdict).toBe('in-sync');
    expect(w.sandbox.git.statuses.shown.filter((one) => one.commit === commit)).toEqual([]);
    await w.isRed('plumbline commit statuses');
    w.sandbox.git.allowStatuses(w.name, w.statusToken);
    await w.freed('pushed');
  });
}
