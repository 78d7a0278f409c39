import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { metadataOf } from '#drift/kubernetes/objects.ts';
import { FakeApi, type Fault, faults, status } from './api.ts';
import { type Look, look, lookAndJudge, ONCE, QUICK } from './look.ts';

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.reset());

/** Git declares exactly what is there. */
async function inSync(): Promise<readonly JsonObject[]> {
  const configMaps = api.objects.get('/api/v1/configmaps') ?? [];
  api.replace(
    '/api/v1/configmaps',
    configMaps.filter((object) => metadataOf(object)['name'] !== 'hotfix-notes'),
  );
  const { objects } = await look(api.connection());
  return objects;
}

/** What is only asked to need fewer requests, or has another way to be known: the same is seen without it. */
const OTHER_WAYS = /^\/openapi\/v3|^\/api\/v1\/namespaces\?limit=500 .*PartialObject/;

const LOOKS: readonly (readonly [string, Omit<Look, 'declared'>])[] = [
  ['declared objects and namespaces', { orphans: { namespaces: ['acme-ops', 'acme-shop'] } }],
  ['declared objects and a label', { orphans: { label: 'app=log-agent', namespaces: [] } }],
  ['a namespace where nothing is declared', { orphans: { namespaces: ['kube-node-lease'] } }],
];

const CASES: readonly (readonly [what: string, fault: string, look: Omit<Look, 'declared'>, lasting: Fault])[] = [
  ['declared objects', 'reset', {}, faults.reset],
  ['declared objects', 'cut', {}, faults.cutJson],
  ['declared objects', 'answered with 410', {}, status(410)],
  ...LOOKS.map(([what, how]) => [what, 'answered with 500', how, faults.broken] as const),
];

describe('no request may fail for good without a sign', () => {
  it.each(CASES)('of %s (%s)', async (_what, _fault, how, fault) => {
    const declared = await inSync();
    api.requests.length = 0;
    const all = { ...how, declared };
    const whole = await lookAndJudge(api.connection(), all);
    expect(whole.verdict, JSON.stringify(whole.findings.map(({ subject }) => subject))).toBe('in-sync');
    const questions = api.requests.map(({ path, headers }) => `${path} ${headers.accept}`);
    const kinds = new Set(questions.map((question) => question.split('?')[0]));
    expect(kinds.size).toBeGreaterThan(20);
    const survived: string[] = [];
    for (const question of new Set(questions)) {
      api.fault = ({ path, headers }) => (`${path} ${headers.accept}` === question ? fault : null);
      const { verdict, coverage } = await lookAndJudge(api.connection(), { ...all, effort: ONCE });
      if (verdict === 'in-sync') {
        survived.push(question);
        expect(coverage.total).toBe(whole.coverage.total);
      }
    }
    expect(survived.filter((question) => !OTHER_WAYS.test(question))).toEqual([]);
  });
});

describe('what is forbidden', () => {
  it('is not covered, whatever it is, and the reason says what to do', async () => {
    const declared = await inSync();
    const resources = [...api.objects].flatMap(([path, objects]) => {
      const isDeclared = objects.some(({ metadata }) =>
        declared.some((object) => JSON.stringify(object['metadata']) === JSON.stringify(metadata)),
      );
      return isDeclared ? [path.split('/').at(-1) ?? ''] : [];
    });
    expect(resources.length).toBeGreaterThan(15);
    for (const resource of new Set(resources)) {
      api.allows = (_verb, of) => of !== resource;
      const { verdict, coverage, findings } = await lookAndJudge(api.connection(), { declared });
      expect([resource, verdict, findings]).toEqual([resource, 'unknown', []]);
      const [{ reason } = { reason: '' }] = coverage.uncovered;
      expect(reason).toMatch(new RegExp(`^${resource}[ /].*the cluster does not allow it to .*ops:reader`));
      expect(reason).toContain(`let get and list on ${resource}`);
    }
  });
});

describe('a cut answer', () => {
  it('is never taken for an object that is not there', async () => {
    const declared = await inSync();
    api.fault = ({ path }) => (path.includes('/acme-shop/') ? faults.cut : null);
    const judgement = await lookAndJudge(api.connection(), { declared, effort: { ...QUICK, retries: 1 } });
    expect(judgement.findings).toEqual([]);
    expect(judgement.verdict).toBe('unknown');
    expect(judgement.coverage.compared).toBeLessThan(judgement.coverage.total);
    expect(judgement.coverage.compared).toBeGreaterThan(0);
  });
});
