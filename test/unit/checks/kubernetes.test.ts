import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkKubernetes } from '#checks/kubernetes/check.ts';
import type { KubernetesCheckRequest } from '#checks/kubernetes/request.ts';
import { reportSchema } from '#drift/report.ts';
import type { KubernetesCheck, KubernetesTarget } from '#drift/target.ts';
import { GitError } from '#services/ports.ts';
import { FakeApi, TOKEN } from '../services/cluster/api.ts';

const MANIFESTS = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cluster/manifests');
const api = new FakeApi();
const base = mkdtempSync(path.join(tmpdir(), 'plumbline-check-kubernetes-'));
let folder = '';
let count = 0;

beforeAll(() => api.start());
afterAll(async () => {
  await api.stop();
  rmSync(base, { recursive: true, force: true });
});
beforeEach(() => {
  api.reset();
  count += 1;
  folder = path.join(base, String(count));
  cpSync(MANIFESTS, path.join(folder, 'k8s'), { recursive: true });
});

const target = (check: Partial<KubernetesCheck> = {}, changes: Partial<KubernetesTarget> = {}): KubernetesTarget => ({
  ...{ name: 'prod/shop', layer: 'kubernetes', severity: 'critical', timeoutSeconds: 60, minCoverage: 1 },
  ...{ enabled: true, observe: false, retired: false, windows: [], pendingGraceSeconds: 0, confirmSeconds: 0 },
  environment: {
    ...{ name: 'prod', severity: 'critical', state: [], locks: [] },
    cluster: { kubeconfig: { secret: 'kube' } },
  },
  kubernetes: {
    ...{ manifests: ['k8s'], render: 'plain', namespace: 'acme-shop', values: [], release: 'shop', hosts: [] },
    ...{ jsonnet: { ext: {}, tla: {}, importPaths: [] }, appliers: [], people: [], secretKinds: [], ...check },
  },
  ...changes,
});

