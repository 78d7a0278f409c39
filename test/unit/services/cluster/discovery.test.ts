import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discover } from '#services/cluster/discovery.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { AGGREGATED, FakeApi, faults, NOBODY, send, status } from './api.ts';
import { budgetOf, QUICK } from './look.ts';

const api = new FakeApi();
beforeEach(async () => {
  // A port of its own, so that nothing is known of it from another test.
  await api.start();
  api.reset();
});
afterEach(() => api.stop());

const ask = (token?: string) => discover(api.connection(token), budgetOf(), QUICK);
const sorted = (texts: readonly string[]): readonly string[] => [...texts].sort();

/** As servers before 1.27 do: the aggregated form is not known. */
function answerPlainly(): void {
  for (const path of ['/api', '/apis']) {
    const plain = api.fixed.get(`${path} application/json`);
    if (plain !== undefined) api.fixed.set(`${path} ${AGGREGATED}`, plain);
  }
}

describe('discovery', () => {
  it('is three requests where the aggregated form is known', async () => {
    const { version, kinds, apiVersions, unavailable } = await ask();
    expect(sorted(api.requests.map(({ path }) => path))).toEqual(['/api', '/apis', '/version']);
    expect(version).toBe('v1.36.2');
    expect(kinds).toContainEqual({
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', resource: 'deployments', namespaced: true, listable: true },
    });
    expect(kinds.find(({ kind }) => kind === 'TokenReview')).toMatchObject({ listable: false });
    expect(apiVersions).toEqual(
      expect.arrayContaining(['v1', 'apps/v1', 'apps/v1/Deployment', 'shop.acme.example/v1']),
    );
    expect(unavailable).toEqual([]);
  });

  it('finds the same in the plain form', async () => {
    const aggregated = await ask();
    answerPlainly();
    await api.stop();
    await api.start();
    const plain = await ask();
    const named = ({ kinds }: typeof plain) => sorted(kinds.map((kind) => JSON.stringify(Object.entries(kind).sort())));
    expect(named(plain)).toEqual(named(aggregated));
    expect(sorted(plain.apiVersions)).toEqual(sorted(aggregated.apiVersions));
    expect(plain.kinds.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')[0]).toMatchObject({
      apiVersion: 'autoscaling/v2',
    });
  });

  it('is kept as long as the server says that it is the same', async () => {
    const first = await ask();
    const again = await ask();
    expect(again).toEqual(first);
    const etags = api.requests.filter(({ headers }) => headers['if-none-match'] !== undefined);
    expect(etags).toHaveLength(2);
    const answer = api.fixed.get(`/apis ${AGGREGATED}`);
    const body = Buffer.from(String(answer?.body).replaceAll('"Voucher"', '"Coupon"'));
    api.fixed.set(`/apis ${AGGREGATED}`, { status: 200, headers: { Etag: '"other"' }, body });
    expect((await ask()).kinds.some(({ kind }) => kind === 'Coupon')).toBe(true);
  });

  it('goes on without a server behind the server, and says which', async () => {
    const answer = api.fixed.get(`/apis ${AGGREGATED}`);
    const list = JSON.parse(String(answer?.body));
    list.items.push({ metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', freshness: 'Stale' }] });
    api.fixed.set(`/apis ${AGGREGATED}`, {
      ...{ status: 200, headers: { Etag: '"stale"' }, body: Buffer.from(JSON.stringify(list)) },
    });
    const { kinds, unavailable } = await ask();
    expect(kinds.length).toBeGreaterThan(50);
    expect(unavailable.map(({ apiVersion }) => apiVersion)).toEqual(['metrics.k8s.io/v1beta1']);
    // What is not whole is not kept.
    await ask();
    const asked = api.requests.filter(({ path }) => path === '/apis');
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined]);
  });

  it('goes on without it in the plain form too', async () => {
    answerPlainly();
    api.fault = ({ path }) => (path === '/apis/shop.acme.example/v1' ? faults.away : null);
    const { kinds, unavailable } = await ask();
    expect(kinds.some(({ kind }) => kind === 'Deployment')).toBe(true);
    expect(unavailable).toEqual([
      { apiVersion: 'shop.acme.example/v1', reason: 'answered with status 503 of shop.acme.example/v1' },
    ]);
  });

  it('does not need the version', async () => {
    api.fault = ({ path }) => (path === '/version' ? status(403) : null);
    expect((await ask()).version).toBeNull();
  });

  it('is allowed to everybody who is known', async () => {
    expect((await ask(NOBODY)).kinds.length).toBeGreaterThan(50);
  });
});

describe('a cluster that cannot be looked at', () => {
  it('by somebody whom it does not know', async () => {
    await expect(ask('unknown')).rejects.toThrow(/does not know who asks \(401\)/);
  });

  it.each(['/version', '/api', '/apis'])('that does not answer %s', async (path) => {
    api.fault = (asked) => (asked.path === path ? faults.reset : null);
    await expect(ask()).rejects.toBeInstanceOf(ClusterError);
  });

  it('that forbids it', async () => {
    api.fault = ({ path }) => (path === '/apis' ? status(403) : null);
    await expect(ask()).rejects.toThrow(/system:discovery/);
  });

  it('that is no cluster', async () => {
    api.fault = () => (response) =>
      send(response, { status: 200, headers: {}, body: Buffer.from('{"hello":"world"}') });
    await expect(ask()).rejects.toThrow(/is it one\?/);
  });

  it('because the time is over', async () => {
    api.fault = () => faults.silent;
    await expect(discover(api.connection(), budgetOf(100), QUICK)).rejects.toThrow(/the time was over/);
  });
});
