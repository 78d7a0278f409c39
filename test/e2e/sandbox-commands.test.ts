import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
} from '@aws-sdk/client-ssm';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Node } from '#sandbox/nodes.ts';
import { until } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';
import { type Account, ALL, byTag, on, type Sender, startAccount } from './sandbox-nodes.ts';

let account: Account;
let sandbox: Sandbox;
let sender: Sender;
let one: Node;
let two: Node;
let own: Node;
let windows: Node;

beforeAll(async () => {
  account = await startAccount();
  ({ sandbox, sender, one, two, own, windows } = account);
}, 120_000);

afterAll(() => account?.sandbox.stop());

describe('SendCommand', () => {
  it('fills in parameters, skips steps for other platforms, and cuts what lists show', async () => {
    const sent = await sender.ssm.send(
      new SendCommandCommand({ DocumentName: 'steps', Parameters: { Word: ['plumb'] }, ...on(one) }),
    );
    expect(sent.Command).toMatchObject({ Status: 'Pending', MaxErrors: '0', MaxConcurrency: '50', TargetCount: 1 });
    const id = sent.Command?.CommandId ?? '';
    await sender.end(id);
    const plugins = (await sender.invocations(id))[0]?.CommandPlugins ?? [];
    expect(plugins.map(({ Name, Output }) => [Name, Output])).toEqual([
      ['other', expect.stringContaining('skipped due to unsatisfied preconditions')],
      ['first', 'the word is plumb\n'],
      ['second', 'and again plumb\n'],
    ]);
    const long = await sender.run('head -c 30000 /dev/zero | tr "\\0" x; echo end; echo wrong >&2', on(one));
    expect(long.on['one']?.output).toMatch(/^x+\n---Output truncated---\n-{10}ERROR-{7}\nwrong\n$/);
    expect(long.on['one']?.output).toHaveLength(2400);
    const CommandId = long.command.CommandId ?? '';
    const more = await sender.ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId: one.id }));
    expect(more.StandardOutputContent).toMatch(/^x{24000}--output truncated--$/);
    expect(more).toMatchObject({ StandardErrorContent: 'wrong\n', ResponseCode: 0, PluginName: 'run' });
  });

  it('runs two commands on a node at the same time', async () => {
    const meet = (mine: string, other: string) =>
      `touch /tmp/${mine}; for i in $(seq 100); do [ -e /tmp/${other} ] && exit 0; sleep 0.1; done; exit 1`;
    const ids = [await sender.start(meet('a', 'b'), on(one)), await sender.start(meet('b', 'a'), on(one))];
    const ended = await Promise.all(ids.map((id) => sender.end(id)));
    expect(ended.map(({ status }) => status)).toEqual(['Success Success', 'Success Success']);
  });

  it('stops at the first error if nobody says otherwise', async () => {
    const strict = await sender.run('exit 3', { ...ALL, MaxConcurrency: '1' });
    expect(strict.status).toBe('Failed Failed');
    expect(strict.command).toMatchObject({ TargetCount: 3, CompletedCount: 3, ErrorCount: 1 });
    expect(
      Object.values(strict.on)
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['Cancelled Terminated', 'Cancelled Terminated', 'Failed Failed']);
    const lax = await sender.run('[ "$(hostname)" = own ] || exit 3', {
      ...ALL,
      MaxConcurrency: '1',
      MaxErrors: '100%',
    });
    expect(lax.status).toBe('Failed Incomplete');
    expect(lax.on).toMatchObject({ one: { status: 'Failed Failed' }, own: { status: 'Success Success' } });
  });

  it('kills everything of a command whose time is over, or that is cancelled', async () => {
    const sleep = 'sleep 4711 & sleep 4712; echo never';
    const limited = await sender.start(sleep, { ...on(one), Parameters: { Seconds: ['5'] } });
    const cancelled = await sender.start(sleep, on(own));
    const sleeping = async (node: Node) => (await node.try('pgrep -fc "^sleep 471"')).stdout.trim();
    await until('both sleep', 10, async () => ((await sleeping(one)) + (await sleeping(own)) === '22' ? true : null));
    await sender.ssm.send(new CancelCommandCommand({ CommandId: cancelled }));
    const [late, gone] = await Promise.all([sender.end(limited), sender.end(cancelled)]);
    expect([late.status, late.on['one']?.status]).toEqual(['TimedOut ExecutionTimedOut', 'TimedOut ExecutionTimedOut']);
    expect([gone.status, gone.on['own']?.status]).toEqual(['Cancelled Cancelled', 'Cancelled Cancelled']);
    expect([await sleeping(one), await sleeping(own)]).toEqual(['0', '0']);
  });

  it('says which nodes were never reached, and does not run what comes too late', async () => {
    await two.set({ agent: 'offline' });
    const id = await sender.start('echo ran > /etc/late', {
      ...byTag('Role', 'master', 'minion', 'windows'),
      TimeoutSeconds: 30,
      MaxErrors: '100%',
    });
    await until('the others have ended', 10, async () =>
      (await sender.command(id)).CompletedCount === 3 ? true : null,
    );
    expect((await sender.command(id)).Status).toBe('InProgress');
    await sandbox.nodes.advanceCommandClock(31);
    await two.set({ agent: 'online' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await sender.command(id)).Status).toBe('InProgress');
    await sandbox.nodes.advanceCommandClock(60);
    const { status, on: said } = await sender.end(id);
    expect(said).toMatchObject({
      one: { status: 'Success Success' },
      two: { status: 'TimedOut DeliveryTimedOut' },
      windows: { status: 'Failed InvalidPlatform' },
    });
    expect(status).toBe('Failed Incomplete');
    expect(await two.file('/etc/late')).toBeNull();
    const nobody = await sender.run('true', byTag('Group', 'none'));
    expect([nobody.status, nobody.command.TargetCount]).toEqual(['Success NoInstancesInTag', 0]);
  });

  it('never hears of a node that died over it', async () => {
    await two.set({ dies: 0.5, slow: 0.2 });
    const id = await sender.start('touch /etc/began; sleep 4713', on(two));
    await until('it is dead', 10, async () => {
      const found = await sender.ssm.send(new DescribeInstanceInformationCommand({}));
      const ping = found.InstanceInformationList?.find(({ InstanceId }) => InstanceId === two.id)?.PingStatus;
      return ping === 'ConnectionLost' ? true : null;
    });
    expect((await sender.command(id)).Status).toBe('InProgress');
    expect((await execa('pgrep', ['-fc', '^sleep 4713'], { reject: false })).stdout).toBe('0');
    await sandbox.nodes.advanceCommandClock(3700);
    expect((await sender.end(id)).on['two']?.status).toBe('TimedOut DeliveryTimedOut');
    await two.start();
    expect(await two.file('/etc/began')).toBe('');
    await two.set({ slow: 0 });
  });

  it('is allowed on the nodes that the policy names by their tags, and with its document only', async () => {
    const limited = await sender.as('sender');
    const { on: said, status } = await sender.end(
      await sender.start('hostname', { ...ALL, MaxErrors: '100%' }, limited),
    );
    expect(said).toMatchObject({
      one: { status: 'Success Success', output: 'one\n' },
      own: { status: 'Success Success', output: 'own\n' },
      two: { status: 'Failed AccessDenied', output: '' },
    });
    expect(status).toBe('Success Success');
    await expect(sender.start('true', on(one, two), limited)).rejects.toThrow(
      new RegExp(
        `not authorized to perform: ssm:SendCommand on resource: arn:aws:ec2:eu-west-1:000000000000:instance/${two.id}`,
      ),
    );
    const other = new SendCommandCommand({ DocumentName: 'steps', Parameters: { Word: ['a'] }, ...on(one) });
    await expect(limited.send(other)).rejects.toThrow(/not authorized.*document\/steps/);
    await expect(limited.send(new ListCommandsCommand({}))).rejects.toThrow(/not authorized/);
  });

  it('by a resource group needs the right to see who is in it', async () => {
    const limited = await sender.as('sender');
    const Targets = [{ Key: 'resource-groups:Name', Values: ['unseen'] }];
    const { status, on: said } = await sender.end(await sender.start('true', { Targets }, limited));
    expect([status, said]).toEqual(['Failed AccessDenied', {}]);
  });

  it('is refused for a while when it is called too often', async () => {
    await sandbox.nodes.throttle('SendCommand', 2);
    const again = () => sender.start('true', on(one), sender.impatient);
    await expect(again()).rejects.toThrow(/Rate exceeded/);
    await expect(again()).rejects.toMatchObject({ name: 'ThrottlingException' });
    const before = (await sandbox.nodes.calls())['SendCommand'] ?? 0;
    await expect(again()).resolves.toMatch(/-/);
    expect(await sandbox.nodes.calls()).toMatchObject({ SendCommand: before + 1 });
  });

  const lines = { Lines: ['true'] };
  it.each<[string, Partial<SendCommandCommandInput>, RegExp]>([
    ['no nodes', { InstanceIds: [] }, /ValidationException.*InstanceIds or Targets/],
    ['ids and targets', ALL, /ValidationException.*not both/],
    [
      '51 ids',
      { InstanceIds: Array.from({ length: 51 }, (_, i) => `i-${String(i).padStart(17, '0')}`) },
      /length less than or equal to 50/,
    ],
    ['an unknown node', { InstanceIds: ['i-00000000000000000'] }, /InvalidInstanceId.*i-0{17}/],
    ['no id of a node', { InstanceIds: ['node'] }, /ValidationException.*pattern/],
    ['a node of another platform', { InstanceIds: ['windows'] }, /UnsupportedPlatformType.*i-/],
    ['an unknown document', { DocumentName: 'nothing' }, /InvalidDocument.*nothing/],
    ['an unknown version', { DocumentVersion: '9' }, /InvalidDocumentVersion/],
    ['another hash', { DocumentHash: '0'.repeat(64), DocumentHashType: 'Sha256' }, /InvalidDocument.*hash/],
    ['an unknown parameter', { Parameters: { ...lines, Word: ['a'] } }, /InvalidParameters.*Word/],
    ['a missing parameter', { Parameters: {} }, /InvalidParameters.*Lines is required/],
    ['a parameter with another pattern', { Parameters: { ...lines, Seconds: ['soon'] } }, /InvalidParameters.*pattern/],
    ['a line more in a parameter', { Parameters: { ...lines, Seconds: ['60\n'] } }, /InvalidParameters.*pattern/],
    ['two values for one', { Parameters: { ...lines, Seconds: ['1', '2'] } }, /InvalidParameters.*one value/],
    ['parameters over 64 KB', { Parameters: { Lines: ['x'.repeat(66_000)] } }, /InvalidParameters.*64 KB/],
    ['no concurrency', { MaxConcurrency: '0' }, /ValidationException.*maxConcurrency/],
    ['a concurrency in words', { MaxConcurrency: 'many' }, /ValidationException.*maxConcurrency/],
    ['errors over 100%', { MaxErrors: '101%' }, /ValidationException.*maxErrors/],
    ['a time under 30 s', { TimeoutSeconds: 29 }, /ValidationException.*timeoutSeconds/],
    ['a bucket', { OutputS3BucketName: 'bucket' }, /not supported by this stand-in/],
  ])('refuses %s', async (_, wrong, expected) => {
    const ids = wrong.InstanceIds?.[0] === 'windows' ? on(windows) : {};
    const input = { DocumentName: 'script', Parameters: lines, ...on(one), ...wrong, ...ids };
    const refused = sender.ssm
      .send(new SendCommandCommand(input))
      .catch((error: Error) => `${error.name}: ${error.message}`);
    expect(await refused).toMatch(expected);
  });

  it('refuses a member that it does not know', async () => {
    const odd = new SendCommandCommand({ DocumentName: 'script', Parameters: lines, ...on(one) });
    odd.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: Uint8Array };
        const body = JSON.parse(new TextDecoder().decode(request.body));
        request.body = Buffer.from(JSON.stringify({ ...body, Odd: 'x' }));
        return next(args);
      },
      { step: 'build', priority: 'high' },
    );
    await expect(sender.ssm.send(odd)).rejects.toThrow(/unknown member Odd/);
  });

  it.each([
    [
      'six targets',
      Array.from({ length: 6 }, (_, i) => ({ Key: `tag:${i}`, Values: ['a'] })),
      /less than or equal to 5/,
    ],
    ['51 values', [{ Key: 'tag:a', Values: Array.from({ length: 51 }, String) }], /less than or equal to 50/],
    ['a key that is none', [{ Key: 'Role', Values: ['a'] }], /Target key Role/],
    ['an unknown id', [{ Key: 'InstanceIds', Values: ['i-00000000000000000'] }], /InvalidInstanceId/],
    ['two groups', [{ Key: 'resource-groups:Name', Values: ['a', 'b'] }], /One resource group/],
  ])('refuses %s', async (_, Targets, expected) => {
    const sent = sender.ssm.send(new SendCommandCommand({ DocumentName: 'script', Parameters: lines, Targets }));
    expect(await sent.catch((error: Error) => `${error.name}: ${error.message}`)).toMatch(expected);
  });
});
