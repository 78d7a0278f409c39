import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '#sandbox/tls.ts';
import { deployedDocument } from '#test/node-document.ts';
import { type Ended, plumbline } from './command.ts';
import { ACCOUNT, FakeAws } from './fake-aws.ts';

const repo = mkdtempSync(path.join(tmpdir(), 'plumbline-doctor-nodes-'));
let certificates: Certificates;
let aws: FakeAws;

beforeAll(async () => {
  certificates = await makeCertificates(repo);
  aws = await FakeAws.start(certificates);
  writeFileSync(
    path.join(repo, 'plumbline.yaml'),
    `version: 1
sources: { infra: { url: "https://git.example/infra.git", ref: main } }
environments: { prod: { account: "${ACCOUNT}", region: eu-west-1, role: acme, severity: critical } }
targets:
  kube: { in: [prod], source: infra, nodes: { playbook: site.yml, select: { "tag:Role": master } } }
notify: { critical: { email: [ops@acme.example] } }
`,
  );
});
afterAll(async () => {
  await aws.stop();
  rmSync(repo, { recursive: true, force: true });
});
beforeEach(() => aws.reset(null));

const tags = (name: string): string =>
  `<tagSet><item><key>Name</key><value>${name}</value></item><item><key>Role</key><value>master</value></item></tagSet>`;
const instance = (id: string, name: string): string =>
  `<item><instanceId>${id}</instanceId><instanceState><code>16</code><name>running</name></instanceState>` +
  `<launchTime>2026-01-01T00:00:00.000Z</launchTime>${tags(name)}</item>`;
const instances = (...items: readonly string[]): string =>
  `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet>` +
  `${items.join('')}</instancesSet></item></reservationSet></DescribeInstancesResponse>`;
const agent = (id: string, status: string) => ({
  ...{ InstanceId: id, PingStatus: status, PlatformType: 'Linux', RegistrationDate: 1_767_225_600 },
  LastPingDateTime: 1_767_312_000,
});

function run(): Promise<Ended> {
  return plumbline(['doctor'], {
    cwd: repo,
    env: {
      ...{ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'not-a-secret', AWS_ENDPOINT_URL: aws.url },
      ...{ NODE_EXTRA_CA_CERTS: certificates.ca, AWS_EC2_METADATA_DISABLED: 'true' },
    },
  });
}
/** The lines about what AWS says. */
const linesOf = ({ stdout }: Ended): readonly string[] =>
  stdout
    .trimEnd()
    .split('\n')
    .filter((line) => /^. prod/.test(line));

test('nodes of EC2 and of other places, and the document that was deployed: all is well', async () => {
  aws.nodes = {
    ec2: instances(instance('i-0123456789abcdef0', 'master-1')),
    'AmazonSSM.GetDocument': { DocumentVersion: '3', Content: JSON.stringify(deployedDocument()) },
    'AmazonSSM.DescribeInstanceInformation': {
      InstanceInformationList: [
        agent('i-0123456789abcdef0', 'Online'),
        { ...agent('mi-0123456789abcdef0', 'Online'), Name: 'rack-7' },
      ],
    },
    'AmazonSSM.ListTagsForResource': { TagList: [{ Key: 'Role', Value: 'master' }] },
  };
  const ended = await run();
  expect(ended).toMatchObject({ stderr: '' });
  expect(linesOf(ended)).toEqual([
    `✓ prod account     ${ACCOUNT}, as ${aws.caller}`,
    '✓ prod document    plumbline-nodes, version 3',
    '✓ prod/kube nodes  2 of 2 can be asked: master-1, rack-7',
  ]);
});

test('nothing is deployed, and a node is out of reach: what to do, line by line', async () => {
  aws.nodes = {
    ec2: instances(instance('i-0123456789abcdef0', 'master-1'), instance('i-0123456789abcdef1', 'master-2')),
    'AmazonSSM.DescribeInstanceInformation': {
      InstanceInformationList: [agent('i-0123456789abcdef0', 'ConnectionLost')],
    },
  };
  const ended = await run();
  expect(ended).toMatchObject({ code: 1, stderr: '' });
  expect(linesOf(ended).slice(1)).toEqual([
    '✗ prod document    there is no SSM document plumbline-nodes in eu-west-1: deploy',
    '✗ prod/kube nodes  none of 2 can be asked: here is why, node by node',
    expect.stringMatching(
      /^✗ prod\/kube nodes {2}master-1: its SSM agent is offline since 2026-01-02T.*start the agent/,
    ),
    expect.stringMatching(/^✗ prod\/kube nodes {2}master-2: SSM does not know it: .*AmazonSSMManagedInstanceCore/),
  ]);
});
