import { copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DescribeInstancesCommand, type DescribeInstancesCommandInput, EC2Client } from '@aws-sdk/client-ec2';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  type DescribeInstanceInformationCommandInput,
  GetCommandInvocationCommand,
  ListCommandsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
  type SendCommandCommandOutput,
} from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { BuildMiddleware } from '@smithy/types';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Node } from '#sandbox/nodes.ts';
import { ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { byTag, Sender } from './sandbox-nodes.ts';

let sandbox: Sandbox;
let sender: Sender;
let one: Node;
let two: Node;
let own: Node;
let windows: Node;

beforeAll(async () => {
  sandbox = await startSandbox();
  sender = await Sender.in(sandbox);
  const tags = { Role: 'master', Group: 'all' };
  [one, two, own, windows] = await Promise.all([
    sandbox.nodes.create({ name: 'one', tags, launchedAt: new Date('2026-01-02T03:04:05Z') }),
    sandbox.nodes.create({ name: 'two', tags: { ...tags, Role: 'minion' } }),
    sandbox.nodes.create({ name: 'own', tags, hybrid: true }),
    sandbox.nodes.create({ name: 'windows', tags: { Role: 'windows' }, platform: 'Windows' }),
  ]);
}, 120_000);

afterAll(() => sandbox?.stop());

const on = (...nodes: Node[]) => ({ InstanceIds: nodes.map((node) => node.id) });
const ALL = byTag('Group', 'all');

describe('a node', () => {
  it('runs the deployed document as its agent does, with its own root, name and processes', async () => {
    const { status, on: said } = await sender.run('hostname; pwd; env | sort; ps -o args= -p 1; id -un', on(one, own));
    expect(status).toBe('Success Success');
    expect(said['one']?.output).toMatch(/^one\n\/usr\/bin\n/);
    expect(said['one']?.output).toContain(`AWS_SSM_INSTANCE_ID=${one.id}\nAWS_SSM_REGION_NAME=eu-west-1\nHOME=/root\n`);
    expect(said['one']?.output).toContain('SSL_CERT_FILE=/etc/ssl/sandbox-ca.pem\n');
    expect(said['one']?.output).toMatch(/root\n$/);
    expect(said['one']?.output).not.toMatch(/AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|SANDBOX_|AWS_ENDPOINT_URL/);
    expect(said['own']?.output).toContain(`AWS_SSM_INSTANCE_ID=${own.id}`);
    expect(own.id).toMatch(/^mi-[0-9a-f]{17}$/);
  });

  it('keeps what is written on it, and lets nothing of it reach this machine', async () => {
    const places = ['/etc', '/usr/local/bin', '/opt', '/var/lib', '/tmp', '/var/tmp', '/root', '/run', '/home', '/dev'];
    const files = places.map((place) => `${place}/plumbline-node`);
    await one.shell(files.map((file) => `echo here > ${file}`).join(' && '));
    await one.write('/etc/deep/er/file', 'as "it" is\n', '0600');
    await one.shell('rm /etc/passwd; echo changed >> /etc/group');
    expect(files.filter(existsSync)).toEqual([]);
    expect(readFileSync('/etc/group', 'utf8')).not.toContain('changed');
    expect(existsSync('/etc/passwd')).toBe(true);
    expect(await Promise.all(files.map((file) => two.file(file)))).toEqual(files.map(() => null));
    await Promise.all([one.stop()]);
    await one.start();
    expect(await one.file('/etc/plumbline-node')).toBe('here\n');
    expect(await one.file('/root/plumbline-node')).toBe('here\n');
    expect(await one.file('/run/plumbline-node')).toBeNull();
    expect(await one.shell('stat -c %a /etc/deep/er/file && cat /etc/deep/er/file')).toBe('600\nas "it" is\n');
    await expect(one.shell('echo before; false')).rejects.toThrow(/node one.*ended with 1: .*\nbefore/s);
    await one.shell('cp -a /etc/passwd- /etc/passwd 2>/dev/null || echo root:x:0:0::/root:/bin/sh > /etc/passwd');
  });

  it('turns none of the knobs of a kernel that is not its own', async () => {
    const tries = ['echo 1 > /proc/sys/vm/swappiness', 'touch /sys/x', 'date -s 2020-01-01'];
    const results = await Promise.all(tries.map((line) => one.try(line)));
    expect(results.map(({ exitCode }) => exitCode === 0)).toEqual([false, false, false]);
    expect(new Date().getUTCFullYear()).toBeGreaterThan(2025);
    expect((await execa('hostname')).stdout).not.toBe('one');
    expect(await one.file(import.meta.filename)).toBeNull();
    expect(await one.shell(`pgrep -f 'emulator/launch[.]py' || echo none`)).toBe('none\n');
  });

  it('has the credentials of its instance profile where EC2 has them, and no right to S3', async () => {
    const base = '$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest';
    const role = `${base}/meta-data/iam/security-credentials/`;
    const lines = [
      `curl -s -o /dev/null -w '%{http_code}\\n' ${role}`,
      `token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${base}/api/token)`,
      `name=$(curl -s -H "X-aws-ec2-metadata-token: $token" ${role})`,
      `curl -s -H "X-aws-ec2-metadata-token: $token" ${role}$name`,
    ];
    const [refused, document] = (await one.shell(lines.join('\n'))).split('\n');
    expect(refused).toBe('401');
    const found = JSON.parse(document ?? '');
    const credentials = {
      accessKeyId: found.AccessKeyId,
      secretAccessKey: found.SecretAccessKey,
      sessionToken: found.Token,
    };
    const client = { ...ownerOf(sandbox), credentials };
    const { Arn } = await new STSClient(client).send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe(`arn:aws:sts::000000000000:assumed-role/sandbox-node/${one.id}`);
    await expect(new S3Client(client).send(new ListBucketsCommand({}))).rejects.toThrow(
      /not authorized|Access ?Denied/i,
    );
  });

  it('has Ansible, until it is taken away; and so with Python', async () => {
    await two.write(
      '/root/site.yml',
      '- hosts: localhost\n  tasks: [{ copy: { dest: /etc/motd, content: "hello" } }]\n',
    );
    const check = 'ansible-playbook -i localhost, -c local -C -D /root/site.yml';
    expect(await two.shell(check)).toMatch(/\+hello[\s\S]*changed=1/);
    await two.set({ ansible: false });
    expect((await two.try('command -v ansible-playbook ansible-vault')).exitCode).not.toBe(0);
    await two.set({ python: false });
    expect((await two.try('command -v python3 python')).exitCode).not.toBe(0);
    await two.set({ python: true });
    expect(await two.shell('python3 -c "print(6 * 7)"; command -v ansible-vault')).toBe(
      '42\n/usr/local/bin/ansible-vault\n',
    );
  });

  it('has a full disk when it is wanted', async () => {
    await two.shell('echo before > /tmp/kept');
    await two.set({ diskFull: true });
    const { exitCode, stderr } = await two.try('echo x > /tmp/file && head -c 100000 /dev/zero > /tmp/more');
    expect([exitCode === 0, stderr]).toEqual([false, expect.stringContaining('No space left on device')]);
    expect((await two.try('head -c 100000 /dev/zero > /var/tmp/more')).exitCode).not.toBe(0);
    await two.set({ diskFull: false });
    expect(await two.file('/tmp/kept')).toBe('before\n');
  });
});

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
    const { status, on: said } = await (async () => {
      const id = await sender.start('echo ran > /etc/late', {
        ...on(two, one, windows),
        TimeoutSeconds: 30,
        MaxErrors: '100%',
      });
      await until('one has ended', 10, async () => ((await sender.command(id)).CompletedCount === 2 ? true : null));
      expect((await sender.command(id)).Status).toBe('InProgress');
      await sandbox.nodes.advanceCommandClock(31);
      await two.set({ agent: 'online' });
      await new Promise((resolve) => setTimeout(resolve, 500));
      await sandbox.nodes.advanceCommandClock(60);
      return sender.end(id);
    })();
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

  it('is refused for a while when it is called too often', async () => {
    await sandbox.nodes.throttle('SendCommand', 2);
    const again = () => sender.start('true', on(one), sender.impatient);
    await expect(again()).rejects.toThrow(/Rate exceeded/);
    await expect(again()).rejects.toMatchObject({ name: 'ThrottlingException' });
    await expect(again()).resolves.toMatch(/-/);
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
    const input = { DocumentName: 'script', Parameters: lines, ...on(one), ...wrong };
    const refused = sender.ssm
      .send(new SendCommandCommand(input))
      .catch((error: Error) => `${error.name}: ${error.message}`);
    expect(await refused).toMatch(expected);
  });

  it('refuses a member that it does not know', async () => {
    const odd = new SendCommandCommand({ DocumentName: 'script', Parameters: lines, ...on(one) });
    const add: BuildMiddleware<SendCommandCommandInput, SendCommandCommandOutput> = (next) => (args) => {
      const request = args.request as { body: Uint8Array };
      const body = JSON.parse(Buffer.from(request.body).toString());
      request.body = Buffer.from(JSON.stringify({ ...body, Odd: 'x' }));
      return next(args);
    };
    odd.middlewareStack.add(add, { step: 'build', priority: 'high' });
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

describe('without the rights of root', () => {
  it('a node has its own root too', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-node-'));
    const emulator = path.join(import.meta.dirname, '../../sandbox/emulator');
    for (const name of ['node.py', 'node_root.py']) copyFileSync(path.join(emulator, name), path.join(folder, name));
    writeFileSync(path.join(folder, 'ca.pem'), 'a certificate');
    const script = `
from node import Node
node = Node("i-1", "mine", "Linux", None)
node.start()
print(node.ask("shell", command="hostname; id -u; echo here | tee -a /etc/hosts > /etc/plumbline-node; cat /etc/plumbline-node", input="")["stdout"])
node.kill()`;
    writeFileSync(path.join(folder, 'try.py'), script);
    const nobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    await execa('chmod', ['-R', 'a+rwX', folder]);
    const env = { SANDBOX_DIR: folder, SSL_CERT_FILE: path.join(folder, 'ca.pem'), PYTHONDONTWRITEBYTECODE: '1' };
    const [tool = '', ...args] = [...nobody, '/usr/bin/python3', path.join(folder, 'try.py')];
    const { stdout } = await execa(tool, args, { env });
    expect(stdout).toBe('mine\n0\nhere\n');
    expect(existsSync('/etc/plumbline-node')).toBe(false);
    await execa('rm', ['-rf', folder]);
  });
});

describe('the inventory', () => {
  const ids = async (input: DescribeInstanceInformationCommandInput) => {
    const found = await sender.ssm.send(new DescribeInstanceInformationCommand(input));
    return (found.InstanceInformationList ?? []).map(({ ComputerName }) => ComputerName).sort();
  };

  it('of SSM is filtered and paged as on AWS', async () => {
    const by = (Key: string, ...Values: string[]) => ids({ Filters: [{ Key, Values }] });
    expect(await by('tag:Role', 'master')).toEqual(['one', 'own']);
    expect(await by('tag-key', 'Group')).toEqual(['one', 'own', 'two']);
    expect(await by('ResourceType', 'ManagedInstance')).toEqual(['own']);
    expect(await by('InstanceIds', one.id, own.id)).toEqual(['one', 'own']);
    await own.set({ agent: 'offline' });
    expect(await by('PingStatus', 'ConnectionLost')).toEqual(['own']);
    await own.set({ agent: 'online', registered: false });
    expect(await ids({})).toEqual(['one', 'two', 'windows']);
    await own.set({ registered: true });
    await expect(by('Colour', 'red')).rejects.toThrow(/Colour/);
    await expect(ids({ MaxResults: 4 })).rejects.toThrow(/greater than or equal to 5/);
    await expect(ids({ MaxResults: 51 })).rejects.toThrow(/less than or equal to 50/);
    await expect(ids({ NextToken: 'x' })).rejects.toThrow(/token/);
  });

  it('of EC2 knows tags, states, launch times and pages', async () => {
    const ec2 = new EC2Client(ownerOf(sandbox));
    const find = async (input: DescribeInstancesCommandInput) =>
      (await ec2.send(new DescribeInstancesCommand(input))).Reservations?.flatMap(({ Instances }) => Instances ?? []) ??
      [];
    const Filters = [{ Name: 'tag:Role', Values: ['master', 'windows'] }];
    const found = await find({ Filters });
    expect(found.map(({ InstanceId }) => InstanceId).sort()).toEqual([one.id, windows.id].sort());
    expect(found.find(({ InstanceId }) => InstanceId === one.id)).toMatchObject({
      LaunchTime: new Date('2026-01-02T03:04:05Z'),
      State: { Name: 'running' },
      Tags: expect.arrayContaining([{ Key: 'Name', Value: 'one' }]),
    });
    expect(found.find(({ InstanceId }) => InstanceId === windows.id)?.Platform).toBe('windows');
    await two.set({ state: 'stopping' });
    expect(await find({ Filters: [{ Name: 'instance-state-name', Values: ['stopping'] }] })).toHaveLength(1);
    await two.set({ state: 'running' });
    await expect(find({ Filters: [{ Name: 'colour', Values: ['red'] }] })).rejects.toThrow(
      /filter 'colour' is invalid/,
    );
    await expect(find({ MaxResults: 4 })).rejects.toThrow(/maxResults/);
    await expect(find({ MaxResults: 5, InstanceIds: [one.id] })).rejects.toThrow(/cannot be used with/);
  });

  it('has resource groups by tags, whose nodes a command can be sent to', async () => {
    const query = {
      ResourceTypeFilters: ['AWS::AllSupported'],
      TagFilters: [{ Key: 'Role', Values: ['master'] }],
    };
    const aws = (...args: string[]) =>
      execa('.venv/bin/aws', ['resource-groups', ...args, '--output', 'json'], { env: sandbox.env });
    const resource = JSON.stringify({ Type: 'TAG_FILTERS_1_0', Query: JSON.stringify(query) });
    await aws('create-group', '--name', 'masters', '--resource-query', resource);
    const { stdout } = await aws('list-group-resources', '--group', 'masters');
    const types = JSON.parse(stdout)
      .ResourceIdentifiers.map((item: { ResourceType: string }) => item.ResourceType)
      .sort();
    expect(types).toEqual(['AWS::EC2::Instance', 'AWS::SSM::ManagedInstance']);
    const { on: said } = await sender.run('true', { Targets: [{ Key: 'resource-groups:Name', Values: ['masters'] }] });
    expect(Object.keys(said).sort()).toEqual(['one', 'own']);
  });
});
