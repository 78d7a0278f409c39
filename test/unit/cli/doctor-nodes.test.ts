import { GetDocumentCommand, InvalidDocument, SSMClient, SSMServiceException } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { ill, well } from '#cli/doctor/diagnosis.ts';
import { examineNodes, type NodePorts } from '#cli/doctor/nodes.ts';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { FoundNode } from '#drift/nodes/fleet.ts';
import type { NodesTarget } from '#drift/target.ts';
import { DocumentError, readDocument } from '#services/aws/documents.ts';
import { FleetError } from '#services/ports.ts';
import { deployedDocument } from '#test/node-document.ts';

const NOW = new Date('2026-11-27T10:00:00Z');
const REGION = 'eu-west-1';

function targetOf(nodes = ''): NodesTarget {
  const parsed = parseConfig(
    `version: 1
sources: { infra: { url: "https://git.example/infra.git", ref: main } }
environments: { prod: { account: "222222222222", region: ${REGION}, role: acme, severity: critical } }
targets: { kube: { in: [prod], source: infra, nodes: { playbook: site.yml, select: { "tag:Role": master }${nodes} } } }
notify: { critical: { email: [a@acme.example] } }
`,
    'it',
    NOW,
  );
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  const [target] = parsed.config.targets;
  if (target?.layer !== 'nodes') throw new Error('no target of nodes');
  return target;
}

const nodeOf = (name: string, more: Partial<FoundNode> = {}): FoundNode => ({
  ...{
    id: `i-${name}`,
    tags: { Name: name, Role: 'master' },
    address: '10.0.0.1',
    platform: 'Linux',
    state: 'running',
  },
  ...{ launchedAt: new Date('2026-11-01T00:00:00Z'), computerName: name },
  agent: { online: true, status: 'Online', lastSeen: NOW },
  ...more,
});

const DOCUMENT = well('prod document', 'plumbline-nodes, version 7');
const ports = (more: Partial<NodePorts> = {}): NodePorts => ({
  document: async () => ({ version: '7', content: JSON.stringify(deployedDocument()) }),
  wanted: deployedDocument,
  find: async () => [nodeOf('a'), nodeOf('b')],
  ...more,
});
const examined = (more: Partial<NodePorts> = {}, nodes = '') =>
  examineNodes([targetOf(nodes)], REGION, ports(more), NOW);
const withNodes = (...found: readonly FoundNode[]) => ({ find: async () => found });

describe('the document', () => {
  const documentOf = async (more: Partial<NodePorts>) => (await examined(more))[0];

  test('is there, of this version, wherever numbers became texts', async () => {
    expect(await documentOf({})).toEqual(DOCUMENT);
    const wanted = () => ({ timeoutSeconds: 60, onFailure: true });
    const content = JSON.stringify({ onFailure: 'true', timeoutSeconds: '60' });
    expect(await documentOf({ wanted, document: async () => ({ version: '7', content }) })).toEqual(DOCUMENT);
  });

  test.each([
    ['another script', JSON.stringify(deployedDocument()).replace('python3', 'python2')],
    ['no JSON', '---'],
    ['nothing', ''],
  ])('holds %s: deploy', async (_, content) => {
    const text = 'plumbline-nodes, version 7, is not what this Plumbline deploys: deploy it again';
    expect(await documentOf({ document: async () => ({ version: '7', content }) })).toEqual(ill('prod document', text));
  });

  test('is missing, or may not be looked at', async () => {
    const missing = await documentOf({ document: async () => null });
    expect(missing).toEqual(ill('prod document', 'there is no SSM document plumbline-nodes in eu-west-1: deploy'));
    const closed = await documentOf({ document: () => Promise.reject(new DocumentError('may not be looked at')) });
    expect(closed).toEqual(ill('prod document', 'plumbline-nodes may not be looked at'));
  });
});

