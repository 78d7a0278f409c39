import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CancelCommandCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import { SsmCommands } from '#services/aws/commands.ts';
import { PATIENT } from '#services/aws/refused.ts';
import { type CommandRequest, FleetError } from '#services/ports.ts';

const idsOf = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `i-${at}`);
const request = (more: Partial<CommandRequest> = {}): CommandRequest => ({
  ...{ document: 'plumbline-nodes', nodes: ['i-1', 'mi-2'], select: { tags: { Role: ['minion'] } } },
  ...{ parameters: { RunId: 'r', Key: 'k' }, concurrency: '50', deliverySeconds: 120, comment: 'plumbline r' },
  ...more,
});
const named = (name: string) => Object.assign(new Error('no'), { name });

describe('SsmCommands', () => {
  const ssm = mockClient(SSMClient);
  let commands = new SsmCommands();
  beforeEach(() => {
    ssm.reset();
    commands = new SsmCommands();
    let sent = 0;
    ssm.on(SendCommandCommand).callsFake(() => ({ Command: { CommandId: `c-${sent++}` } }));
    ssm.on(CancelCommandCommand).resolves({});
  });
  const sent = () => ssm.commandCalls(SendCommandCommand).map((call) => call.args[0].input);

  test('asks a few nodes by their ids, and lets no failure keep the others from being asked', async () => {
    expect(await commands.send(request())).toEqual(['c-0']);
    expect(sent()).toEqual([
      {
        DocumentName: 'plumbline-nodes',
        Targets: [{ Key: 'InstanceIds', Values: ['i-1', 'mi-2'] }],
        Parameters: { RunId: ['r'], Key: ['k'] },
        ...{ MaxConcurrency: '50', MaxErrors: '100%', TimeoutSeconds: 120, Comment: 'plumbline r' },
      },
    ]);
  });

  test.each([
    ['their tags', { tags: { Role: ['a', 'b'], Env: ['p'] } }, ['tag:Role', 'tag:Env']],
    ['their resource group', { resourceGroup: 'web' }, ['resource-groups:Name']],
  ] as const)('asks a thousand in one call, by %s', async (_, select, targetKeys) => {
    expect(await commands.send(request({ nodes: idsOf(1000), select }))).toEqual(['c-0']);
    expect(sent()[0]?.Targets?.map(({ Key }) => Key)).toEqual(targetKeys);
    expect(sent()[0]?.MaxConcurrency).toBe('50');
  });

  const tooManyTags = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`K${at}`, ['a']]));
  test.each([
    ['they are selected so', { ids: idsOf(120) }, '50', '16'],
    ['SSM takes no more than 5 tags', { tags: tooManyTags }, '2', '1'],
    ['SSM takes no more than 50 values', { tags: { Role: idsOf(51) } }, '10%', '10%'],
  ])('asks 50 ids a call when %s, all of them together no more at a time', async (_, select, concurrency, share) => {
    const ids = await commands.send(request({ nodes: idsOf(120), select, concurrency }));
    expect(ids).toEqual(['c-0', 'c-1', 'c-2']);
    expect(sent().map(({ Targets: [target] = [] }) => target?.Values?.length)).toEqual([50, 50, 20]);
    expect(sent().flatMap(({ Targets: [target] = [] }) => target?.Values)).toEqual(idsOf(120));
    expect(sent().map(({ MaxConcurrency }) => MaxConcurrency)).toEqual([share, share, share]);
  });

  test.each([
    [1.2, 30],
    [599.1, 600],
    [1e9, 2_592_000],
  ])('keeps to what SSM takes as a delivery time: %d', async (deliverySeconds, seconds) => {
    await commands.send(request({ deliverySeconds, comment: 'x'.repeat(200) }));
    expect(sent()[0]?.TimeoutSeconds).toBe(seconds);
    expect(sent()[0]?.Comment).toHaveLength(100);
  });

  test('takes the first nodes back when the others cannot be asked', async () => {
    ssm
      .on(SendCommandCommand)
      .resolvesOnce({ Command: { CommandId: 'c-0' } })
      .rejects(named('ThrottlingException'));
    await expect(commands.send(request({ nodes: idsOf(51), select: { ids: idsOf(51) } }))).rejects.toThrow(
      'AWS was too busy to send the document plumbline-nodes (ssm:SendCommand)',
    );
    expect(ssm.commandCalls(CancelCommandCommand).map((call) => call.args[0].input)).toEqual([{ CommandId: 'c-0' }]);
  });

  test('tells why it could not ask, also when it cannot take anything back', async () => {
    ssm
      .on(SendCommandCommand)
      .resolvesOnce({ Command: { CommandId: 'c-0' } })
      .resolvesOnce({ Command: { CommandId: 'c-1' } })
      .rejects(named('ThrottlingException'));
    ssm.on(CancelCommandCommand, { CommandId: 'c-0' }).rejects(named('AccessDeniedException'));
    const sending = commands.send(request({ nodes: idsOf(101), select: { ids: idsOf(101) } }));
    await expect(sending).rejects.toThrow(
      /^AWS was too busy to send the document .*; what was sent before could not be cancelled \(.*\(ssm:CancelCommand\)/,
    );
    expect(ssm.commandCalls(CancelCommandCommand)).toHaveLength(2);
    ssm
      .on(SendCommandCommand)
      .resolvesOnce({ Command: { CommandId: 'c-0' } })
      .rejects(new Error('what is this'));
    const odd = commands.send(request({ nodes: idsOf(51), select: { ids: idsOf(51) } }));
    await expect(odd).rejects.toThrow('what is this');
  });

  test.each([
    ['AccessDeniedException', /role may not send the document plumbline-nodes .*: deploy the stack/],
    ['InvalidDocument', /SSM has no such document to send .*: deploy the stack/],
    ['InvalidParameters', /AWS does not take what was asked to send .*: deploy the version that runs here/],
    ['InvalidInstanceId', /SSM knows a node no longer, and would not send .*: check again/],
  ])('has a sentence for %s', async (name, sentence) => {
    ssm.on(SendCommandCommand).rejects(named(name));
    await expect(commands.send(request())).rejects.toThrow(sentence);
    await expect(commands.send(request())).rejects.toBeInstanceOf(FleetError);
  });

  test.each([
    ['Pending', false],
    ['InProgress', false],
    ['Cancelling', false],
    ['Success', true],
    ['Failed', true],
    ['TimedOut', true],
    ['Cancelled', true],
    ['Invented', false],
  ])('tells in one call how far a command is: %s', async (Status, ended) => {
    const command = { CommandId: 'c-0', Status: Status as 'Success', CompletedCount: 2, TargetCount: 3 };
    ssm.on(ListCommandsCommand, { CommandId: 'c-0' }).resolves({ Commands: [command] });
    expect(await commands.progress(['c-0'])).toEqual({ ended, completed: 2, total: 3 });
    expect(ssm.commandCalls(ListCommandsCommand)).toHaveLength(1);
  });

  test('takes a command that SSM does not know yet for one that has not ended', async () => {
    const none = { ended: false, completed: 0, total: 0 };
    ssm.on(ListCommandsCommand).resolvesOnce({ Commands: [] }).rejects(named('InvalidCommandId'));
    expect(await commands.progress(['c-0'])).toEqual(none);
    expect(await commands.progress(['c-0'])).toEqual(none);
  });

  test('tells how far several commands are together, and reads no more pages than it takes', async () => {
    await commands.send(request());
    const ended = { Status: 'Success' as const, CompletedCount: 50, TargetCount: 50 };
    const foreign = { ...ended, CommandId: 'foreign' };
    ssm
      .on(ListCommandsCommand)
      .resolvesOnce({ Commands: [foreign, { ...ended, CommandId: 'c-1' }], NextToken: '1' })
      .resolvesOnce({ Commands: [{ CommandId: 'c-0', Status: 'InProgress', TargetCount: 20 }], NextToken: '2' });
    expect(await commands.progress(['c-0', 'c-1'])).toEqual({ ended: false, completed: 50, total: 70 });
    const [call] = ssm.commandCalls(ListCommandsCommand);
    expect(call?.args[0].input.Filters).toEqual([
      { key: 'InvokedAfter', value: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) },
    ]);
  });

  test('does not take several commands for ended while one of them is not known', async () => {
    ssm.on(ListCommandsCommand).resolves({ Commands: [{ CommandId: 'c-1', Status: 'Success' }] });
    expect((await commands.progress(['c-0', 'c-1'])).ended).toBe(false);
  });

  const all = async (ids: readonly string[]): Promise<readonly CommandOutcome[]> => {
    const outcomes: CommandOutcome[] = [];
    for await (const outcome of commands.outcomes(ids)) outcomes.push(outcome);
    return outcomes;
  };

  test('lists what nodes came to, 50 a page, of each command', async () => {
    ssm
      .on(ListCommandInvocationsCommand, { CommandId: 'c-0' })
      .resolvesOnce({
        CommandInvocations: [
          { InstanceId: 'i-1', Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' },
          { InstanceId: 'i-2', Status: 'Success', StatusDetails: 'Success', CommandPlugins: [{ Output: 'line' }] },
        ],
        NextToken: '1',
      })
      .resolves({ CommandInvocations: [{ InstanceId: 'i-3' }] });
    ssm.on(ListCommandInvocationsCommand, { CommandId: 'c-1' }).rejects(named('InvalidCommandId'));
    expect(await all(['c-0', 'c-1'])).toEqual([
      { node: 'i-1', status: 'TimedOut', details: 'DeliveryTimedOut', output: '' },
      { node: 'i-2', status: 'Success', details: 'Success', output: 'line' },
      { node: 'i-3', status: '', details: '', output: '' },
    ]);
    const [first] = ssm.commandCalls(ListCommandInvocationsCommand);
    expect(first?.args[0].input).toMatchObject({ CommandId: 'c-0', Details: true, MaxResults: 50 });
  });

  test.each([
    ['ListCommands', () => commands.progress(['c-0'])],
    ['ListCommandInvocations', () => all(['c-0'])],
    ['CancelCommand', () => commands.cancel(['c-0'])],
  ])('names the right that is missing: %s', async (operation, act) => {
    ssm.onAnyCommand().rejects(named('AccessDeniedException'));
    await expect(act()).rejects.toThrow(`(ssm:${operation}): deploy the stack of this environment again`);
  });
});

