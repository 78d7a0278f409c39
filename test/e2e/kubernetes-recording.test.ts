import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { type Client, client } from './kubernetes-client.ts';

const FOLDER = path.resolve(import.meta.dirname, '../fixtures/kubernetes/cluster');

interface Recorded {
  readonly file: string;
  readonly path: string;
  readonly accept: string;
  readonly user: 'reader' | 'nobody' | 'bad' | 'none';
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly group: string;
}
type Tree = { [key: string]: unknown };
interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: unknown;
}

const INDEX = JSON.parse(readFileSync(path.join(FOLDER, 'index.json'), 'utf8')) as readonly Recorded[];
const bodyOf = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8');
const groupOf = (group: string): readonly Recorded[] => INDEX.filter((one) => one.group === group);

let dir: string;
let cluster: Cluster;
let ask: Client;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'plumbline-recording-'));
  cluster = await Cluster.start({ name: 'recorded', dir, certificates: await makeCertificates(dir), account: null });
  ask = client(cluster);
  for (const user of ['reader', 'nobody']) cluster.addUser(user, { name: user, groups: [] });
  await cluster.kubectl('create', 'clusterrole', 'reader', '--verb=get,list', '--resource=*.*');
  await cluster.kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=reader');
  await cluster.apply(path.join(FOLDER, 'manifests'));
  await drift();
});

afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What was done to the recorded cluster, done again with the same tools. */
async function drift(): Promise<void> {
  const shop = (...args: readonly string[]) => cluster.kubectl('-n', 'acme-shop', ...args);
  await shop('scale', 'deployment', 'cart', '--replicas=4');
  await shop('set', 'env', 'deployment/cart', '-c', 'cart', 'DEBUG=true');
  await shop('set', 'image', 'deployment/web', 'nginx=registry.acme.example/web/nginx:1.27.3');
  const verb = [{ op: 'add', path: '/rules/0/verbs/-', value: 'update' }];
  await shop('patch', 'role', 'cart', '--type=json', '-p', JSON.stringify(verb));
  await shop('patch', 'voucher', 'welcome', '--type=merge', '-p', '{"spec":{"maxRedemptions":9007199254740992}}');
  await shop('rollout', 'restart', 'statefulset/cart-db');
  await shop('delete', 'pdb', 'web');
  const edit = { env: { KUBE_EDITOR: 'sed -i s/=.45/=\\ 90/' } };
  await cluster.kubectlWith(edit, '-n', 'acme-shop', 'edit', 'configmap', 'cart-settings');
  await shop('create', 'configmap', 'hotfix-notes', '--from-literal=note=scaled by hand');
  // The autoscaler's controller, which does not run here.
  const scale = '/apis/apps/v1/namespaces/acme-shop/deployments/web/scale?fieldManager=kube-controller-manager';
  const patch = { body: '{"spec":{"replicas":3}}', contentType: 'application/merge-patch+json' };
  expect((await ask('PATCH', scale, { token: 'sandbox-admin-token', ...patch })).status).toBe(200);
}

const send = (one: Recorded) =>
  ask('GET', one.path, { accept: one.accept, ...(one.user === 'none' ? {} : { token: one.user }) });

/** Without what no two clusters share. */
function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== 'object' || value === null) return value;
  const changing = ['uid', 'resourceVersion', 'creationTimestamp', 'time', 'kubectl.kubernetes.io/restartedAt'];
  const kept = Object.entries(value).filter(([key]) => !changing.includes(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, stable(item)]));
}

function entriesOf(object: Tree): readonly Entry[] {
  const entries = ((object['metadata'] as Tree)['managedFields'] ?? []) as readonly Entry[];
  const name = (entry: Entry): string => `${entry.manager} ${entry.operation} ${entry.subresource ?? ''}`;
  // What controllers write about the state is not rebuilt here.
  return (stable(entries.filter((entry) => entry.subresource !== 'status')) as Entry[]).sort((a, b) =>
    name(a) < name(b) ? -1 : 1,
  );
}

