import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { metadataOf } from '#drift/kubernetes/objects.ts';
import { FakeApi, send } from './api.ts';
import { look, lookAndJudge, QUICK, told } from './look.ts';

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.reset());

const configMap = (namespace: string, name: string, more: JsonObject = {}): JsonObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, ...more }, data: { key: name } },
});
const many = (count: number, namespace = 'shop'): readonly JsonObject[] =>
  Array.from({ length: count }, (_, index) => configMap(namespace, `c${index}`));
const namespaces = (count: number): void =>
  api.replace(
    '/api/v1/namespaces',
    Array.from({ length: count }, (_, index) => ({ metadata: { name: `n${index}` } })),
  );
const paths = (): readonly string[] =>
  api.requests.map(({ path }) => path).filter((path) => !/^\/(version|api|apis|openapi\/v3)$/.test(path));
const names = (objects: readonly JsonObject[]): readonly string[] =>
  objects.map((object) => String(metadataOf(object)['name'])).sort();

describe('a list', () => {
  it('is read page by page, and only what is declared is kept', async () => {
    api.replace('/api/v1/configmaps', many(1200));
    const live = await look(api.connection(), { declared: many(1200).slice(600, 605) });
    expect(names(live.objects)).toEqual(['c600', 'c601', 'c602', 'c603', 'c604']);
    expect(live.objects[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(paths()).toEqual(
      Array(3).fill(expect.stringMatching(/^\/api\/v1\/namespaces\/shop\/configmaps\?limit=500/)),
    );
  });

  it('begins again when its moment was forgotten', async () => {
    api.replace('/api/v1/configmaps', many(1200));
    api.pagesKept = 1;
    api.fault = ({ path }) => {
      if (path.includes('continue')) api.pagesKept = Number.POSITIVE_INFINITY;
      return null;
    };
    const live = await look(api.connection(), { declared: many(3) });
    expect(names(live.objects)).toEqual(['c0', 'c1', 'c2']);
    expect(live.unreached).toEqual([]);
  });

  it('that is always forgotten is not covered', async () => {
    api.replace('/api/v1/configmaps', many(1200));
    api.pagesKept = 1;
    const declared = many(3);
    const judgement = await lookAndJudge(api.connection(), { declared });
    expect(judgement).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(judgement.coverage.uncovered[0]?.reason).toContain('forgot a list before its end (410)');
    expect(paths()).toHaveLength(6);
  });

  it('that ends although there is more is not covered', async () => {
    const metadata = { resourceVersion: '1', remainingItemCount: 700 };
    const body = Buffer.from(JSON.stringify({ kind: 'ConfigMapList', metadata, items: [] }));
    api.fault = ({ path }) =>
      path.includes('/configmaps?')
        ? (response) => send(response, { status: 200, headers: { 'Content-Type': 'application/json' }, body })
        : null;
    const judgement = await lookAndJudge(api.connection(), { declared: many(2) });
    expect(judgement).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(judgement.coverage.uncovered[0]?.reason).toContain('ended a list before its end');
  });

  it('whose pages are of several moments is not used', async () => {
    api.replace('/api/v1/configmaps', many(1200));
    api.fault = ({ path }) => {
      api.moment = path.includes('continue') ? 803 : 777;
      return null;
    };
    // The answer is made before the fault: the moment is that of the request before.
    const judgement = await lookAndJudge(api.connection(), { declared: many(1200) });
    expect(judgement.verdict).toBe('unknown');
    expect(judgement.coverage.uncovered[0]?.reason).toContain('pages of different moments');
  });

  it('whose pages are too large comes in smaller ones', async () => {
    const large = many(60).map((object) => ({ ...object, data: { key: 'x'.repeat(10_000) } }));
    api.replace('/api/v1/configmaps', large);
    const { objects, unreached } = await look(api.connection(), {
      ...{ declared: large, effort: { ...QUICK, maxBytes: 300_000 } },
    });
    expect([objects.length, unreached]).toEqual([60, []]);
    expect(paths()).toHaveLength(1 + 3);
  });

  it('without an end ends', async () => {
    api.fault = ({ path }) => {
      if (!path.includes('/configmaps')) return null;
      const list = { kind: 'ConfigMapList', metadata: { resourceVersion: '1', continue: 'again' }, items: [] };
      return (response) => send(response, { status: 200, headers: {}, body: Buffer.from(JSON.stringify(list)) });
    };
    const { unreached } = await look(api.connection(), { declared: many(3) });
    expect(unreached[0]?.reason).toContain('lists without an end');
  });

  it.each([
    ['no list', { kind: 'Status' }],
    ['items without a name', { kind: 'ConfigMapList', metadata: {}, items: [{}] }],
    ['items that are none', { kind: 'ConfigMapList', metadata: {}, items: [1] }],
  ])('that is %s is not believed', async (_what, body) => {
    api.fault = ({ path }) =>
      path.includes('/configmaps')
        ? (response) => send(response, { status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) })
        : null;
    const { unreached } = await look(api.connection(), { declared: many(3) });
    expect(unreached[0]?.reason).toContain('no list');
  });

  it('of a namespace that is not there means that nothing is there', async () => {
    const judgement = await lookAndJudge(api.connection(), { declared: many(3, 'nowhere') });
    expect(told(judgement)).toEqual(['c0', 'c1', 'c2'].map((name) => `removed ConfigMap/nowhere/${name}`));
  });
});

describe('the way to read', () => {
  const spread = (of: number): readonly JsonObject[] =>
    Array.from({ length: of }, (_, index) => many(3, `n${index}`)).flat();

  it('is one list of everything where the namespaces are a good part of the cluster', async () => {
    namespaces(12);
    api.replace('/api/v1/configmaps', spread(12));
    const live = await look(api.connection(), { declared: spread(10) });
    expect(live.objects).toHaveLength(30);
    expect(paths()).toEqual(['/api/v1/namespaces?limit=500', '/api/v1/configmaps?limit=500']);
  });

  it('is a list a namespace where they are a few of many', async () => {
    namespaces(100);
    api.replace('/api/v1/configmaps', spread(100));
    const live = await look(api.connection(), { declared: spread(10) });
    expect(live.objects).toHaveLength(30);
    expect(paths().filter((path) => path.includes('configmaps'))).toHaveLength(10);
  });

  it('turns to the namespaces where other ones hold far more', async () => {
    namespaces(4);
    api.replace('/api/v1/configmaps', [...many(9000, 'n3'), ...spread(2)]);
    const live = await look(api.connection(), { declared: spread(2) });
    expect(live.objects).toHaveLength(6);
    expect(paths().filter((path) => path.includes('configmaps'))).toHaveLength(3);
  });

  it('is a list a namespace where one of everything is forbidden', async () => {
    namespaces(10);
    api.replace('/api/v1/configmaps', spread(10));
    api.allows = (_verb, resource, namespace) => resource !== 'configmaps' || namespace !== null;
    const live = await look(api.connection(), { declared: spread(10) });
    expect(live.objects).toHaveLength(30);
    expect(live.unreached).toEqual([]);
  });

  it('is a list a namespace where it may not be known how many there are', async () => {
    api.replace('/api/v1/configmaps', spread(10));
    api.allows = (_verb, _resource, namespace) => namespace !== null;
    const live = await look(api.connection(), { declared: spread(10) });
    expect(live.objects).toHaveLength(30);
    expect(paths()).toHaveLength(11);
  });

  it('is object by object where there may be no list', async () => {
    api.replace('/api/v1/configmaps', many(5));
    api.allows = (verb) => verb === 'get';
    const judgement = await lookAndJudge(api.connection(), { declared: many(7) });
    expect(told(judgement)).toEqual(['removed ConfigMap/shop/c5', 'removed ConfigMap/shop/c6']);
    expect(judgement.coverage.uncovered).toEqual([]);
  });

  it('is object by object where a few of thousands are declared', async () => {
    api.replace('/api/v1/configmaps', many(5000));
    const live = await look(api.connection(), { declared: many(2) });
    expect(names(live.objects)).toEqual(['c0', 'c1']);
    expect(paths()).toHaveLength(3);
  });

  it('is the object itself where it is alone', async () => {
    const declared = [configMap('acme-shop', 'cart-settings')];
    const live = await look(api.connection(), { declared });
    expect(names(live.objects)).toEqual(['cart-settings']);
    expect(paths()).toEqual(['/api/v1/namespaces/acme-shop/configmaps/cart-settings']);
  });

  it('does not believe another object than the one that was asked for', async () => {
    api.fault = ({ path }) =>
      path.endsWith('/cart-settings') ? (response, answer) => send(response, { ...answer, body: other }) : null;
    const other = Buffer.from(JSON.stringify(configMap('acme-shop', 'web-pages')));
    const { objects, unreached } = await look(api.connection(), {
      declared: [configMap('acme-shop', 'cart-settings')],
    });
    expect([objects, unreached.length]).toEqual([[], 1]);
  });

  it('leaves one namespace out and the others in', async () => {
    namespaces(100);
    api.replace('/api/v1/configmaps', spread(3));
    api.allows = (_verb, resource, namespace) => resource !== 'configmaps' || namespace !== 'n1';
    const judgement = await lookAndJudge(api.connection(), { declared: spread(3) });
    expect(judgement.coverage).toMatchObject({ compared: 6, total: 9 });
    expect(judgement.coverage.uncovered.map(({ subject }) => subject)).toEqual(
      ['c0', 'c1', 'c2'].map((name) => `ConfigMap/n1/${name}`),
    );
    expect(judgement.coverage.uncovered[0]?.reason).toMatch(
      /let get and list on configmaps in namespace n1 be allowed/,
    );
  });
});

describe('a version', () => {
  const deployment = (apiVersion: string): JsonObject => ({
    apiVersion,
    kind: 'Deployment',
    metadata: { name: 'web' },
  });

  it.each(['apps/v1beta1', 'extensions/v1beta1'])(
    'that is no longer served (%s) is read in one that is',
    async (of) => {
      const live = await look(api.connection(), { declared: [deployment(of)] });
      expect(live.objects).toMatchObject([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
      expect(live.notes).toEqual([
        {
          kind: 'served-version',
          text: `${of} Deployment is not served by the cluster, which has it as apps/v1: read as apps/v1; change apiVersion in the manifests`,
        },
      ]);
    },
  );

  it('is the declared one where several are served', async () => {
    const hpa = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web' } };
    const live = await look(api.connection(), { declared: [hpa] });
    expect(live.objects).toMatchObject([{ apiVersion: 'autoscaling/v1' }]);
  });

  it('of a group that nobody serves is told', async () => {
    const declared = [{ apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: { name: 'web' } }];
    const { coverage } = await lookAndJudge(api.connection(), { declared });
    expect(coverage.uncovered[0]?.reason).toBe('monitoring.coreos.com/v1 ServiceMonitor is not served by the cluster');
  });

  it('of another group with the same kind is told with that', async () => {
    const { coverage } = await lookAndJudge(api.connection(), { declared: [deployment('acme.example/v1')] });
    expect(coverage.uncovered[0]?.reason).toBe(
      'acme.example/v1 Deployment is not served by the cluster, which has Deployment as apps/v1',
    );
  });

  it('that is in discovery but gone is not taken for an object that is gone', async () => {
    api.objects.delete('/api/v1/configmaps');
    const { verdict, findings, coverage } = await lookAndJudge(api.connection(), { declared: many(1) });
    expect([verdict, findings]).toEqual(['unknown', []]);
    expect(coverage.uncovered[0]?.reason).toContain('has no such thing (404)');
  });
});
