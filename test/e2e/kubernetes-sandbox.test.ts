import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { type Client, client } from './kubernetes-client.ts';

const ADMIN = { token: 'sandbox-admin-token' } as const;
const STRATEGIC = 'application/strategic-merge-patch+json';
const MERGE = 'application/merge-patch+json';
const WEB = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          { name: 'web', image: 'acme/web:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] },
        ],
      },
    },
  },
};

interface Live {
  readonly metadata: {
    readonly name: string;
    readonly generation?: number;
    readonly resourceVersion: string;
    readonly managedFields?: readonly {
      readonly manager: string;
      readonly operation: string;
      readonly subresource?: string;
      readonly fieldsV1: Readonly<Record<string, unknown>>;
    }[];
  };
  readonly spec: Readonly<Record<string, never>> & {
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

let dir: string;
let cluster: Cluster;
let ask: Client;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'plumbline-kubernetes-'));
  cluster = await Cluster.start({ name: 'test', dir, certificates: await makeCertificates(dir), account: null });
  ask = client(cluster);
  await cluster.kubectl('create', 'namespace', 'shop');
});

afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const shop = (...args: readonly string[]) => cluster.kubectl('-n', 'shop', ...args);
const file = (name: string, value: unknown): string => {
  const place = path.join(dir, `${name}.yaml`);
  writeFileSync(place, JSON.stringify(value));
  return place;
};
const live = async (name: string): Promise<Live> =>
  JSON.parse((await ask('GET', `/apis/apps/v1/namespaces/shop/deployments/${name}`, ADMIN)).body) as Live;
const ownersOf = (object: Live, place: readonly string[]): readonly string[] =>
  (object.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => {
      let here: unknown = fieldsV1;
      for (const key of place) here = (here as Readonly<Record<string, unknown>> | undefined)?.[key];
      return here !== undefined;
    })
    .map(({ manager, operation, subresource }) => [manager, operation, subresource].filter(Boolean).join(' '));
const CONTAINERS = ['f:spec', 'f:template', 'f:spec', 'f:containers'];
const WEB_CONTAINER = [...CONTAINERS, 'k:{"name":"web"}'];