/** What a person declares or a server fills in: all but status, ownership, and addresses. */
function declaredOf(object: Tree): unknown {
  const { status: _, metadata, ...rest } = stable(object) as Tree;
  const { managedFields: __, generation: ___, ...named } = metadata as Tree;
  const spec = rest['spec'] as Tree | undefined;
  if (rest['kind'] === 'Service' && spec?.['clusterIP'] !== 'None') {
    delete spec?.['clusterIP'];
    delete spec?.['clusterIPs'];
  }
  return { ...rest, metadata: named };
}

describe('a cluster of the sandbox, with the recorded manifests applied and drifted', () => {
  const singles = groupOf('single objects').filter((one) => one.status === 200);

  it('has all of the recorded objects', () => expect(singles).toHaveLength(25));

  it.each(singles.map((one) => [one.path, one] as const))('has %s with the same fields and owners', async (_, one) => {
    const answer = await send(one);
    const [mine, recorded] = [JSON.parse(answer.body) as Tree, JSON.parse(bodyOf(one.file)) as Tree];
    expect(answer.status).toBe(200);
    expect(declaredOf(mine)).toEqual(declaredOf(recorded));
    expect(entriesOf(mine)).toEqual(entriesOf(recorded));
  });

  it('keeps an integer that a double cannot hold', async () => {
    await cluster.kubectl(
      '-n',
      'acme-shop',
      'patch',
      'voucher',
      'welcome',
      '--type=merge',
      '-p',
      '{"spec":{"maxRedemptions":9007199254740993}}',
    );
    const { body } = await ask('GET', '/apis/shop.acme.example/v1/namespaces/acme-shop/vouchers/welcome', {
      token: 'reader',
    });
    expect(body).toContain('"maxRedemptions":9007199254740993');
  });

  const plain = [...groupOf('discovery'), ...groupOf('resource lists')];
  it.each(plain.map((one) => [`${one.path} ${one.accept.length > 20 ? 'aggregated' : ''}`, one] as const))(
    'answers %s',
    async (_, one) => {
      const answer = await send(one);
      const strip = (text: string) => text.replaceAll(/"storageVersionHash":"[^"]*"/g, '"storageVersionHash":""');
      expect(JSON.parse(strip(answer.body))).toEqual(JSON.parse(strip(bodyOf(one.file))));
      expect(answer.headers['content-type']).toBe(one.headers['Content-Type']);
    },
  );

  it.each(groupOf('openapi').map((one) => [one.path.split('?')[0] ?? '', one] as const))(
    'answers %s',
    async (place, one) => {
      const answer = await send(one);
      const recorded = JSON.parse(bodyOf(one.file)) as {
        readonly paths: Tree;
        readonly components?: { readonly schemas: Tree };
      };
      const mine = JSON.parse(answer.body) as typeof recorded;
      expect(answer.status).toBe(200);
      expect(Object.keys(mine.paths).sort()).toEqual(Object.keys(recorded.paths).sort());
      expect(mine.components?.schemas).toEqual(recorded.components?.schemas);
      if (!place.includes('shop')) expect(answer.headers['content-type']).toBe(one.headers['Content-Type']);
    },
  );

  const errors = groupOf('errors').filter((one) => one.status !== 429 && one.status !== 410 && one.status !== 200);
  it.each(errors.map((one) => [`${one.status} ${one.path}`, one] as const))(
    'refuses as recorded: %s',
    async (_, one) => {
      const answer = await send(one);
      expect(answer.status).toBe(one.status);
      expect(answer.body).toBe(bodyOf(one.file));
      for (const [name, value] of Object.entries(one.headers))
        expect([name, answer.headers[name.toLowerCase()]]).toEqual([name, value]);
    },
  );

  it('gives every recorded list of what acme has no part in', async () => {
    // Components come in no order, and roles of the cluster are joined by the reader's own.
    const others = /componentstatuses|clusterrole/;
    const lists = groupOf('lists').filter((one) => !bodyOf(one.file).includes('acme') && !others.test(one.path));
    expect(lists).toHaveLength(30);
    for (const one of lists) {
      const answer = await send(one);
      expect([one.path, stable(JSON.parse(answer.body))]).toEqual([one.path, stable(JSON.parse(bodyOf(one.file)))]);
      expect(answer.headers['warning']).toEqual((one.headers['Warning'] as readonly string[] | undefined)?.join(', '));
    }
  });
});