const kubeconfig = (token = TOKEN): string =>
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'it' },
    clusters: [
      {
        name: 'it',
        cluster: {
          server: `https://localhost:${api.port}`,
          'certificate-authority-data': Buffer.from(api.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'it', user: { token } }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
  });

async function check(changes: Partial<KubernetesCheckRequest> = {}) {
  const report = await checkKubernetes({
    target: target(),
    run: { runId: 'run', trigger: 'schedule', commit: 'c'.repeat(40), config: { hash: 'h', commit: null } },
    source: { folder },
    rules: [],
    kubeconfig: kubeconfig(),
    credentials: null,
    before: null,
    fingerprintKey: 'key',
    hidden: [],
    tools: { path: '', cache: path.join(base, 'tools') },
    signal: new AbortController().signal,
    timeoutMs: 30_000,
    progress: () => undefined,
    now: () => new Date('2026-11-27T06:00:00Z'),
    ...changes,
  });
  expect(JSON.stringify(report)).not.toContain(TOKEN);
  return reportSchema.parse(report);
}

const causes = (report: Awaited<ReturnType<typeof check>>): Readonly<Record<string, string>> =>
  Object.fromEntries(report.findings.map(({ subject, path: at, cause }) => [`${subject} ${at ?? ''}`.trim(), cause]));

describe('a check of a cluster', () => {
  it('tells what differs, what the server is, and how much was compared', async () => {
    const report = await check();
    expect(report).toMatchObject({
      verdict: 'drifted',
      reason: '7 findings',
      coverage: { compared: 26, total: 26 },
      tool: { name: 'kubernetes', version: 'v1.36.2', exitCode: null },
      commit: { checked: 'c'.repeat(40) },
    });
  });

  it('leaves out what rules name by pointer, jq path and manager, for the subjects they speak of', async () => {
    const rule = { target: '*', reason: 'known' };
    const report = await check({
      rules: [
        { ...rule, subject: 'Deployment/acme-shop/cart', pointers: ['/spec/replicas'] },
        { ...rule, subject: 'Deployment/*', jq: ['.spec.template.spec.containers[].image'] },
        { ...rule, subject: 'Role/*/nobody', managers: ['kubectl-patch'] },
        { ...rule, subject: 'Voucher/*', managers: ['kubectl-patch'] },
      ],
    });
    expect(report.findings.map(({ subject, path: at }) => `${subject} ${at}`)).toEqual([
      expect.stringContaining('Role/acme-shop/cart'),
      expect.stringContaining('ConfigMap/acme-shop/cart-settings'),
      expect.stringContaining('PodDisruptionBudget/acme-shop/web'),
      'Deployment/acme-shop/cart spec.template.spec.containers[name=cart].env[name=DEBUG]',
    ]);
  });
});

describe('what cannot be looked at is unknown', () => {
  it.each<[string, Partial<KubernetesCheckRequest> | (() => Partial<KubernetesCheckRequest>), RegExp]>([
    [
      'a server that is not there',
      () => ({ kubeconfig: kubeconfig().replace(/localhost:\d+/, 'localhost:9') }),
      /refused the connection/,
    ],
    ['a token of somebody else', () => ({ kubeconfig: kubeconfig('wrong') }), /does not know who asks \(401\)/],
    ['a kubeconfig that is none', { kubeconfig: 'nothing' }, /kubeconfig/],
    ['no cluster at all', { kubeconfig: null }, /environment prod has no cluster/],
    ['manifests that are not there', { target: target({ manifests: ['gone'] }) }, /gone is not there/],
    ['no time', { timeoutMs: 1 }, /timed out after 1 minute/],
  ])('%s', async (_what, changes, reason) => {
    const report = await check(typeof changes === 'function' ? changes() : changes);
    expect(report).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(report.reason).toMatch(reason);
  });

  it('being stopped', async () => {
    const stop = new AbortController();
    const progress = (step: string): void => {
      if (step.startsWith('reading')) stop.abort();
    };
    const report = await check({ signal: stop.signal, progress });
    expect(report).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(report.reason).toMatch(/^stopped in reading/);
  });

  it('a document that cannot be read, though the rest is compared', async () => {
    writeFileSync(path.join(folder, 'k8s/broken.yaml'), 'kind: [');
    const report = await check();
    expect(report).toMatchObject({ verdict: 'drifted', coverage: { compared: 26, total: 27 } });
    expect(report.coverage.uncovered[0]?.subject).toBe('k8s/broken.yaml:1');
  });

  it('a kind that may not be read, with the rest compared and told', async () => {
    api.allows = (_verb, resource) => resource !== 'secrets';
    const report = await check();
    expect(report.verdict).toBe('drifted');
    expect(report.coverage.uncovered.map(({ subject }) => subject).sort()).toEqual([
      'Secret/acme-shop/cart-db',
      'Secret/acme-shop/web-tls',
    ]);
  });
});

describe('the cause that an object does not tell', () => {
  const historyOf = (changed: (folder: string) => void) => {
    const then = path.join(base, `${count}-then`);
    cpSync(folder, then, { recursive: true });
    changed(then);
    return async () => ({ folder: then, commit: 'd'.repeat(40) });
  };
  const MISSING = 'PodDisruptionBudget/acme-shop/web';

  it('is unclear without a history', async () => {
    expect(causes(await check())[MISSING]).toBe('unclear');
  });

  it('is out of band where git has declared the same since it was last in sync', async () => {
    const report = await check({ before: historyOf(() => undefined) });
    expect(causes(report)[MISSING]).toBe('out-of-band');
    expect(report.notes).toEqual([]);
  });

  it('is pending where git did not declare it then', async () => {
    const report = await check({
      before: historyOf((then) => {
        rmSync(path.join(then, 'k8s'), { recursive: true });
        mkdirSync(path.join(then, 'k8s'));
        writeFileSync(
          path.join(then, 'k8s/a.yaml'),
          'apiVersion: v1\nkind: Namespace\nmetadata: { name: acme-shop }\n',
        );
      }),
    });
    expect(causes(report)[MISSING]).toBe('pending');
  });

  it.each<[string, NonNullable<KubernetesCheckRequest['before']>, RegExp]>([
    ['is gone', () => Promise.reject(new GitError('that commit is no longer served')), /no longer served/],
    ['cannot be rendered', async () => ({ folder: path.join(base, 'none'), commit: '' }), /cannot be read/],
  ])('stays unclear with a note where the history %s, and the verdict stands', async (_what, history, why) => {
    mkdirSync(path.join(base, 'none'), { recursive: true });
    const report = await check({ before: history });
    expect(report.verdict).toBe('drifted');
    expect(causes(report)[MISSING]).toBe('unclear');
    expect(report.notes).toContainEqual({ kind: 'cause', text: expect.stringMatching(why) });
  });
});
