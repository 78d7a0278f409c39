import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { metadataOf } from '#drift/kubernetes/objects.ts';
import { AGGREGATED, FakeApi, faults, send, status } from './api.ts';
import { judge, look, lookAndJudge, told } from './look.ts';

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.reset());

const configMap = (namespace: string, name: string, more: JsonObject = {}): JsonObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, ...more }, data: { key: name } },
});
const many = (count: number, namespace = 'shop'): readonly JsonObject[] =>
  Array.from({ length: count }, (_, index) => configMap(namespace, `c${index}`));
const paths = (): readonly string[] =>
  api.requests.map(({ path }) => path).filter((path) => !/^\/(version|api|apis|openapi\/v3)$/.test(path));
describe('a server behind the server that is away', () => {
  const voucher = { apiVersion: 'shop.acme.example/v1', kind: 'Voucher', metadata: { name: 'welcome' } };
  const stale = (keepsKinds: boolean): void => {
    const key = `/apis ${AGGREGATED}`;
    const list = JSON.parse(String(api.fixed.get(key)?.body));
    for (const { metadata, versions } of list.items) {
      if (metadata.name !== 'shop.acme.example') continue;
      versions[0].freshness = 'Stale';
      if (!keepsKinds) versions[0].resources = [];
    }
    api.fixed.set(key, { status: 200, headers: {}, body: Buffer.from(JSON.stringify(list)) });
    api.fault = ({ path }) => (path.startsWith('/apis/shop.acme.example/') ? faults.away : null);
  };

  it.each([true, false])('hides its own objects only (kinds known: %s)', async (keepsKinds) => {
    stale(keepsKinds);
    const configMaps = ['cart-settings', 'web-pages'].map((name) => configMap('acme-shop', name));
    const judgement = await lookAndJudge(api.connection(), { declared: [voucher, ...configMaps] });
    expect(judgement.coverage).toMatchObject({ compared: 2, total: 3 });
    expect(judgement.coverage.uncovered[0]).toMatchObject({
      ...{ subject: 'Voucher/acme-shop/welcome', reason: expect.stringMatching(/no answer from|status 503/) },
    });
  });

  it('is not covered by an inventory', async () => {
    stale(false);
    const how = { declared: [], orphans: { namespaces: ['acme-shop'] } };
    expect((await look(api.connection(), how)).unreached).toMatchObject([
      { apiVersion: 'shop.acme.example/v1', kind: '*', namespace: null },
    ]);
  });
});

describe('autoscalers', () => {
  const web = async (): Promise<JsonObject> => {
    const { objects } = await look(api.connection());
    const live = objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadataOf({ metadata: metadata ?? null })['name'] === 'web',
    );
    api.requests.length = 0;
    return { ...live, spec: { ...(live?.['spec'] as JsonObject), replicas: 1 } };
  };

  it('are read where a replica count is declared', async () => {
    const declared = [await web()];
    const live = await look(api.connection(), { declared });
    expect(paths()).toContain('/apis/autoscaling/v2/namespaces/acme-shop/horizontalpodautoscalers?limit=500');
    expect(told(judge(live, { declared }))).toEqual([]);
  });

  it('of KEDA are read where they are served', async () => {
    const key = `/apis ${AGGREGATED}`;
    const list = JSON.parse(String(api.fixed.get(key)?.body));
    const responseKind = { group: '', version: '', kind: 'ScaledObject' };
    const resources = [{ resource: 'scaledobjects', responseKind, scope: 'Namespaced', verbs: ['get', 'list'] }];
    list.items.push({ metadata: { name: 'keda.sh' }, versions: [{ version: 'v1alpha1', resources }] });
    api.fixed.set(key, { status: 200, headers: {}, body: Buffer.from(JSON.stringify(list)) });
    api.replace('/apis/keda.sh/v1alpha1/scaledobjects', [{ metadata: { namespace: 'acme-shop', name: 'web' } }]);
    const { objects } = await look(api.connection(), { declared: [await web()] });
    expect(objects.map(({ kind }) => kind)).toContain('ScaledObject');
  });

  it('that may not be read leave a note', async () => {
    const declared = [await web()];
    api.allows = (_verb, resource) => resource !== 'horizontalpodautoscalers';
    const live = await look(api.connection(), { declared });
    expect(live.notes).toMatchObject([{ kind: 'autoscalers', text: expect.stringContaining('namespace acme-shop') }]);
    expect(told(judge(live, { declared }))).toEqual(['changed Deployment/acme-shop/web spec.replicas']);
  });

  it('that could not be read leave open what they scale', async () => {
    const declared = [await web()];
    api.fault = ({ path }) => (path.includes('horizontalpodautoscalers') ? status(500) : null);
    const { verdict, findings, coverage } = await lookAndJudge(api.connection(), { declared });
    expect([verdict, findings]).toEqual(['unknown', []]);
    expect(coverage.uncovered[0]?.reason).toMatch(/^whether an autoscaler sets its replicas is not known: /);
  });
});