describe('kubectl', () => {
  it('applies, and its changes by hand are owned by the tool that made them', async () => {
    expect(await shop('apply', '-f', file('web', WEB))).toContain('deployment.apps/web created');
    expect(await shop('apply', '-f', file('web', WEB))).toContain('deployment.apps/web unchanged');
    await shop('scale', 'deployment', 'web', '--replicas=5');
    await shop('set', 'image', 'deployment/web', 'web=acme/web:2');
    await shop('set', 'env', 'deployment/web', 'B=2');
    await shop('label', 'deployment', 'web', 'team=shop');
    await shop('annotate', 'deployment', 'web', 'note=hello');
    await cluster.kubectlWith(
      { env: { KUBE_EDITOR: 'sed -i s/progressDeadlineSeconds:.600/progressDeadlineSeconds:\\ 700/' } },
      '-n',
      'shop',
      'edit',
      'deployment',
      'web',
    );
    await shop('patch', 'deployment', 'web', '-p', '{"spec":{"revisionHistoryLimit":3}}');
    const object = await live('web');
    expect(ownersOf(object, ['f:spec', 'f:replicas'])).toEqual(['kubectl Update scale']);
    expect(ownersOf(object, [...WEB_CONTAINER, 'f:image'])).toEqual(['kubectl-set Update']);
    expect(ownersOf(object, [...WEB_CONTAINER, 'f:env', 'k:{"name":"B"}'])).toEqual(['kubectl-set Update']);
    expect(ownersOf(object, [...WEB_CONTAINER, 'f:env', 'k:{"name":"A"}'])).toEqual([
      'kubectl-client-side-apply Update',
    ]);
    expect(ownersOf(object, ['f:metadata', 'f:labels', 'f:team'])).toEqual(['kubectl-label Update']);
    expect(ownersOf(object, ['f:metadata', 'f:annotations', 'f:note'])).toEqual(['kubectl-annotate Update']);
    expect(ownersOf(object, ['f:spec', 'f:progressDeadlineSeconds'])).toEqual(['kubectl-edit Update']);
    expect(ownersOf(object, ['f:spec', 'f:revisionHistoryLimit'])).toEqual(['kubectl-patch Update']);
    expect(ownersOf(object, ['f:metadata', 'f:annotations', 'f:deployment.kubernetes.io/revision'])).toEqual([
      'kube-controller-manager Update status',
    ]);
    expect(object.metadata.generation).toBe(6);
    expect(
      await shop(
        'get',
        'deployment',
        'web',
        '-o',
        'jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}',
      ),
    ).toBe('3');
  });

  it('applies again what git says, and takes ownership back', async () => {
    await shop('apply', '-f', file('web', WEB));
    const object = await live('web');
    expect(object.spec.template.spec.containers[0]).toMatchObject({
      image: 'acme/web:1',
      env: [{ name: 'A' }, { name: 'B' }],
    });
    expect(ownersOf(object, [...WEB_CONTAINER, 'f:image'])).toEqual(['kubectl-client-side-apply Update']);
    expect(await cluster.kubectl('-n', 'shop', 'diff', '-f', file('web', WEB))).toBe('');
  });

  it('writes a state that is its own, and nothing else with it', async () => {
    const rules = [{ host: 'shop.acme.example' }];
    const ingress = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' }, spec: { rules } };
    await shop('apply', '-f', file('ingress', ingress));
    const change = '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}},"spec":{"rules":[]}}';
    await shop('patch', 'ingress', 'web', '--subresource=status', '--type=merge', '-p', change);
    const { body } = await ask('GET', '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web', ADMIN);
    const object = JSON.parse(body) as Live;
    expect(object).toMatchObject({ spec: { rules }, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
    expect(ownersOf(object, ['f:status', 'f:loadBalancer'])).toEqual(['kubectl-patch Update status']);
    expect(ownersOf(object, ['f:spec', 'f:rules'])).toEqual(['kubectl-client-side-apply Update']);
  });

  it('applies on the server: owners conflict, force takes over, what is no longer sent goes', async () => {
    const named = (name: string, more: object = {}) => ({ ...WEB, metadata: { name, ...more } });
    await shop('apply', '--server-side', '-f', file('ssa', named('ssa', { labels: { a: '1', b: '2' } })));
    const first = await live('ssa');
    expect(ownersOf(first, [...WEB_CONTAINER, 'f:image'])).toEqual(['kubectl Apply']);
    expect(ownersOf(first, [...WEB_CONTAINER, 'f:imagePullPolicy'])).toEqual([]);
    const other = [
      'apply',
      '--server-side',
      '--field-manager=other',
      '-f',
      file('other', { ...named('ssa'), spec: { ...WEB.spec, replicas: 9 } }),
    ];
    await expect(shop(...other)).rejects.toThrow(/conflict with "kubectl": .spec.replicas/);
    await shop(...other, '--force-conflicts');
    expect(ownersOf(await live('ssa'), ['f:spec', 'f:replicas'])).toEqual(['other Apply']);
    await shop('apply', '--server-side', '--force-conflicts', '-f', file('ssa', named('ssa', { labels: { a: '1' } })));
    expect((await live('ssa')).metadata).toMatchObject({ labels: { a: '1' } });
    expect(JSON.stringify((await live('ssa')).metadata)).not.toContain('"b"');
  });

  it('creates, gets, deletes, and waits', async () => {
    await shop('create', 'configmap', 'notes', '--from-literal=a=b');
    await shop('create', 'secret', 'generic', 'key', '--from-literal=password=secret');
    await shop('create', 'serviceaccount', 'robot');
    await shop('create', 'deployment', 'made', '--image=acme/made:1', '--replicas=2', '--port=80');
    expect(await shop('get', 'deployment', 'made')).toMatch(/made +2\/2/);
    expect(await shop('get', 'configmap', 'notes', '-o', 'jsonpath={.data.a}')).toBe('b');
    await shop('rollout', 'status', 'deployment/made', '--timeout=10s');
    await shop('delete', 'configmap', 'notes');
    await expect(shop('get', 'configmap', 'notes')).rejects.toThrow(/configmaps "notes" not found/);
    expect(await shop('auth', 'can-i', 'delete', 'pods')).toContain('yes');
    await cluster.kubectl('create', 'namespace', 'gone');
    expect(await cluster.kubectl('-n', 'gone', 'get', 'configmap,serviceaccount', '-o', 'name')).toBe(
      'configmap/kube-root-ca.crt\nserviceaccount/default',
    );
    await cluster.kubectl('delete', 'namespace', 'gone');
    expect((await ask('GET', '/api/v1/namespaces/gone/configmaps/kube-root-ca.crt', ADMIN)).status).toBe(404);
  });

  it('is told of fields that nobody knows', async () => {
    const wrong = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wrong' }, date: { a: 'b' } };
    await expect(shop('apply', '-f', file('wrong', wrong))).rejects.toThrow(
      /strict decoding error: unknown field "date"/,
    );
    await shop('apply', '--validate=warn', '-f', file('wrong', wrong));
    expect(await shop('get', 'configmap', 'wrong', '-o', 'jsonpath={.data}')).toBe('');
  });

  it('applies a folder that defines a kind and uses it', async () => {
    const folder = path.join(dir, 'kinds');
    mkdirSync(folder);
    const schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          required: ['size'],
          properties: { size: { type: 'integer', minimum: 1 }, colour: { type: 'string', default: 'red' } },
        },
      },
    };
    const versions = [{ name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema: schema } }];
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.acme.example' },
      spec: {
        group: 'acme.example',
        scope: 'Cluster',
        names: { kind: 'Widget', plural: 'widgets', shortNames: ['wd'] },
        versions,
      },
    };
    const widget = {
      apiVersion: 'acme.example/v1alpha1',
      kind: 'Widget',
      metadata: { name: 'one' },
      spec: { size: 3 },
    };
    writeFileSync(path.join(folder, '1.yaml'), JSON.stringify(definition));
    writeFileSync(path.join(folder, '2.yaml'), JSON.stringify(widget));
    await cluster.apply(folder);
    expect(await cluster.kubectl('get', 'wd', 'one', '-o', 'jsonpath={.spec.colour}')).toBe('red');
    expect(await cluster.kubectl('explain', 'widget.spec')).toContain('colour');
    const bad = { ...widget, metadata: { name: 'two' }, spec: { size: 0, extra: 1 } };
    await expect(cluster.kubectl('apply', '--validate=false', '-f', file('bad', bad))).rejects.toThrow(
      /spec.size in body should be greater than or equal to 1/,
    );
    await cluster.kubectl('delete', 'crd', 'widgets.acme.example');
    expect((await ask('GET', '/apis/acme.example/v1alpha1/widgets', ADMIN)).body).toBe('404 page not found\n');
  });
});

