import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { afterAll, describe, expect, test } from 'vitest';
import { examineAccessEntry } from '#cli/doctor/access-entry.ts';
import { examineAccount } from '#cli/doctor/account.ts';
import { diagnosesText, ill, well } from '#cli/doctor/diagnosis.ts';
import { examineMachine, type Finders } from '#cli/doctor/machine.ts';
import { unservedKinds, wantedKinds } from '#cli/doctor/wanted.ts';
import type { Terminal } from '#cli/terminal.ts';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Target } from '#drift/target.ts';
import { CallerError } from '#services/aws/identity.ts';
import type { Discovery } from '#services/cluster/discovery.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { needsOf } from '#services/cluster/needs.ts';
import { RenderError } from '#services/render/error.ts';
import { ToolError } from '#services/tools/tool.ts';

const cwd = mkdtempSync(path.join(tmpdir(), 'plumbline-doctor-unit-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const terminal: Terminal = {
  ...{ env: { PATH: process.env['PATH'], HOME: cwd }, cwd, colours: picocolors.createColors(true) },
  ...{ interactive: false, signal: new AbortController().signal },
  ...{ out: () => undefined, err: () => undefined, exit: () => undefined, fail: () => undefined },
};

function targetsOf(text: string): readonly Target[] {
  const parsed = parseConfig(`version: 1\nenvironments: { prod: { severity: critical } }\n${text}`, 'it', new Date());
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  return parsed.config.targets;
}

const TARGETS = targetsOf(`
targets:
  network: { in: [prod], terraform: { path: network, version: 1.11.4 } }
  other: { in: [prod], terraform: { path: other, version: 1.11.4 } }
  tofu: { in: [prod], terraform: { path: tofu, tool: tofu } }
  shop: { in: [prod], kubernetes: { manifests: shop, render: kustomize } }
  mail: { in: [prod], kubernetes: { manifests: mail, render: helm } }
  plain: { in: [prod], kubernetes: { manifests: plain } }
  hosts: { in: [prod], nodes: { playbook: site.yml, inventory: hosts.ini } }
  clusters: { in: [prod], kubernetes: { manifests: main.jsonnet, render: jsonnet } }
`);

describe('a machine', () => {
  const found: Finders = {
    tool: async ({ name, version = '9.9.9' }) => ({ name, version, file: `/bin/${name}` }),
    renderer: async ([name]) => `/bin/${name}`,
    ansible: async ({ PATH = '' }) => ({
      file: `${PATH.length > 0 ? '/bin' : ''}/ansible-playbook`,
      version: '2.19.14',
    }),
  };
  const missing: Finders = {
    tool: async ({ name }) => {
      throw new ToolError(`${name} cannot be fetched: install it`);
    },
    renderer: async (names) => {
      throw new RenderError(`${names.join(' or ')} is not on the PATH: install it`);
    },
    ansible: async () => {
      throw new ToolError('ansible-playbook is not on the PATH: install it');
    },
  };

  test('is asked for what the targets need, each once', async () => {
    expect(await examineMachine(TARGETS, terminal, found)).toEqual([
      well('git', expect.stringMatching(/^git version \d/)),
      well('terraform 1.11.4', '1.11.4 at /bin/terraform'),
      well('tofu', '9.9.9 at /bin/tofu'),
      well('kustomize', 'at /bin/kustomize'),
      well('helm', 'at /bin/helm'),
      well('ansible', '2.19.14 at /bin/ansible-playbook'),
    ]);
    expect(await examineMachine([], terminal, missing)).toHaveLength(1);
  });

  test('that lacks everything', async () => {
    const bare = { ...terminal, env: { PATH: '/nonexistent' } };
    expect(await examineMachine(TARGETS, bare, missing)).toEqual([
      ill('git', 'is not on the PATH: install it, so that reports can name the commit'),
      ill('terraform 1.11.4', 'terraform cannot be fetched: install it'),
      ill('tofu', 'tofu cannot be fetched: install it'),
      ill('kustomize', 'kustomize or kubectl is not on the PATH: install it'),
      ill('helm', 'helm is not on the PATH: install it'),
      ill('ansible', 'ansible-playbook is not on the PATH: install it'),
    ]);
  });

  test('what cannot be explained is not told as something else', async () => {
    const broken = { ...found, renderer: () => Promise.reject(new TypeError('ours')) };
    await expect(examineMachine(TARGETS, terminal, broken)).rejects.toThrow(TypeError);
  });
});

describe('an account', () => {
  const [{ environment: plain } = { environment: null }] = TARGETS;
  const prod = { ...plain, name: 'prod', severity: 'critical', state: [], locks: [], account: '222222222222' } as const;
  const arn = (account: string): string => `arn:aws:sts::${account}:assumed-role/admin/alice`;

  test('is that of the credentials, or another one, or nobody knows', async () => {
    const of = (account: string) => examineAccount(prod, async () => ({ account, arn: arn(account) }));
    expect(await of('222222222222')).toEqual(well('prod account', `222222222222, as ${arn('222222222222')}`));
    expect((await of('333333333333')).text).toMatch(/^is 222222222222, and .*333333333333.*: choose others/);
    const unknown = await examineAccount(prod, () => Promise.reject(new CallerError('renew them')));
    expect(unknown).toEqual(ill('prod account', 'renew them'));
  });

  test('has access entries, which are read of the role that the service takes', async () => {
    const place = { environment: prod, cluster: 'main', account: '222222222222', region: 'eu-west-1', role: 'acme' };
    const asked: unknown[] = [];
    const { diagnoses, as } = await examineAccessEntry(place, async (request) => {
      asked.push(request);
      return { username: null, groups: ['plumbline', 'viewers'], policies: ['arn:x/AmazonEKSViewPolicy'] };
    });
    const principal = 'arn:aws:iam::222222222222:role/acme-kubernetes';
    expect(asked).toEqual([{ cluster: 'main', region: 'eu-west-1', principal }]);
    expect(diagnoses).toEqual([well('prod access entry', `${principal} is in plumbline, viewers`)]);
    expect(as).toEqual({ user: 'plumbline-doctor', groups: ['plumbline', 'viewers'] });
    const refused = await examineAccessEntry(place, () => Promise.reject(new ClusterError('may not be looked at')));
    expect(refused.diagnoses).toEqual([ill('prod access entry', `of ${principal} may not be looked at`)]);
    expect(refused.as).toEqual({ user: 'plumbline-doctor', groups: ['plumbline'] });
  });
});

describe('kinds', () => {
  const served = (apiVersion: string, kind: string, resource: string, namespaced = true) => ({
    ...{ apiVersion, kind, resource, namespaced, listable: true },
  });
  const discovery: Discovery = {
    version: 'v1.36.2',
    apiVersions: [],
    kinds: [
      served('v1', 'Namespace', 'namespaces', false),
      served('v1', 'Secret', 'secrets'),
      served('apps/v1', 'Deployment', 'deployments'),
      served('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
      served('acme.example/v1', 'Shop', 'shops'),
      served('acme.example/v1beta1', 'Shop', 'shops'),
    ],
    unavailable: [{ apiVersion: 'metrics.example/v1', reason: 'gets no answer from the server behind it now' }],
  };
  const object = (apiVersion: string, kind: string, namespace?: string, more: object = {}) => ({
    ...{ apiVersion, kind, ...more },
    metadata: { name: 'it', ...(namespace === undefined ? {} : { namespace }) },
  });
  const needs = (declared: readonly ReturnType<typeof object>[], label?: string) =>
    needsOf({
      ...{ discovery, declared, defaultNamespace: 'shop' },
      orphans: label === undefined ? null : { label, namespaces: [] },
    });

  test('of several targets are each wanted once, wherever one of them needs it', () => {
    const wanted = wantedKinds([
      needs([object('v1', 'Namespace'), object('v1', 'Secret'), object('acme.example/v1', 'Shop', 'web')]),
      needs([object('v1', 'Secret', 'mail'), object('acme.example/v1beta1', 'Shop', 'shop')]),
      needs([object('apps/v1', 'Deployment', 'shop', { spec: { replicas: 1 } })]),
    ]);
    const [builtin, everywhere] = [{ isBuiltin: true, isEverywhere: false }, { isEverywhere: true }];
    expect(wanted).toEqual([
      { group: '', resource: 'namespaces', isDeclared: true, namespaces: [], ...builtin, ...everywhere },
      { group: '', resource: 'secrets', isDeclared: true, namespaces: ['mail', 'shop'], ...builtin },
      {
        ...{ group: 'acme.example', resource: 'shops', isDeclared: true, namespaces: ['shop', 'web'] },
        ...{ ...builtin, isBuiltin: false },
      },
      { group: 'apps', resource: 'deployments', isDeclared: true, namespaces: ['shop'], ...builtin },
      {
        ...{ group: 'autoscaling', resource: 'horizontalpodautoscalers', isDeclared: false, namespaces: ['shop'] },
        ...builtin,
      },
    ]);
    const labelled = wantedKinds([needs([], 'app=web')]);
    expect(labelled.map(({ isEverywhere, isDeclared }) => [isEverywhere, isDeclared])).toContainEqual([true, false]);
  });

  test('that are not served: unknown ones, other versions, servers that are away', () => {
    const declared = [
      ...[object('v1', 'Secret'), object('acme.example/v1beta1', 'Shop'), object('none.example/v1', 'None')],
      ...[object('none.example/v1', 'None', 'web'), object('apps/v1beta1', 'Deployment')],
      object('metrics.example/v1', 'Metric'),
    ];
    expect(unservedKinds(declared, discovery)).toEqual([
      'none.example/v1 None is not served: install its CustomResourceDefinition, or mend apiVersion and kind in the manifests',
      'apps/v1beta1 Deployment is not served by the cluster, which has Deployment as apps/v1: change apiVersion in the manifests',
      'metrics.example/v1 Metric is not served now, the cluster gets no answer from the server behind it now: see "kubectl get apiservices"',
    ]);
  });
});

test('lines are aligned, and foreign text cannot redraw the terminal', () => {
  const text = diagnosesText([well('git', 'one'), ill('prod cluster', 'two\u001b[2J\nthree')], terminal);
  expect(text).toContain(picocolors.createColors(true).red('✗'));
  expect(stripVTControlCharacters(text).split('\n')).toEqual([
    '✓ git           one',
    '✗ prod cluster  two\\u001b[2J\\nthree',
  ]);
});