describe('the schema of a custom resource', () => {
  const voucher = { apiVersion: 'shop.acme.example/v1', kind: 'Voucher', metadata: { name: 'welcome' } };
  const read = (): ReturnType<typeof look> => look(api.connection(), { declared: [voucher] });

  it('is read from OpenAPI, once as long as it stays the same', async () => {
    const first = await read();
    const again = await read();
    expect([...first.openapi.keys()]).toEqual(['shop.acme.example/v1']);
    expect(again.openapi.get('shop.acme.example/v1')).toBe(first.openapi.get('shop.acme.example/v1'));
    expect(api.requests.filter(({ path }) => path.startsWith('/openapi/v3/')).length).toBeLessThanOrEqual(1);
  });

  it.each([403, 404, 500])('is read from its definition where OpenAPI answers %i', async (code) => {
    api.fault = ({ path }) => (path.startsWith('/openapi/v3') ? status(code) : null);
    const live = await read();
    expect(live.objects.map(({ kind }) => kind).sort()).toEqual(['CustomResourceDefinition', 'Voucher']);
    expect(live.notes).toMatchObject([{ kind: 'schema', text: expect.stringContaining('CustomResourceDefinition') }]);
    expect(live.unreached).toEqual([]);
  });

  it('is guessed, with a note, where neither may be read', async () => {
    api.fault = ({ path }) => (path.startsWith('/openapi/v3') ? status(404) : null);
    api.allows = (_verb, resource) => resource !== 'customresourcedefinitions';
    const live = await read();
    expect(live.notes).toMatchObject([{ kind: 'schema', text: expect.stringContaining('is guessed') }]);
    expect(live.unreached).toEqual([]);
  });

  it('that could not be read is not guessed', async () => {
    api.fault = ({ path }) => (/^\/openapi\/v3|customresourcedefinitions/.test(path) ? status(503) : null);
    expect((await read()).unreached).toMatchObject([{ kind: 'Voucher', namespace: null }]);
  });

  it('is not asked for what Kubernetes brings with it', async () => {
    await look(api.connection(), { declared: many(3) });
    expect(api.requests.some(({ path }) => path.startsWith('/openapi'))).toBe(false);
  });
});

describe('orphans', () => {
  const labels = { crew: 'shop' };
  const orphans = { label: 'crew=shop', namespaces: [] };

  it('are asked for by their label, without what they specify', async () => {
    api.replace('/api/v1/configmaps', [...many(600), configMap('other', 'left', { labels })]);
    api.replace('/api/v1/secrets', [
      {
        metadata: { namespace: 'other', name: 'token', labels },
        type: 'kubernetes.io/service-account-token',
        data: {},
      },
    ]);
    const how = { declared: many(3), orphans };
    const live = await look(api.connection(), how);
    expect(told(judge(live, how))).toEqual(['added ConfigMap/other/left']);
    const scans = api.requests.filter(({ path }) => path.includes('labelSelector=crew%3Dshop'));
    expect(scans.length).toBeGreaterThan(30);
    const whole = scans.filter(({ headers }) => headers.accept?.includes('PartialObjectMetadataList') !== true);
    expect(whole.map(({ path }) => path.split('?')[0])).toEqual(['/api/v1/secrets']);
    expect(scans.some(({ path }) => /events|endpoints|leases|componentstatuses/.test(path))).toBe(false);
  });

  it('do not take the place of what is declared', async () => {
    const [first] = many(1);
    api.replace('/api/v1/configmaps', [{ ...first, metadata: { namespace: 'shop', name: 'c0', labels } }]);
    const declared = [configMap('shop', 'c0', { labels })];
    const live = await look(api.connection(), { declared, orphans });
    expect(live.objects).toMatchObject([{ kind: 'ConfigMap', data: { key: 'c0' } }]);
    expect(live.objects).toHaveLength(1);
  });

  it('that another object owns are nobody’s', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' }];
    api.replace('/api/v1/configmaps', [configMap('shop', 'owned', { labels, ownerReferences })]);
    expect((await look(api.connection(), { declared: [], orphans })).objects).toEqual([]);
  });

  it('of a kind that may not be listed are not covered, and declared objects of the kind still are', async () => {
    api.replace('/api/v1/configmaps', many(3));
    api.allows = (_verb, resource, namespace) => resource !== 'configmaps' || namespace !== null;
    const judgement = await lookAndJudge(api.connection(), { declared: many(3), orphans });
    expect(judgement.verdict).toBe('unknown');
    expect(judgement.coverage).toMatchObject({ compared: 3, total: 4 });
    expect(judgement.coverage.uncovered[0]?.reason).toContain('configmaps in all namespaces could not be read (list)');
  });

  it('in a namespace are the same there', async () => {
    api.allows = (verb, resource, namespace) => verb === 'get' || resource !== 'secrets' || namespace !== 'acme-ops';
    const judgement = await lookAndJudge(api.connection(), {
      ...{ declared: [], orphans: { namespaces: ['acme-ops'] } },
    });
    expect(judgement.coverage.uncovered.map(({ subject }) => subject)).toEqual(['Secret/acme-ops/*']);
  });
});

describe('a secret', () => {
  it('is in no note and no reason', async () => {
    const declared = [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cart-db', namespace: 'acme-shop' } }];
    for (const code of [403, 410, 500]) {
      api.fault = ({ path }) =>
        path.includes('secrets')
          ? (response, { body }) => send(response, { status: code, headers: { Warning: '299 - "no"' }, body })
          : null;
      const { unreached, notes } = await look(api.connection(), { declared });
      expect(unreached).toHaveLength(1);
      expect(JSON.stringify([unreached, notes])).not.toMatch(/password|[A-Za-z0-9+/]{12,}={1,2}/);
    }
  });
});
