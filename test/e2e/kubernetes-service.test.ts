import path from 'node:path';
import { CreateAccessEntryCommand, DeleteAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { UpdateFunctionCodeCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { strToU8, zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '#drift/report.ts';
import { deny } from '#sandbox/breaks.ts';
import type { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { until } from '#sandbox/outside.ts';
import { rightsAsDeployed, secretsStayHidden } from './kubernetes-attacks.ts';
import { runsHoldFast } from './kubernetes-forgeries.ts';
import {
  APART,
  CALM,
  CLOSED,
  CRD,
  CURRENT,
  FOREVER,
  HUNGRY,
  LAUGHS,
  OLD,
  OPEN_SHOP,
  SHOP,
  WIDGET,
} from './kubernetes-manifests.ts';
import { PLANTED, VAULT_GIT, VAULT_TARGET } from './kubernetes-secrets.ts';
import { apply, KubernetesWorld } from './kubernetes-world.ts';
import { expectInSync, expectUnknown } from './service-world.ts';

const KEPT = 'plumbline-kubernetes-kept';
const ALARM = 'plumbline prod/shop drift';
const FUNCTION = 'plumbline-kubernetes-staging';
const READER = path.resolve(import.meta.dirname, '../../infra/cluster-access/reader.yaml');
const plain = (folder: string) => ({ manifests: `k8s/${folder}` });
const jsonnet = (folder: string) => ({ manifests: `k8s/${folder}/main.jsonnet`, render: 'jsonnet' });

let world: KubernetesWorld;
let prod: Cluster;
let staging: Cluster;

beforeAll(async () => {
  world = await KubernetesWorld.start({
    gitToken: PLANTED.gitToken,
    kubeconfigToken: PLANTED.kubeconfigToken,
    manifests: {
      'shop/shop.yaml': SHOP,
      'calm/calm.yaml': CALM,
      'custom/widget.yaml': WIDGET,
      'old/old.yaml': OLD,
      'laughs/laughs.yaml': LAUGHS,
      'hungry/main.jsonnet': HUNGRY,
      'forever/main.jsonnet': FOREVER,
      'vault/vault.yaml': VAULT_GIT,
      'apart/apart.yaml': APART,
    },
    targets: {
      shop: { in: ['prod'], schedule: 'rate(1 hour)', kubernetes: plain('shop') },
      custom: { in: ['prod'], kubernetes: plain('custom') },
      old: { in: ['prod'], kubernetes: plain('old') },
      calm: { in: ['staging', 'kept'], kubernetes: plain('calm') },
      laughs: { in: ['staging'], kubernetes: plain('laughs') },
      hungry: { in: ['staging'], kubernetes: jsonnet('hungry') },
      forever: { in: ['kept'], kubernetes: jsonnet('forever') },
      vault: VAULT_TARGET,
      apart: { in: ['prod'], kubernetes: plain('apart') },
    },
    applied: [CLOSED, SHOP, CRD, CURRENT, APART],
  });
  ({ prod, staging } = world.sandbox.clusters);
}, 180_000);
afterAll(() => world?.sandbox.stop());

describe('a cluster that is looked at', () => {
  it('is in sync although the server filled in defaults, by reading alone', async () => {
    const first = await until('the schedule had it checked', 30, () => world.service.verdict('prod/shop'));
    expectInSync(await world.judged('prod/shop', first.runId));
    const defaulted = await prod.kubectl('--namespace=shop', 'get', 'deployment/web', '--output=yaml');
    expect(defaulted).toContain('terminationGracePeriodSeconds: 30');
    prod.forgetRequests();
    const report = await world.check('prod/shop');
    expectInSync(report);
    expect(report.coverage).toEqual({ compared: 4, total: 4, uncovered: [] });
    expect(report.tool).toMatchObject({ name: 'kubernetes', version: expect.stringMatching(/^v1\./) });
    expect(prod.requests().length).toBeGreaterThan(4);
    expect(prod.requests().filter((one) => !one.startsWith('GET '))).toEqual([]);
  });

  it('has drifted out of band when a declared object is deleted, pages, and is healed', async () => {
    await prod.kubectl('--namespace=shop', 'delete', 'service/web');
    const report = await world.check('prod/shop');
    expect([report.verdict, report.reason]).toEqual(['drifted', '1 finding']);
    expect(report.findings).toMatchObject([{ subject: 'Service/shop/web', change: 'removed', cause: 'out-of-band' }]);
    await world.paged(ALARM);
    await apply(prod, SHOP);
    expectInSync(await world.check('prod/shop'));
  });
});

const calm = (): Promise<Report> => world.check('staging/calm', 60);
const functionRole = (): Promise<string> => world.role('staging', 'FunctionRole');
const without = async (role: string, action: string, resource = '*'): Promise<Report> => {
  await deny(world.iam, role, [action], [resource]);
  return calm().finally(() => world.allow(role));
};

// Side by side: most of it is waiting, and neither touches what the other one uses.
describe.concurrent('a cluster that goes wrong', () => {
  const answer = (code: number, body: object, headers = {}) => ({
    answer: { code, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) },
  });
  const list = (metadata: object) => answer(200, { apiVersion: 'v1', kind: 'List', metadata, items: [] });
  const busy = answer(429, {}, { 'Retry-After': '1' });
  const fail = (resource: string, fault: object): void =>
    prod.fail({ match: new RegExp(`/namespaces/apart/${resource}`), times: 1000, ...fault });
  afterEach(() => prod.heal());

  it.sequential('breaks off, is busy, or answers with what is no list', async () => {
    fail('configmaps', { isCut: true });
    fail('serviceaccounts', busy);
    fail('resourcequotas', answer(500, {}));
    fail('roles', answer(200, { kind: 'Status' }));
    fail('leases', list({ resourceVersion: '1', continue: 'again' }));
    fail('networkpolicies', answer(302, {}, { Location: 'https://127.0.0.1/' }));
    const report = await world.check('prod/apart', 60);
    expectUnknown(report, /1 of 13 compared, 100 % wanted; ConfigMap\/apart\/one: configmaps in namespace apart could/);
    const why: Readonly<Record<string, string>> = {
      ConfigMap: 'broke the connection off',
      ServiceAccount: 'answered with status 429',
      ResourceQuota: 'answered with status 500',
      Role: 'answered with something that is no list',
      Lease: 'lists without an end',
      NetworkPolicy: 'redirects (302), which is not followed: give the address that answers',
    };
    expect(report.coverage.uncovered).toHaveLength(12);
    for (const { subject, reason } of report.coverage.uncovered) {
      expect(reason).toMatch(new RegExp(`\\(list\\): the cluster ${escaped(why[subject.split('/')[0] ?? ''] ?? '-')}`));
    }
  });

  it.sequential('is asked again where that helps, and all is seen', async () => {
    fail('configmaps', { isCut: true, times: 1 });
    fail('serviceaccounts', { ...busy, times: 2 });
    expectInSync(await world.check('prod/apart'));
  });

  it.sequential('has lists that are empty and should not be', async () => {
    fail('configmaps', list({ resourceVersion: '1' }));
    const report = await world.check('prod/apart');
    expect([report.verdict, report.findings.map(({ subject, change }) => `${change} ${subject}`)]).toEqual([
      'drifted',
      ['removed ConfigMap/apart/one', 'removed ConfigMap/apart/two'],
    ]);
  });

  it.sequential('is too busy for anything', async () => {
    prod.fail({ match: /./, times: 1000, ...busy });
    const report = await world.check('prod/shop', 60);
    expectUnknown(report, /^https:\S+ answered with status 429: its API server is up and does not serve; look again/);
    await world.paged('plumbline prod/shop unknown');
  });

  it.sequential('no longer knows the role', async () => {
    const eks = new EKSClient(world.owner);
    const entry = {
      clusterName: 'prod',
      principalArn: `arn:aws:iam::${world.sandbox.account}:role/e2e-prod-kubernetes`,
    };
    await eks.send(new DeleteAccessEntryCommand(entry));
    const report = await world.check('prod/shop');
    await eks.send(new CreateAccessEntryCommand({ ...entry, kubernetesGroups: ['plumbline'] }));
    expectUnknown(report, /does not know who asks \(401\): .* an EKS access entry is missing$/);
  });

  it.sequential('lets nothing be read, or one namespace only', async () => {
    await prod.kubectl('delete', 'clusterrolebinding/plumbline-reader');
    const nothing = await world.check('prod/shop');
    expectUnknown(
      nothing,
      /0 of 4 compared.*; Namespace\/shop: .* \(403\); let get and list on namespaces be allowed$/,
    );
    await apply(prod, OPEN_SHOP);
    const some = await world.check('prod/shop');
    await prod.apply(READER);
    expectUnknown(some, /3 of 4 compared.*; ConfigMap\/closed\/settings: .* in namespace closed be allowed$/);
    expectInSync(await world.check('prod/shop'));
  });

  it.sequential('serves a kind in another version, or not at all', async () => {
    const report = await world.check('prod/old');
    expectUnknown(report, /1 of 2 compared.*; Sprocket\/default\/one: acme\.example\/v1 Sprocket is not served/);
    expect(report.notes.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/policy\/v1beta1 PodDisruptionBudget is not served.* as policy\/v1: .*change apiVersion/),
    );
  });

  it.sequential('no longer serves a custom resource', async () => {
    await apply(prod, WIDGET);
    expectInSync(await world.check('prod/custom'));
    await prod.kubectl('delete', 'customresourcedefinition/widgets.acme.example');
    expectUnknown(await world.check('prod/custom'), /; Widget\/default\/one: acme\.example\/v1 Widget is not served/);
  });
});

describe.concurrent('functions that go wrong', () => {
  afterEach(() => staging.heal());

  it.sequential('can do what they are for', async () => {
    await apply(staging, CALM);
    expectInSync(await calm());
    expectInSync(await world.check('kept/calm'));
  });

  it.sequential('cannot be reached: the cluster does not answer', async () => {
    await staging.stop();
    const report = await world.check('staging/calm', 60);
    await staging.start();
    expectUnknown(report, /^https:\S+ refused the connection: is it up, and reachable from here\?/);
  });

  it.sequential('has a token that the cluster does not know', async () => {
    staging.fail({ match: /./, times: 1000, answer: { code: 401, headers: {}, body: '{}' } });
    expectUnknown(await world.check('kept/calm'), /does not know who asks \(401\): the token has expired/);
  });

  it.sequential('have a kubeconfig that would run a command', async () => {
    const secrets = new SecretsManagerClient(world.owner);
    const id = { SecretId: 'acme/kubeconfig' };
    const { SecretString = '' } = await secrets.send(new GetSecretValueCommand(id));
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/sh' } };
    const evil = { ...JSON.parse(SecretString), users: [{ name: 'plumbline', user }] };
    await secrets.send(new PutSecretValueCommand({ ...id, SecretString: JSON.stringify(evil) }));
    const report = await world.check('kept/calm');
    await secrets.send(new PutSecretValueCommand({ ...id, SecretString }));
    expectUnknown(report, /user plumbline.* exec.* commands are not run: write the token of a service account/);
  });

  it.sequential('is killed, as for its memory', async () => {
    staging.fail({ match: /\/version/, delay: 20_000 });
    staging.forgetRequests();
    const runId = await world.ask('staging/calm');
    await until('the check is under way', 20, async () => (staging.requests().length > 0 ? true : null));
    for (const pid of world.processesOf(FUNCTION).keys()) process.kill(pid, 'SIGKILL');
    const report = await world.judged('staging/calm', runId);
    expectUnknown(report, /^the check ran out of memory \(1024 MB\): split the target, or raise/);
    expect(report.log).toContain('plumbline');
    await world.paged('plumbline staging/calm unknown');
  });

  it.sequential.each<[string, () => Promise<string>, string, RegExp]>([
    ['read its ticket', functionRole, 's3:GetObject', /^its ticket was gone before the check began/],
    ['take its role', functionRole, 'sts:AssumeRole', /e2e-staging-kubernetes cannot be assumed: is the stack/],
    [
      'describe the cluster',
      async () => 'e2e-staging-kubernetes',
      'eks:DescribeCluster',
      /EKS cluster staging in \S+ may not be described: allow eks:DescribeCluster on it/,
    ],
    ['read the token of git', functionRole, 'secretsmanager:GetSecretValue', /git\/token/],
  ])('may not %s', async (_what, role, action, why) => {
    expectUnknown(await without(await role(), action), why);
  });

  it.sequential('may not tell of its end: sweep does, when its time is over', async () => {
    const role = await functionRole();
    await deny(world.iam, role, ['lambda:InvokeFunction'], ['*']);
    const runId = await world.ask('staging/calm');
    const inbox = `inbox/kubernetes/${await world.ticket('staging/calm')}/report.json`;
    await until('its report is handed over', 20, () => world.service.text(inbox));
    // As if that had been long ago, instead of waiting for so long.
    const queue = await world.queue('staging/calm');
    const Body = JSON.stringify({ ...queue, running: { ...queue?.running, deadline: new Date(0).toISOString() } });
    await world.service.s3.send(
      new PutObjectCommand({ Bucket: world.service.bucket, Key: 'queue/staging/calm.json', Body }),
    );
    await world.service.invoke(world.names.sweep, {});
    const report = await world.judged('staging/calm', runId).finally(() => world.allow(role));
    expectUnknown(report, /^the function plumbline-kubernetes-staging told of no end until the deadline/);
  });

  it.sequential('has manifests that are broken, or bombs', async () => {
    await world.push({ 'calm/calm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: calm\n' });
    expectUnknown(await calm(), /0 of 1 compared.*; k8s\/calm\/calm\.yaml:\d: Flow map/);
    await world.push({ 'calm/calm.yaml': CALM });
    expectUnknown(await world.check('staging/laughs'), /; k8s\/laughs\/laughs\.yaml:\d: aliases stand for more than/);
    expectUnknown(await world.check('staging/hungry', 60), /^k8s\/hungry\/main\.jsonnet: it needs more memory than/);
  });

  it.sequential('have no time left: for a program without an end, for a cluster that hangs', async () => {
    // All but a minute of it is the check's.
    const give = (Timeout: number) =>
      world.service.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: KEPT, Timeout }));
    await give(63);
    staging.fail({ match: /\/configmaps/, delay: 30_000, times: 1000 });
    const [endless, hung] = await Promise.all([world.check('kept/forever', 60), world.check('kept/calm', 60)]);
    await give(900);
    expectUnknown(endless, /^timed out after 10 minutes in rendering k8s\/forever/);
    expectUnknown(hung, /^timed out after 10 minutes in reading/);
  });
});

