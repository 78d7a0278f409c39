import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Report, reportSchema } from '#drift/report.ts';
import { AcmeCluster } from '#sandbox/acme-clusters.ts';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { pythonTools } from '#sandbox/venv.ts';
import { plumbline } from './command.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../../examples/acme');
const READER = 'reader-token-0815';
const TARGETS = ['prod/addons', 'prod/clusters', 'prod/shop', 'prod/mail'];

let dir: string;
let repository: string;
let cluster: Cluster;
let acme: AcmeCluster;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'plumbline-check-e2e-'));
  repository = path.join(dir, 'acme');
  cpSync(EXAMPLE, repository, { recursive: true });
  const certificates = await makeCertificates(dir);
  cluster = await Cluster.start({ name: 'prod', dir: path.join(dir, 'cluster'), certificates, account: null });
  acme = new AcmeCluster(cluster, 'prod', repository, path.join(await pythonTools(), 'python'));
  await acme.settle();
  // The rights are those of the manifest that we ship.
  cluster.addUser(READER, { name: 'checker', groups: ['plumbline'] });
  config('{ kubeconfig: kubeconfig }');
}, 120_000);
afterAll(async () => {
  await cluster.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The example's targets of this layer as somebody has them who only checks locally. */
function config(access: string): void {
  const kubernetes = readFileSync(path.join(EXAMPLE, 'plumbline.yaml'), 'utf8')
    .replace(
      /^sources:[\s\S]*?^environments:[\s\S]*?^targets:/m,
      `environments:\n  prod: { cluster: ${access} }\ntargets:`,
    )
    .replace(/^ {2}network:[\s\S]*?(?=^ {2}addons:)/m, '')
    .replace(/^notify:[\s\S]*/m, '')
    .replace(/^accept:\n( .*\n)+/m, '')
    .replace(/^ {4}(source|schedule): .*\n/gm, '')
    .replaceAll('in: [staging, prod]', 'in: [prod]');
  writeFileSync(path.join(repository, 'plumbline.yaml'), kubernetes);
  const file = cluster.kubeconfigOf('checker', READER);
  cpSync(file, path.join(repository, 'kubeconfig'));
}

async function check(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly reports: readonly Report[] }> {
  const ended = await plumbline(['check', '--json', ...args], { cwd: repository });
  expect(ended.stderr).toBe('');
  expect(ended.stdout).not.toContain(READER);
  return { code: ended.code, reports: reportSchema.array().parse(JSON.parse(ended.stdout)) };
}

const differences = (report: Report | undefined): readonly string[] =>
  (report?.findings ?? [])
    .map(({ change, subject, path: at }) => [change, subject, at].filter(Boolean).join(' '))
    .sort();

describe('plumbline check of a cluster', () => {
  it('finds all in sync, although the server has filled in what nobody declared; with GET only', async () => {
    cluster.forgetRequests();
    const { code, reports } = await check();
    expect(reports.map(({ target, verdict, reason }) => [target, verdict, reason])).toEqual(
      TARGETS.map((target) => [target, 'in-sync', expect.any(String)]),
    );
    expect(code).toBe(0);
    for (const { coverage } of reports) expect(coverage.compared).toBe(coverage.total);
    const requests = cluster.requests();
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.filter((request) => !request.startsWith('GET '))).toEqual([]);
  });

  it('tells what a person did with kubectl, by whom and since when, and forgets it when it is undone', async () => {
    await acme.breakShop();
    const { code, reports } = await check('prod/shop');
    expect(code).toBe(2);
    expect(differences(reports[0])).toEqual([
      'added Deployment/shop/web spec.template.spec.containers[name=web].env',
      'added Deployment/shop/web-debug',
      'changed Deployment/shop/cart spec.replicas',
      'removed Service/shop/checkout',
    ]);
    const scaled = reports[0]?.findings.find(({ path: at }) => at === 'spec.replicas');
    expect(scaled).toMatchObject({ declared: '3', live: '5', cause: 'out-of-band', writer: { manager: 'kubectl' } });
    await acme.healShop();
    expect((await check('prod/shop')).code).toBe(0);
  });

  it('says what may not be read, and is unknown', async () => {
    await acme.hideDashboard();
    const { code, reports } = await check('prod/addons');
    expect(code).toBe(1);
    expect(reports[0]).toMatchObject({ verdict: 'unknown', coverage: { compared: 8, total: 11 } });
    for (const { subject, reason } of reports[0]?.coverage.uncovered ?? []) {
      expect(subject).toMatch(/\/dashboard\/dashboard$/);
      expect(reason).toMatch(
        /dashboard.* could not be read.*let get and list on \w+ in namespace dashboard be allowed/,
      );
    }
    await acme.showDashboard();
    expect((await check('prod/addons')).code).toBe(0);
  });

  it('shows a person all of it, with a page, in plain words', async () => {
    await acme.breakShop();
    const ended = await plumbline(['check', 'prod/shop', '--html', 'report.html'], { cwd: repository });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toContain('Deployment/shop/cart');
    expect(ended.stdout).toMatch(/by kubectl/);
    expect(readFileSync(path.join(repository, 'report.html'), 'utf8')).toContain('Service/shop/checkout');
    await acme.healShop();
  });

  it.each<[string, string, RegExp]>([
    ['a kubeconfig that is not there', '{ kubeconfig: gone }', /gone/],
    ['a context that is not there', '{ kubeconfig: kubeconfig, context: other }', /other/],
  ])('%s is unknown', async (_what, access, why) => {
    config(access);
    const { code, reports } = await check('prod/mail');
    expect(code).toBe(1);
    expect(reports[0]?.reason).toMatch(why);
    config('{ kubeconfig: kubeconfig }');
  });

  it('a cluster that is down is unknown', async () => {
    await cluster.stop();
    const { code, reports } = await check('prod/mail');
    expect(code).toBe(1);
    expect(reports[0]?.reason).toMatch(/refused the connection: is it up/);
    await cluster.start();
    expect((await check('prod/mail')).code).toBe(0);
  });

  it('without a cluster in the config it is the one of the person who asks', async () => {
    config('{ kubeconfig: kubeconfig }');
    const file = path.join(repository, 'plumbline.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('prod: { cluster: { kubeconfig: kubeconfig } }', 'prod: {}'),
    );
    const home = path.join(dir, 'home');
    mkdirSync(path.join(home, '.kube'), { recursive: true });
    cpSync(path.join(repository, 'kubeconfig'), path.join(home, '.kube/config'));
    const ended = await plumbline(['check', 'prod/mail', '--json'], { cwd: repository, env: { HOME: home } });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });
});