describe('the nodes', () => {
  const nodesOf = async (more: Partial<NodePorts>, nodes = '') => (await examined(more, nodes)).slice(1);

  test('that can all be asked', async () => {
    expect(await nodesOf({})).toEqual([well('prod/kube nodes', '2 of 2 can be asked: a, b')]);
  });

  test('that are offline, unknown to SSM or Windows have a line each, with the remedy', async () => {
    const offline = { online: false, status: 'ConnectionLost', lastSeen: new Date('2026-11-26T00:00:00Z') };
    const found = [
      nodeOf('a'),
      nodeOf('b', { agent: offline }),
      nodeOf('c', { agent: null }),
      nodeOf('d', { platform: 'Windows' }),
      nodeOf('e', { state: 'stopped' }),
    ];
    const [first, ...others] = await nodesOf(withNodes(...found));
    expect(first).toEqual(well('prod/kube nodes', '1 of 4 can be asked: a; not counted: e (i-e) (it is stopped)'));
    expect(others).toEqual([
      ill('prod/kube nodes', expect.stringMatching(/^b: .*offline since 2026-11-26.*start the agent/)),
      ill('prod/kube nodes', expect.stringMatching(/^c: .*AmazonSSMManagedInstanceCore/)),
      ill('prod/kube nodes', expect.stringMatching(/^d: .*Windows.*select Linux nodes/)),
    ]);
  });

  test('that are too few, or none', async () => {
    expect(await nodesOf(withNodes(nodeOf('a')), ', minNodes: 3')).toEqual([
      ill('prod/kube nodes', expect.stringContaining('fewer than nodes.minNodes (3)')),
    ]);
    expect(await nodesOf(withNodes())).toEqual([
      ill('prod/kube nodes', expect.stringContaining('no node is selected')),
    ]);
  });

  test('are named as far as a person reads them', async () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      nodeOf(`n${String(index).padStart(2, '0')}`, { agent: null }),
    );
    const lines = await nodesOf(withNodes(...many, nodeOf('z')));
    expect(lines).toHaveLength(1 + 10 + 1);
    expect(lines.at(-1)).toEqual(ill('prod/kube nodes', '20 more cannot be asked: begin with those above'));
    const well = await nodesOf(withNodes(...many.map((node) => ({ ...node, agent: nodeOf('a').agent }))));
    expect(well.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^30 of 30 can be asked: n00, .*, n09 and 20 more$/),
    ]);
  });

  test.each([
    ['AccessDeniedException', /^may not be looked for: allow ec2:DescribeInstances, .* to you/],
    ['UnauthorizedOperation', /^may not be looked for/],
    ['CredentialsProviderError', /^cannot be looked for without valid AWS credentials: set AWS_PROFILE/],
    ['Throttling', /^AWS was too busy$/],
  ])('that AWS does not tell of (%s)', async (name, text) => {
    const find = () =>
      Promise.reject(new FleetError('AWS was too busy', { cause: Object.assign(new Error(), { name }) }));
    expect(await nodesOf({ find })).toEqual([ill('prod/kube nodes', expect.stringMatching(text))]);
  });

  test('what cannot be explained is not told as something else', async () => {
    await expect(examined({ find: () => Promise.reject(new TypeError('ours')) })).rejects.toThrow(TypeError);
    await expect(examined({ document: () => Promise.reject(new TypeError('ours')) })).rejects.toThrow(TypeError);
  });
});

describe('SSM is asked for a document', () => {
  const ssm = mockClient(SSMClient);
  beforeEach(() => ssm.reset());
  const read = () => readDocument('plumbline-nodes', REGION);
  const metadata = { $metadata: {}, message: 'no' };

  test('by its name, as JSON', async () => {
    const input = { Name: 'plumbline-nodes', DocumentFormat: 'JSON' } as const;
    ssm.on(GetDocumentCommand, input).resolves({ DocumentVersion: '7', Content: '{}' });
    expect(await read()).toEqual({ version: '7', content: '{}' });
  });

  test('that does not exist, or cannot be had', async () => {
    ssm.on(GetDocumentCommand).rejects(new InvalidDocument(metadata));
    expect(await read()).toBeNull();
    const denied = new SSMServiceException({ name: 'AccessDeniedException', $fault: 'client', ...metadata });
    ssm.on(GetDocumentCommand).rejects(denied);
    await expect(read()).rejects.toThrow('may not be looked at: allow ssm:GetDocument to you');
    ssm.on(GetDocumentCommand).rejects(new Error('down'));
    await expect(read()).rejects.toThrow(DocumentError);
    await expect(read()).rejects.toThrow(/could not be looked at \(Error\): .*reachable/);
  });
});
