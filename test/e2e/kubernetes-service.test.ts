import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { CreateAccessEntryCommand, DeleteAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { InvokeCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '#drift/report.ts';
import { deny } from '#sandbox/breaks.ts';
import type { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { until } from '#sandbox/outside.ts';
import { rightsAsDeployed, secretsStayHidden } from './kubernetes-attacks.ts';
import {
  APART,
  CALM,
  CLOSED,
  CRD,
  CURRENT,
  FOREVER,
  HUNGRY,
  LAUGHS,
  NEW_OBJECT,
  OLD,
  OPEN_SHOP,
  SHOP,
  WIDGET,
} from './kubernetes-manifests.ts';
import { PLANTED, VAULT_GIT, VAULT_TARGET } from './kubernetes-secrets.ts';
import { apply, KubernetesWorld } from './kubernetes-world.ts';

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

/** Not in sync, and with a reason that a person can act on. */
function expectUnknown({ verdict, reason, findings }: Report, why: RegExp): void {
  expect({ verdict, reason, findings }).toEqual({
    verdict: 'unknown',
    reason: expect.stringMatching(why),
    findings: [],
  });
}
const expectInSync = ({ verdict, reason }: Report): void =>
  expect({ verdict, reason }).toEqual({
    verdict: 'in-sync',
    reason: expect.stringMatching(/compared, nothing differs$/),
  });

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

describe('a list that goes wrong', () => {
  const answer = (code: number, body: object, headers = {}) => ({
    answer: { code, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) },
  });
  const list = (metadata: object) => answer(200, { apiVersion: 'v1', kind: 'List', metadata, items: [] });
  const busy = answer(429, {}, { 'Retry-After': '1' });
  const fail = (resource: string, fault: object): void =>
    prod.fail({ match: new RegExp(`/namespaces/apart/${resource}`), times: 1000, ...fault });
  afterEach(() => prod.heal());

  it('was not seen, whatever went wrong with it', async () => {
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

  it('is asked for again, and all is seen', async () => {
    fail('configmaps', { isCut: true, times: 1 });
    fail('serviceaccounts', { ...busy, times: 2 });
    expectInSync(await world.check('prod/apart'));
  });

  it('is drift when it is empty and should not be', async () => {
    fail('configmaps', list({ resourceVersion: '1' }));
    const report = await world.check('prod/apart');
    expect([report.verdict, report.findings.map(({ subject, change }) => `${change} ${subject}`)]).toEqual([
      'drifted',
      ['removed ConfigMap/apart/one', 'removed ConfigMap/apart/two'],
    ]);
  });
});

describe('a cluster that cannot be looked at', () => {
  const principalArn = () => `arn:aws:iam::${world.sandbox.account}:role/e2e-prod-kubernetes`;
  afterEach(() => {
    prod.heal();
    staging.heal();
  });

  it('does not answer, or is too busy for anything', async () => {
    await staging.stop();
    prod.fail({ match: /./, times: 1000, answer: { code: 429, headers: { 'Retry-After': '1' }, body: 'later' } });
    const [stopped, busy] = await Promise.all([world.check('staging/calm', 60), world.check('prod/shop', 60)]);
    await staging.start();
    expectUnknown(stopped, /^https:\S+ refused the connection: is it up, and reachable from here\?/);
    expectUnknown(busy, /^https:\S+ answered with status 429: its API server is up and does not serve; look again/);
    await world.paged('plumbline prod/shop unknown');
  });

  it('no longer knows the role', async () => {
    const eks = new EKSClient(world.owner);
    const entry = { clusterName: 'prod', principalArn: principalArn() };
    await eks.send(new DeleteAccessEntryCommand(entry));
    const report = await world.check('prod/shop');
    await eks.send(new CreateAccessEntryCommand({ ...entry, kubernetesGroups: ['plumbline'] }));
    expectUnknown(report, /does not know who asks \(401\): .* an EKS access entry is missing$/);
  });

  it('does not know a token of a kubeconfig', async () => {
    staging.fail({ match: /./, times: 1000, answer: { code: 401, headers: {}, body: '{}' } });
    expectUnknown(await world.check('kept/calm'), /does not know who asks \(401\): the token has expired/);
  });

  it('lets nothing be read, or one namespace only', async () => {
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

  it('serves a kind in another version, or not at all', async () => {
    const report = await world.check('prod/old');
    expectUnknown(report, /1 of 2 compared.*; Sprocket\/default\/one: acme\.example\/v1 Sprocket is not served/);
    expect(report.notes.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/policy\/v1beta1 PodDisruptionBudget is not served.* as policy\/v1: .*change apiVersion/),
    );
  });

  it('no longer serves a custom resource', async () => {
    await apply(prod, WIDGET);
    expectInSync(await world.check('prod/custom'));
    await prod.kubectl('delete', 'customresourcedefinition/widgets.acme.example');
    expectUnknown(await world.check('prod/custom'), /; Widget\/default\/one: acme\.example\/v1 Widget is not served/);
  });
});

describe('a function that fails', () => {
  const calm = (seconds?: number): Promise<Report> => world.check('staging/calm', seconds);
  const without = async (role: string, action: string, resource = '*'): Promise<Report> => {
    await deny(world.iam, role, [action], [resource]);
    return calm(60).finally(() => world.allow(role));
  };
  const functionRole = () => world.role('staging', 'FunctionRole');
  afterEach(() => {
    world.sandbox.git.intercept = () => false;
    staging.heal();
  });

  it('nothing is wrong before', async () => {
    await apply(staging, CALM);
    expectInSync(await calm());
    expectInSync(await world.check('kept/calm'));
  });

  it('is killed, as for its memory', async () => {
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

  it.each<[string, () => Promise<string>, string, RegExp]>([
    ['hand its report over', () => world.role('DispatchRole'), 's3:PutObject', /could not be handed over: .* 403: /],
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
    const inbox = action === 's3:PutObject' ? `arn:aws:s3:::${world.service.bucket}/inbox/*` : '*';
    expectUnknown(await without(await role(), action, inbox), why);
  });

  it('may not tell of its end: sweep does, when its time is over', async () => {
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

  it('has manifests that are broken, or bombs', async () => {
    await world.push({ 'calm/calm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: calm\n' });
    expectUnknown(await calm(), /0 of 1 compared.*; k8s\/calm\/calm\.yaml:\d: Flow map/);
    await world.push({ 'calm/calm.yaml': CALM });
    expectUnknown(await world.check('staging/laughs'), /; k8s\/laughs\/laughs\.yaml:\d: aliases stand for more than/);
    expectUnknown(await world.check('staging/hungry', 60), /^k8s\/hungry\/main\.jsonnet: it needs more memory than/);
  });

  it('has too little time: for what it renders, for a cluster that hangs, for anything', async () => {
    const give = (Timeout: number) =>
      world.service.lambda.send(
        new UpdateFunctionConfigurationCommand({ FunctionName: 'plumbline-kubernetes-kept', Timeout }),
      );
    // All but a minute of it is the check's.
    await give(63);
    staging.fail({ match: /\/configmaps/, delay: 30_000, times: 1000 });
    const [endless, hung] = await Promise.all([world.check('kept/forever', 60), world.check('kept/calm', 60)]);
    expectUnknown(endless, /timed out after .* in rendering k8s\/forever/);
    expectUnknown(hung, /timed out after .* in reading/);
    await give(900);
  });
});

describe('a run', () => {
  it('is joined, waited for, and cannot be forged, ended or overwritten by others', async () => {
    // Until then nothing else is asked of the cluster.
    prod.fail({ match: /\/version/, delay: 6_000 });
    const answers = await Promise.all([world.dispatch('prod/apart'), world.dispatch('prod/apart')]);
    const runId = /started run (\S+) at/.exec(answers.join())?.[1] ?? '';
    expect(answers.toSorted()).toEqual([
      `joined run ${runId}, which looks at the same commit`,
      expect.stringMatching(/^started run/),
    ]);
    const ticket = await world.ticket('prod/apart');
    const { upload, run } = (await world.json(`tickets/${ticket}.json`)) as { upload: string; run: { commit: string } };
    const newer = await world.push({ 'apart/new.yaml': NEW_OBJECT });
    expect(await world.dispatch('prod/apart')).toBe(`waits for run ${runId} to end`);

    const guess = 'a'.repeat(48);
    const other = (await world.service.verdict('prod/custom'))?.runId ?? '';
    const asked = { target: 'prod/apart', runId, ticket: guess };
    const told = { requestContext: { condition: 'RetriesExhausted' }, requestPayload: asked };
    const ended = { ...asked, build: null, function: { problem: null }, failure: null };
    const record = (event: object) => world.service.invoke(world.names.record, event);
    for (const event of [
      told,
      { source: 'plumbline', ended },
      { source: 'plumbline', ended: { ...ended, ticket: null } },
    ])
      expect(await record(event)).toMatch(/^who says that it ended is not the one of run \S+: not judged$/);
    const invoke = (payload: object) =>
      world.service.lambda.send(
        new InvokeCommand({
          FunctionName: 'plumbline-kubernetes-prod',
          InvocationType: 'Event',
          Payload: JSON.stringify(payload),
        }),
      );
    await Promise.all([invoke(asked), invoke({ target: 'prod/custom', runId: other, ticket }), invoke({ x: 1 })]);
    const put = (headers: Record<string, string>) => putWithout(upload, headers);
    expect(await put({})).toBe(403);
    expect((await world.queue('prod/apart'))?.running?.runId).toBe(runId);

    const report = await world.judged('prod/apart', runId);
    expectInSync(report);
    expect(report.commit.checked).toBe(run.commit);
    expect(await put({ 'if-none-match': '*' })).toBe(412);

    const next = await until('the newer commit is looked at', 30, async () => {
      const found = await world.service.verdict('prod/apart');
      return found !== null && found.runId > runId ? found : null;
    });
    const second = await world.judged('prod/apart', next.runId);
    expect(second.commit.checked).toBe(newer);
    expect(second.findings).toMatchObject([{ subject: 'ConfigMap/apart/pushed', change: 'removed', cause: 'pending' }]);

    // Told again, and asked again, when all is over.
    const before = await world.service.text('state/prod/apart.json');
    expect(await world.service.invoke('plumbline-kubernetes-prod', { target: 'prod/apart', runId, ticket })).toBe(
      'the ticket is gone: the run is over, or was judged already',
    );
    expect(await record({ source: 'plumbline', ended: { ...ended, ticket } })).toMatch(/is in-sync/);
    expect(await world.service.text('state/prod/apart.json')).toBe(before);
    expect(await world.judged('prod/apart', runId)).toEqual(report);
  });
});

describe('whoever breaks in', () => {
  it('as the function, or as the role that the cluster knows, may do what it needs and nothing else', () =>
    rightsAsDeployed(world));

  it('reads no secret in anything that is stored, logged, measured, sent or shown', () => secretsStayHidden(world));
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

/** A PUT as anybody can make it who has the address. @returns the status */
function putWithout(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const put = request(url, { method: 'PUT', headers, ca: readFileSync(world.sandbox.caBundle) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    put.once('error', reject);
    put.end('{}');
  });
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