describe('what all of them share', () => {
  afterEach(() => {
    world.sandbox.git.intercept = () => false;
  });

  it('a report that may not be handed over', async () => {
    const role = await world.role('DispatchRole');
    const report = await without(role, 's3:PutObject', `arn:aws:s3:::${world.service.bucket}/inbox/*`);
    expectUnknown(report, /could not be handed over: .* 403: its time is over, or who signed it may not write there$/);
  });

  it('has no git host, in dispatch or in itself', async () => {
    world.sandbox.git.intercept = (_request, response) => {
      response.destroy();
      return true;
    };
    expectUnknown(await calm(), /acme\.git could not be reached: /);
    await world.push({ 'calm/note.txt': 'so that it is not cached\n' });
    world.sandbox.git.intercept = (request, response) => {
      if (request.headers['git-protocol'] === 'version=2') return false;
      response.writeHead(503).end();
      return true;
    };
    expectUnknown(await calm(), /acme\.git answered with status 503/);
  });

  it('has a commit that is gone', async () => {
    const commit = await world.push({ 'calm/note.txt': 'to be forgotten\n' });
    let isGone = false;
    world.sandbox.git.intercept = (request) => {
      if (request.headers['git-protocol'] !== 'version=2' && !isGone) {
        isGone = true;
        world.forget(commit);
      }
      return false;
    };
    const report = await calm();
    expect(report.commit.checked).toBe(commit);
    expectUnknown(report, new RegExp(`has no commit ${commit} that it would serve, and main is elsewhere now`));
  });
});