describe('the server refuses', () => {
  const post = (body: unknown, place = '/api/v1/namespaces/shop/configmaps') =>
    ask('POST', place, { ...ADMIN, body: JSON.stringify(body), contentType: 'application/json' });
  const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

  it('what is wrong, with the status of its reason', async () => {
    const deployments = '/apis/apps/v1/namespaces/shop/deployments';
    const { selector: _, ...rest } = WEB.spec;
    const cases: readonly (readonly [number, string, Promise<{ status: number; body: string }>])[] = [
      [422, 'metadata.name', post(configMap('Not_A_Name'))],
      [422, 'spec.selector', post({ ...WEB, metadata: { name: 'x' }, spec: rest }, deployments)],
      [
        422,
        'spec.template.spec.containers',
        post(
          {
            ...WEB,
            metadata: { name: 'x' },
            spec: { ...WEB.spec, template: { metadata: { labels: { app: 'web' } }, spec: {} } },
          },
          deployments,
        ),
      ],
      [404, 'namespaces \\"nowhere\\" not found', post(configMap('a'), '/api/v1/namespaces/nowhere/configmaps')],
      [400, 'does not match the namespace', post({ ...configMap('a'), metadata: { name: 'a', namespace: 'default' } })],
      [400, 'cannot be handled as a ConfigMap', post({ ...configMap('a'), kind: 'Secret' })],
      [400, 'cannot unmarshal number', post({ ...configMap('a'), data: { a: 1 } })],
      [405, 'does not allow this method', ask('POST', '/api/v1/configmaps', { ...ADMIN, body: '{}' })],
      [406, 'media types are accepted', ask('GET', '/api/v1/pods', { ...ADMIN, accept: 'text/html' })],
      [
        415,
        'unknown format',
        ask('PATCH', '/api/v1/namespaces/shop/configmaps/wrong', { ...ADMIN, body: '{}', contentType: 'text/plain' }),
      ],
    ];
    for (const [status, said, answer] of cases) {
      const { status: got, body } = await answer;
      expect([got, body]).toEqual([status, expect.stringContaining(said)]);
    }
  });

  it('a second object of a name, and a write of what has changed since', async () => {
    expect((await post(configMap('twice'))).status).toBe(201);
    expect((await post(configMap('twice'))).status).toBe(409);
    const stale = { ...WEB, metadata: { ...WEB.metadata, resourceVersion: '1' } };
    const put = await ask('PUT', '/apis/apps/v1/namespaces/shop/deployments/web', {
      ...ADMIN,
      body: JSON.stringify(stale),
      contentType: 'application/json',
    });
    expect([put.status, put.body]).toEqual([409, expect.stringContaining('the object has been modified')]);
    const selector = await ask('PATCH', '/apis/apps/v1/namespaces/shop/deployments/web', {
      ...ADMIN,
      body: '{"spec":{"selector":{"matchLabels":{"b":"c"}}}}',
      contentType: STRATEGIC,
    });
    expect([selector.status, selector.body]).toEqual([422, expect.stringContaining('field is immutable')]);
  });

  it('whoever has no right to it, and rights come from the roles that are bound', async () => {
    cluster.addUser('carol', { name: 'carol', groups: ['desk'] });
    const get = (place: string) => ask('GET', place, { token: 'carol' });
    expect((await get('/apis')).status).toBe(200);
    expect((await get('/metrics')).status).toBe(403);
    expect((await get('/api/v1/namespaces/shop/configmaps')).status).toBe(403);
    await shop('create', 'role', 'one', '--verb=get', '--resource=configmaps', '--resource-name=twice');
    await shop('create', 'rolebinding', 'one', '--role=one', '--group=desk');
    expect((await get('/api/v1/namespaces/shop/configmaps/twice')).status).toBe(200);
    expect((await get('/api/v1/namespaces/shop/configmaps/wrong')).status).toBe(403);
    expect((await get('/api/v1/namespaces/shop/configmaps')).status).toBe(403);
    expect((await get('/api/v1/namespaces/default/configmaps/kube-root-ca.crt')).status).toBe(403);
    await cluster.kubectl('create', 'clusterrolebinding', 'desk', '--clusterrole=view', '--group=desk');
    expect((await get('/apis/apps/v1/deployments')).status).toBe(200);
    expect((await get('/api/v1/secrets')).status).toBe(403);
    const scale = await ask('PATCH', '/apis/apps/v1/namespaces/shop/deployments/web/scale', {
      token: 'carol',
      body: '{}',
      contentType: MERGE,
    });
    expect([scale.status, scale.body]).toEqual([
      403,
      expect.stringContaining(
        'cannot patch resource \\"deployments/scale\\" in API group \\"apps\\" in the namespace \\"shop\\"',
      ),
    ]);
    expect((await ask('GET', '/version')).status).toBe(200);
    expect((await ask('GET', '/apis')).status).toBe(403);
  });
});

