import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ListGroupResourcesCommand, ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import { DescribeInstanceInformationCommand, ListTagsForResourceCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { AwsNodes } from '#services/aws/nodes.ts';
import { FleetError } from '#services/ports.ts';

const ec2 = mockClient(EC2Client);
const ssm = mockClient(SSMClient);
const groups = mockClient(ResourceGroupsClient);
const nodes = new AwsNodes();
const AT = new Date('2026-11-27T08:00:00Z');
const named = (name: string, message = 'no') => Object.assign(new Error(message), { name });

beforeEach(() => {
  for (const mock of [ec2, ssm, groups]) mock.reset();
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [] });
  ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [] });
  ssm.on(ListTagsForResourceCommand).resolves({ TagList: [] });
});

const filters = () => ec2.commandCalls(DescribeInstancesCommand).map((call) => call.args[0].input.Filters);
const agentFilters = () =>
  ssm.commandCalls(DescribeInstanceInformationCommand).map((call) => call.args[0].input.Filters);

describe('by tags', () => {
  test('asks EC2 and SSM for those that have each of the tags', async () => {
    await nodes.find({ tags: { Role: ['master', 'minion'], Env: ['prod'] } });
    expect(filters()).toEqual([
      [
        { Name: 'tag:Role', Values: ['master', 'minion'] },
        { Name: 'tag:Env', Values: ['prod'] },
      ],
    ]);
    expect(agentFilters()).toEqual([
      [
        { Key: 'tag:Role', Values: ['master', 'minion'] },
        { Key: 'tag:Env', Values: ['prod'] },
      ],
    ]);
  });

  test('means what a tag says, where EC2 knows wildcards', async () => {
    await nodes.find({ tags: { Role: ['m*', 'a?b\\'] } });
    expect(filters()[0]?.[0]?.Values).toEqual(['m\\*', 'a\\?b\\\\']);
    expect(agentFilters()[0]?.[0]?.Values).toEqual(['m*', 'a?b\\']);
  });

  test('joins what EC2 says of an instance and SSM of its agent', async () => {
    const instance = {
      ...{ InstanceId: 'i-1', PrivateIpAddress: '10.0.0.1', LaunchTime: AT, State: { Name: 'running' as const } },
      Tags: [{ Key: 'Name', Value: 'master-1' }, { Key: '__proto__', Value: 'x' }, { Key: 'empty' }],
    };
    const bare = { InstanceId: 'i-2', Platform: 'Windows' as const };
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [instance] }, { Instances: [bare] }] });
    const agent = { PingStatus: 'ConnectionLost' as const, LastPingDateTime: AT, PlatformType: 'Linux' as const };
    ssm.on(DescribeInstanceInformationCommand).resolves({
      // An agent of an instance that EC2 has forgotten is of no use.
      InstanceInformationList: [
        { InstanceId: 'i-1', ...agent },
        { InstanceId: 'i-9', ...agent },
      ],
    });
    expect(await nodes.find({ tags: { Role: ['master'] } })).toEqual([
      {
        id: 'i-1',
        tags: Object.fromEntries([
          ['Name', 'master-1'],
          ['__proto__', 'x'],
          ['empty', ''],
        ]),
        ...{ address: '10.0.0.1', platform: 'Linux', state: 'running', launchedAt: AT, computerName: null },
        agent: { online: false, status: 'ConnectionLost', lastSeen: AT },
      },
      {
        ...{ id: 'i-2', tags: {}, address: null, platform: 'Windows', state: 'unknown', launchedAt: null },
        ...{ agent: null, computerName: null },
      },
    ]);
  });

  test('takes machines of other places as SSM knows them, with their tags', async () => {
    const hybrid = {
      ...{ InstanceId: 'mi-1', Name: 'by activation', ComputerName: 'db.acme', IPAddress: '192.168.0.5' },
      ...{ PingStatus: 'Online' as const, PlatformType: 'Linux' as const, RegistrationDate: AT },
    };
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [hybrid] });
    ssm
      .on(ListTagsForResourceCommand, { ResourceType: 'ManagedInstance', ResourceId: 'mi-1' })
      .resolves({ TagList: [{ Key: 'Role', Value: 'db' }] });
    expect(await nodes.find({ tags: { Role: ['db'] } })).toEqual([
      {
        ...{ id: 'mi-1', tags: { Name: 'by activation', Role: 'db' }, address: '192.168.0.5', platform: 'Linux' },
        ...{ state: 'registered', launchedAt: AT, computerName: 'db.acme' },
        agent: { online: true, status: 'Online', lastSeen: null },
      },
    ]);
    ssm.on(ListTagsForResourceCommand).resolves({ TagList: [{ Key: 'Name', Value: 'db-1' }] });
    const [node] = await nodes.find({ tags: { Role: ['db'] } });
    expect(node?.tags['Name']).toBe('db-1');
  });

  test('reads every page: 1,000 nodes are 20 calls of SSM and 5 of EC2', async () => {
    const page = (size: number) => (input: { readonly NextToken?: string | undefined }) => {
      const start = Number(input.NextToken ?? 0);
      const ids = Array.from({ length: size }, (_, at) => ({ InstanceId: `i-${start + at}` }));
      return { ids, ...(start + size < 1000 ? { NextToken: String(start + size) } : {}) };
    };
    ssm.on(DescribeInstanceInformationCommand).callsFake((input) => {
      const { ids, ...rest } = page(input.MaxResults)(input);
      return { InstanceInformationList: ids, ...rest };
    });
    ec2.on(DescribeInstancesCommand).callsFake((input) => {
      const { ids, ...rest } = page(input.MaxResults)(input);
      return { Reservations: ids.map((Instance) => ({ Instances: [Instance] })), ...rest };
    });
    const found = await nodes.find({ tags: { Role: ['minion'] } });
    expect(found).toHaveLength(1000);
    expect(found.every(({ agent }) => agent !== null)).toBe(true);
    const calls = ssm.commandCalls(DescribeInstanceInformationCommand);
    expect(calls).toHaveLength(20);
    for (const call of calls) expect(call.args[0].input.MaxResults).toBe(50);
    expect(ec2.commandCalls(DescribeInstancesCommand)).toHaveLength(5);
  });
});