describe('whoever breaks in', () => {
  it('cannot forge, end or overwrite a run, which others join or wait for', () => runsHoldFast(world));

  it('as the function, or as the role that the cluster knows, may do what it needs and nothing else', () =>
    rightsAsDeployed(world));

  it('reads no secret in anything that is stored, logged, measured, sent or shown', () => secretsStayHidden(world));
});

describe('a function whose code is another', () => {
  const run = async (code: string): Promise<Report> => {
    const ZipFile = zipSync({ 'index.js': strToU8(code) });
    await world.service.lambda.send(new UpdateFunctionCodeCommand({ FunctionName: FUNCTION, ZipFile }));
    return world.check('staging/calm');
  };

  it.each<[string, string, RegExp]>([
    [
      'throws',
      `throw Object.assign(new Error('${PLANTED.thrown}'), { name: 'Strange' })`,
      /^the function failed \(Strange\) before the check was complete; its log tells why$/,
    ],
    ['ends itself', 'process.exit(7)', /^the function failed \(Runtime\.ExitError\) before/],
    ['runs out of heap', 'process.abort()', /^the check ran out of memory \(1024 MB\)/],
  ])('%s', async (_what, act, why) => {
    const report = await run(`exports.handler = async () => { ${act}; };`);
    expectUnknown(report, why);
    expect(JSON.stringify(report)).not.toContain(PLANTED.thrown);
  });

  it('never ends', async () => {
    const configuration = { FunctionName: FUNCTION, Timeout: 1 };
    await world.service.lambda.send(new UpdateFunctionConfigurationCommand(configuration));
    const report = await run('exports.handler = () => new Promise(() => setInterval(() => undefined, 1000));');
    expectUnknown(report, /^the check took longer than 900 s, which is all that its function has: split the target$/);
  });
});

describe('a page', () => {
  it('is resolved when a later check found nothing', async () => {
    // Of a minute the highest figure counts: sweep sends the last one again, as it does every few minutes.
    await until('the page is resolved', 70, async () => {
      await world.service.invoke(world.names.sweep, {});
      const incidents = world.sandbox.incidents().filter(({ alarm }) => alarm === ALARM);
      return incidents.length === 1 && incidents[0]?.status === 'resolved' ? true : null;
    });
  });
});

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
