import { copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DescribeInstancesCommand, type DescribeInstancesCommandInput, EC2Client } from '@aws-sdk/client-ec2';
import { CreateGroupCommand, ListGroupResourcesCommand, ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeInstanceInformationCommand, type DescribeInstanceInformationCommandInput } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Node } from '#sandbox/nodes.ts';
import { ownerOf } from '#sandbox/outside.ts';
import type { Sandbox } from '#sandbox/start.ts';
import { type Account, on, type Sender, startAccount } from './sandbox-nodes.ts';

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
    const groups = new ResourceGroupsClient(ownerOf(sandbox));
    const ResourceQuery = { Type: 'TAG_FILTERS_1_0' as const, Query: JSON.stringify(query) };
    await groups.send(new CreateGroupCommand({ Name: 'masters', ResourceQuery }));
    const listed = await groups.send(new ListGroupResourcesCommand({ Group: 'masters' }));
    const types = listed.ResourceIdentifiers?.map(({ ResourceType }) => ResourceType).sort();
    expect(types).toEqual(['AWS::EC2::Instance', 'AWS::SSM::ManagedInstance']);
    const { on: said } = await sender.run('true', { Targets: [{ Key: 'resource-groups:Name', Values: ['masters'] }] });
    expect(Object.keys(said).sort()).toEqual(['one', 'own']);
    const reader = new ResourceGroupsClient({ ...ownerOf(sandbox), credentials: await sender.credentials('reader') });
    const list = (Group: string) => reader.send(new ListGroupResourcesCommand({ Group }));
    await expect(list('masters')).rejects.toThrow(/tag:GetResources/);
    await expect(list('others')).rejects.toThrow(/not authorized to perform: resource-groups:ListGroupResources/);
  });
});
