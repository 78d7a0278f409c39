import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeApi } from './api.ts';
import { judge, look, told } from './look.ts';

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.reset());

const DRIFT = [
  'added Deployment/acme-shop/cart spec.template.spec.containers[name=cart].env[name=DEBUG]',
  'added Role/acme-shop/cart rules[0].verbs[2]',
  'changed ConfigMap/acme-shop/cart-settings data["settings.ini"]',
  'changed Deployment/acme-shop/cart spec.replicas',
  'changed Deployment/acme-shop/web spec.template.spec.containers[name=nginx].image',
  'changed Voucher/acme-shop/welcome spec.maxRedemptions',
  'removed PodDisruptionBudget/acme-shop/web',
];
const ORPHAN = 'added ConfigMap/acme-shop/hotfix-notes';

describe('the recorded cluster', () => {
  it('has the seven differences that were made in it', async () => {
    const live = await look(api.connection());
    const judgement = judge(live);
    expect(live.unreached).toEqual([]);
    expect(told(judgement)).toEqual(DRIFT);
    expect(judgement.coverage).toEqual({ compared: 26, total: 26, uncovered: [] });
    expect(api.requests.length).toBeLessThan(30);
  });

  it('and the eighth where its namespace is under inventory', async () => {
    const how = { orphans: { namespaces: ['acme-shop'] } };
    const live = await look(api.connection(), how);
    expect(live.unreached).toEqual([]);
    expect(told(judge(live, how))).toEqual([ORPHAN, ...DRIFT].sort());
  });

  it('asks with GET only, by name, and tells who it is', async () => {
    await look(api.connection());
    expect(new Set(api.requests.map(({ method, headers }) => `${method} ${headers['user-agent']}`))).toEqual(
      new Set(['GET plumbline']),
    );
  });
});