describe('on the wire', () => {
  const answers: (readonly [status: number, body: object])[] = [];
  const asked: unknown[] = [];
  let server: Server | null = null;
  const client = async (): Promise<SSMClient> => {
    server ??= createServer(async (incoming, response) => {
      let text = '';
      for await (const chunk of incoming) text += chunk;
      asked.push(JSON.parse(text));
      const [status, body] = answers.shift() ?? [400, { __type: 'ThrottlingException', message: 'Rate exceeded' }];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
    if (!server.listening) await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    return new SSMClient({ ...PATIENT, endpoint, region: 'eu-west-1', credentials });
  };
  beforeEach(() => {
    answers.length = 0;
    asked.length = 0;
    mockClient(SSMClient).restore();
  });
  afterAll(() => server?.close());
  const slowDown = [400, { __type: 'ThrottlingException', message: 'Rate exceeded' }] as const;

  test('waits while SSM throttles', async () => {
    answers.push(slowDown, slowDown, [200, { Commands: [{ CommandId: 'c', Status: 'Success', TargetCount: 1 }] }]);
    const commands = new SsmCommands(await client());
    expect(await commands.progress(['c'])).toEqual({ ended: true, completed: 0, total: 1 });
    expect(asked).toEqual([{ CommandId: 'c' }, { CommandId: 'c' }, { CommandId: 'c' }]);
  });

  test('gives up in the end, with a sentence', async () => {
    const patient = await client();
    const { config } = patient;
    expect(await config.maxAttempts()).toBe(8);
    const impatient = new SSMClient({
      ...{ retryMode: 'adaptive', maxAttempts: 2, region: 'eu-west-1' },
      ...(config.endpoint === undefined ? {} : { endpoint: await config.endpoint() }),
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    await expect(new SsmCommands(impatient).progress(['c'])).rejects.toThrow('AWS was too busy to list commands');
    expect(asked).toHaveLength(2);
  });

  test('says when nobody is there', async () => {
    const nobody = new SSMClient({
      ...{ region: 'eu-west-1', maxAttempts: 1, endpoint: 'http://127.0.0.1:1' },
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    await expect(new SsmCommands(nobody).progress(['c'])).rejects.toThrow(
      'AWS did not answer when asked to list commands',
    );
  });
});
