import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterRights, type Deed, type Impersonated } from '#services/cluster/rights.ts';
import { FakeApi, type Fault, faults, status, TOKEN } from './api.ts';
import { budgetOf, QUICK } from './look.ts';

const api = new FakeApi();
/** What was asked, body by body. */
let bodies: unknown[] = [];

beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => {
  api.reset();
  bodies = [];
});

/** Answers as an API server does that made a review of what it was sent. */
const answer =
  (of: object, code = 201): Fault =>
  (response, _answer, request) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: of }));
    });
  };
const rights = (as: Impersonated | null = null, budget = budgetOf()) =>
  new ClusterRights(api.connection(), budget, as, QUICK);
const LIST: Deed = { verb: 'list', group: 'apps', resource: 'deployments', namespace: 'shop' };
const PLUMBLINE = { user: 'plumbline-doctor', groups: ['plumbline', 'others'] };

describe('what somebody may do', () => {
  it.each([true, false])('is what the server says: %s', async (allowed) => {
    api.fault = () => answer({ allowed });
    expect(await rights().may(LIST)).toBe(allowed);
    expect(api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    ]);
    expect(bodies).toEqual([
      {
        ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
        spec: { resourceAttributes: { ...LIST, subresource: '' } },
      },
    ]);
    expect(Object.keys(api.requests[0]?.headers ?? {}).filter((name) => name.startsWith('impersonate'))).toEqual([]);
  });

  it('everywhere is in no namespace', async () => {
    api.fault = () => answer({ allowed: true });
    await rights().may({ ...LIST, namespace: null, subresource: 'scale' });
    expect(bodies).toMatchObject([{ spec: { resourceAttributes: { namespace: '', subresource: 'scale' } } }]);
  });

  it('is asked for others in their name', async () => {
    api.fault = () => answer({ allowed: true });
    await rights(PLUMBLINE).may(LIST);
    expect(api.requests[0]?.headers).toMatchObject({
      ...{ authorization: `Bearer ${TOKEN}`, 'impersonate-user': 'plumbline-doctor' },
      'impersonate-group': 'plumbline, others',
    });
  });

  it('by rules: with names, and not whole where more may be allowed', async () => {
    const [some, other] = [
      { verbs: ['get'], apiGroups: ['apps'], resources: ['deployments'] },
      { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] },
    ];
    const rules = [
      { verbs: ['get'], groups: ['apps'], resources: ['deployments'], isNarrow: false },
      { verbs: ['get'], groups: [''], resources: ['secrets'], isNarrow: true },
    ];
    api.fault = () => answer({ resourceRules: [some, other], nonResourceRules: null, incomplete: false });
    expect(await rights().rules('shop')).toEqual({ rules, isWhole: true });
    expect(bodies).toMatchObject([{ kind: 'SelfSubjectRulesReview', spec: { namespace: 'shop' } }]);
    api.fault = () => answer({ resourceRules: null, incomplete: true });
    expect(await rights().rules('shop')).toEqual({ rules: [], isWhole: false });
  });
});

describe('a question', () => {
  it.each<[string, Fault]>([
    ['429', faults.busy],
    ['500', faults.broken],
    ['503', faults.away],
    ['a connection that is reset', faults.reset],
    ['a page of a proxy', faults.page],
    ['a review without an answer', answer({})],
    ['a token that has run out', status(401)],
  ])('is asked again after %s', async (_what, fault) => {
    api.fault = ({ time }) => (time <= 2 ? fault : answer({ allowed: true }));
    expect(await rights().may(LIST)).toBe(true);
    expect(api.requests).toHaveLength(3);
  });

  it.each<[string, Fault, RegExp, number]>([
    ['500 every time', faults.broken, /answered with status 500$/, 3],
    ['401 every time', status(401), /does not know who asks \(401\)/, 3],
    ['403', status(403), /\(403\): bind the ClusterRole system:basic-user to it/, 1],
    ['404', status(404), /does not answer what may be done \(404\)/, 1],
  ])('is given up after %s', async (_what, fault, sentence, times) => {
    api.fault = () => fault;
    await expect(rights().may(LIST)).rejects.toMatchObject({
      ...{ name: 'ClusterError', message: expect.stringMatching(sentence) },
    });
    expect(api.requests).toHaveLength(times);
  });

  it('is no answer when nobody may ask for others: who may is told', async () => {
    const message = 'users "plumbline-doctor" is forbidden: User "bob" cannot impersonate resource "users"';
    api.fault = () => (response) => response.writeHead(403).end(JSON.stringify({ message }));
    await expect(rights(PLUMBLINE).may(LIST)).rejects.toThrow(
      /does not let you ask in the name of the groups plumbline, others: ask a cluster admin to run it/,
    );
  });

  it('is not asked when the time is over, nor more often than is bearable', async () => {
    api.fault = () => answer({ allowed: false });
    await expect(rights(null, budgetOf(0)).may(LIST)).rejects.toThrow(/the time was over/);
    expect(api.requests).toEqual([]);
    const one = rights();
    const asked = await Promise.allSettled(Array.from({ length: 250 }, () => one.may(LIST)));
    expect(asked.filter(({ status: how }) => how === 'rejected')).toHaveLength(60);
    expect(api.requests).toHaveLength(190);
    await expect(one.rules('shop')).rejects.toThrow(/name fewer targets/);
  });
});