describe('by ids', () => {
  test('asks as a filter, so that one that is gone does not spoil the others, and each once', async () => {
    const many = Array.from({ length: 201 }, (_, at) => `i-${at}`);
    await nodes.find({ ids: [...many, 'i-0', 'mi-1'] });
    expect(filters().map((filter) => filter?.[0]?.Values?.length)).toEqual([200, 1]);
    expect(filters().flatMap((filter) => filter?.[0]?.Values)).not.toContain('mi-1');
    expect(agentFilters().map((filter) => filter?.[0]?.Values?.length)).toEqual([50, 50, 50, 50, 2]);
    expect(agentFilters().at(-1)).toEqual([{ Key: 'InstanceIds', Values: ['i-200', 'mi-1'] }]);
  });

  test('asks EC2 nothing when all are of other places', async () => {
    await nodes.find({ ids: ['mi-1'] });
    expect(filters()).toEqual([]);
  });
});

describe('by resource group', () => {
  test('asks for its machines, whatever else is in it', async () => {
    const arns = [
      'arn:aws:ec2:eu-west-1:111111111111:instance/i-0a',
      'arn:aws:ssm:eu-west-1:111111111111:managed-instance/mi-0b',
      'arn:aws:s3:::bucket/i-0c',
      'arn:aws:ec2:eu-west-1:111111111111:volume/vol-1',
    ];
    const Resources = arns.map((ResourceArn) => ({ Identifier: { ResourceArn } }));
    groups.on(ListGroupResourcesCommand, { Group: 'web' }).resolvesOnce({ Resources, NextToken: '1' }).resolves({});
    await nodes.find({ resourceGroup: 'web' });
    expect(groups.commandCalls(ListGroupResourcesCommand)).toHaveLength(2);
    expect(filters()).toEqual([[{ Name: 'instance-id', Values: ['i-0a'] }]]);
    expect(agentFilters()).toEqual([[{ Key: 'InstanceIds', Values: ['i-0a', 'mi-0b'] }]]);
  });

  test('says when there is none of that name', async () => {
    groups.on(ListGroupResourcesCommand).rejects(named('NotFoundException'));
    await expect(nodes.find({ resourceGroup: 'web' })).rejects.toThrow(
      'AWS found nothing to list the nodes of the resource group web: create the resource group, or mend nodes.select',
    );
  });
});

describe('what AWS refuses', () => {
  test.each([
    ['UnauthorizedOperation', /may not list instances \(ec2:DescribeInstances\): deploy the stack .* \(AWS: no\)/],
    ['RequestLimitExceeded', /AWS was too busy to list instances .*: check again later/],
    ['ExpiredToken', /no valid credentials left to list instances .*: keep the target's timeout below an hour/],
    ['TimeoutError', /AWS did not answer when asked to list instances .*: check again later/],
  ])('has a sentence for %s', async (name, sentence) => {
    ec2.on(DescribeInstancesCommand).rejects(named(name));
    const find = nodes.find({ tags: { Role: ['a'] } });
    await expect(find).rejects.toBeInstanceOf(FleetError);
    await expect(find).rejects.toThrow(sentence);
  });

  test('names each right that is missing', async () => {
    ssm.on(DescribeInstanceInformationCommand).rejects(named('AccessDeniedException', 'x'.repeat(5000)));
    const find = nodes.find({ tags: { Role: ['a'] } });
    await expect(find).rejects.toThrow(/may not list SSM agents \(ssm:DescribeInstanceInformation\)/);
    await expect(find).rejects.toThrow(/^.{1,500}$/);
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [{ InstanceId: 'mi-1' }] });
    ssm.on(ListTagsForResourceCommand).rejects(named('AccessDeniedException'));
    await expect(nodes.find({ ids: ['mi-1'] })).rejects.toThrow(/may not read the tags of mi-1 \(ssm:ListTags/);
  });

  test('throws on what it cannot explain', async () => {
    ec2.on(DescribeInstancesCommand).rejects(new RangeError('boom'));
    await expect(nodes.find({ tags: { Role: ['a'] } })).rejects.toBeInstanceOf(RangeError);
  });
});