describe('lists', () => {
  const place = '/api/v1/configmaps?limit=2';

  it('come in pages that stay as they were, and expire', async () => {
    const whole = JSON.parse((await ask('GET', '/api/v1/configmaps', ADMIN)).body);
    const first = JSON.parse((await ask('GET', place, ADMIN)).body);
    expect(first.metadata.remainingItemCount).toBe(whole.items.length - 2);
    await shop('create', 'configmap', 'aaaa');
    const names: string[] = first.items.map((item: Live) => item.metadata.name);
    let next = first.metadata.continue;
    while (next !== undefined) {
      const page = JSON.parse((await ask('GET', `${place}&continue=${next}`, ADMIN)).body);
      names.push(...page.items.map((item: Live) => item.metadata.name));
      next = page.metadata.continue;
    }
    expect(names).toEqual(whole.items.map((item: Live) => item.metadata.name));
    cluster.forgetContinueTokens();
    const expired = await ask('GET', `${place}&continue=${first.metadata.continue}`, ADMIN);
    expect(expired.status).toBe(410);
    const rest = JSON.parse(expired.body);
    expect(rest.reason).toBe('Expired');
    expect((await ask('GET', `${place}&continue=${rest.metadata.continue}`, ADMIN)).status).toBe(200);
  });

  it('are selected by label and field, and come without what is not asked for', async () => {
    const names = async (query: string, accept = 'application/json') => {
      const { body } = await ask('GET', `/apis/apps/v1/deployments?${query}`, { ...ADMIN, accept });
      return JSON.parse(body).items.map((item: Live) => item.metadata.name);
    };
    expect(await names('labelSelector=team%3Dshop')).toEqual(['web']);
    expect(await names('labelSelector=app%20in%20(web,other),!nothing')).toEqual(['web']);
    expect(await names('fieldSelector=metadata.name%3Dssa')).toEqual(['ssa']);
    const partial = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    expect(await names('fieldSelector=metadata.name%3Dssa', partial)).toEqual(['ssa']);
    const { body } = await ask('GET', '/apis/apps/v1/deployments', { ...ADMIN, accept: partial });
    expect(body).not.toContain('"spec"');
  });

  it('are compressed when they are long', async () => {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const parts: Buffer[] = [];
      import('node:https').then(({ get }) =>
        get(
          `${cluster.server}/apis/rbac.authorization.k8s.io/v1/clusterroles?limit=500`,
          { rejectUnauthorized: false, headers: { authorization: `Bearer ${ADMIN.token}`, 'accept-encoding': 'gzip' } },
          (response) => {
            response.on('data', (part: Buffer) => parts.push(part));
            response.once('end', () =>
              resolve(
                response.headers['content-encoding'] === 'gzip'
                  ? gunzipSync(Buffer.concat(parts))
                  : Buffer.concat(parts),
              ),
            );
          },
        ).once('error', reject),
      );
    });
    expect(JSON.parse(answer.toString()).items.length).toBeGreaterThan(60);
  });
});
