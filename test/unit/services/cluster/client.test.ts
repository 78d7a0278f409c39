import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, ClusterClient } from '#services/cluster/client.ts';
import { connectionTo, fixedToken, type Proof } from '#services/cluster/connection.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { FakeApi, type Fault, faults, send, status, TOKEN } from './api.ts';
import { budgetOf, IMPATIENT, ONCE, QUICK } from './look.ts';

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.reset());

const PATH = '/api/v1/configmaps';
const get = (effort = QUICK, budget = budgetOf(), connection = api.connection()): Promise<Answer> =>
  new ClusterClient(connection, budget, effort).get(PATH);
const twice = (fault: Fault): void => {
  api.fault = ({ time }) => (time <= 2 ? fault : null);
};

const TRANSIENT: readonly (readonly [string, Fault, string])[] = [
  ['a connection that is reset', faults.reset, 'broke the connection off'],
  ['a server that dies half-way through a body', faults.cut, 'broke'],
  ['a server that dies between chunks', faults.cutChunks, 'broke'],
  ['a packed body that ends too early', faults.cutGzip, 'broke off in the middle'],
  ['JSON that ends too early', faults.cutJson, 'no object of JSON'],
  ['a page of a proxy', faults.page, 'no object of JSON'],
  ['a server that says nothing', faults.silent, 'said nothing for 0.8 seconds'],
  ['a server that dribbles', faults.drip, 'did not answer within 1.2 seconds'],
  ['429 in plain text', status(429), 'status 429'],
  ['500', faults.broken, 'status 500'],
  ['503 in plain text', faults.away, 'status 503'],
];

describe.each(TRANSIENT)('%s', (_what, fault, reason) => {
  const kind = reason.startsWith('status ') ? 'busy' : 'failed';
  const effort = fault === faults.silent || fault === faults.drip ? IMPATIENT : QUICK;

  it('is a failure when it is asked but once', async () => {
    twice(fault);
    const answer = await get({ ...effort, retries: 0 });
    expect(answer).toMatchObject({ kind, reason: expect.stringContaining(reason) });
    expect(api.requests).toHaveLength(1);
  });

  it('is overcome', async () => {
    twice(fault);
    expect(await get(effort)).toMatchObject({ kind: 'ok', value: { kind: 'ConfigMapList' } });
    expect(api.requests).toHaveLength(3);
  });

  it('is a failure when it lasts', async () => {
    api.fault = () => fault;
    expect(await get(effort)).toMatchObject({ kind, reason: expect.stringContaining(reason) });
    expect(api.requests).toHaveLength(1 + effort.retries);
  });
});

describe('a server that is too busy', () => {
  it('is left alone for as long as it asked', async () => {
    api.fault = ({ time }) => (time === 1 ? faults.busy : null);
    const before = Date.now();
    expect(await get()).toMatchObject({ kind: 'ok' });
    expect(Date.now() - before).toBeGreaterThanOrEqual(990);
  });

  it('is not waited for beyond the deadline', async () => {
    api.fault = () => status(429, { 'Retry-After': '3600' });
    const before = Date.now();
    expect(await get()).toMatchObject({ kind: 'busy', reason: 'answered with status 429' });
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(api.requests).toHaveLength(1);
  });

  it('does not see more than a few requests at once', async () => {
    let [now, most] = [0, 0];
    api.fault = () => (response, answer) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        send(response, answer);
      }, 20);
    };
    const client = new ClusterClient(api.connection(), budgetOf(), { ...QUICK, parallel: 3 });
    await Promise.all(Array.from({ length: 20 }, () => client.get(PATH)));
    expect(most).toBe(3);
  });

  it('is asked again so often for all requests together', async () => {
    api.fault = () => faults.away;
    const client = new ClusterClient(api.connection(), budgetOf(), { ...QUICK, allRetries: 5 });
    await Promise.all(Array.from({ length: 10 }, () => client.get(PATH)));
    expect(api.requests).toHaveLength(10 + 5);
  });
});

describe('time', () => {
  it('that is over ends what is asked and what is still to be asked', async () => {
    api.fault = () => faults.silent;
    const client = new ClusterClient(api.connection(), budgetOf(200), { ...QUICK, silentMs: 5_000, totalMs: 5_000 });
    const before = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.get(PATH)));
    expect(Date.now() - before).toBeLessThan(4_000);
    expect(new Set(answers.map((answer) => 'reason' in answer && answer.reason))).toEqual(
      new Set(['was not asked to the end: the time was over']),
    );
  });

  it('ends when the check is stopped', async () => {
    api.fault = () => faults.silent;
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stopped')), 50);
    expect(await get({ ...QUICK, silentMs: 5_000, totalMs: 5_000 }, budgetOf(10_000, stop.signal))).toMatchObject({
      kind: 'failed',
    });
  });
});

describe('an answer', () => {
  it.each([301, 302, 307, 308])('that redirects (%i) is not followed', async (code) => {
    api.fault = () => status(code, { Location: `https://localhost:${api.port}/version` });
    expect(await get()).toMatchObject({ kind: 'failed', reason: expect.stringContaining('is not followed') });
    expect(api.requests.map(({ path }) => path)).toEqual([PATH]);
  });

  it('that is larger than allowed is given up, packed or not, and not asked for again', async () => {
    expect(await get({ ...QUICK, maxBytes: 1000 })).toMatchObject({ kind: 'too large' });
    api.fault = () => (response, answer) => send(response, answer, false);
    expect(await get({ ...QUICK, maxBytes: 1000 })).toMatchObject({ kind: 'too large' });
    expect(api.requests).toHaveLength(2);
  });

  it('keeps every digit of its integers', async () => {
    const text = '{"kind":"Thing","big":9007199254740993,"small":1}';
    api.fault = () => (response) => response.end(text);
    expect(await get()).toMatchObject({ value: { big: 9007199254740993n, small: 1 } });
  });

  it.each([
    [403, 'forbidden'],
    [410, 'expired'],
    [400, 'failed'],
    [404, 'unserved'],
  ])('%i is %s, at once', async (code, kind) => {
    api.fault = () => status(code);
    expect(await get()).toMatchObject({ kind });
    expect(api.requests).toHaveLength(1);
  });

  it('404 of an object is another one than 404 of a path', async () => {
    const client = new ClusterClient(api.connection(), budgetOf(), QUICK);
    expect(await client.get('/api/v1/namespaces/acme-shop/configmaps/nope')).toMatchObject({ kind: 'gone' });
    expect(await client.get('/apis/monitoring.coreos.com/v1/servicemonitors')).toMatchObject({ kind: 'unserved' });
  });

  it('of a deprecated kind leaves the note that the real server gave', async () => {
    const client = new ClusterClient(api.connection(), budgetOf(), QUICK);
    await client.get('/api/v1/endpoints');
    expect(client.notes).toEqual([
      { kind: 'api-warning', text: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice' },
    ]);
  });

  it('with warnings leaves one note of each', async () => {
    api.fault = () => (response, answer) =>
      send(response, {
        ...answer,
        headers: { Warning: ['299 - "v1 Endpoints is deprecated"', '299 - "say \\"hi\\""'] },
      });
    const client = new ClusterClient(api.connection(), budgetOf(), QUICK);
    await Promise.all([client.get(PATH), client.get(PATH)]);
    expect(client.notes.map(({ text }) => text)).toEqual(['v1 Endpoints is deprecated', 'say "hi"']);
  });
});

describe('who asks', () => {
  it('is told anew once when the server does not know, and then it is over', async () => {
    let renewed = 0;
    const proof: Proof = {
      ...fixedToken('wrong'),
      renew: () => {
        renewed += 1;
      },
    };
    const { ca } = api;
    const connection = connectionTo({ server: `https://localhost:${api.port}`, ca, proof, origin: 'the test' });
    await expect(get(QUICK, budgetOf(), connection)).rejects.toThrow(/does not know who asks \(401\)/);
    expect([renewed, api.requests.length]).toEqual([2, 2]);
  });

  it('is known again with a fresh token', async () => {
    let token = 'stale';
    const proof: Proof = {
      headers: async () => ({ Authorization: `Bearer ${token}` }),
      renew: () => {
        token = TOKEN;
      },
      secrets: () => [],
    };
    const server = `https://localhost:${api.port}`;
    expect(await get(QUICK, budgetOf(), connectionTo({ server, ca: api.ca, proof, origin: 'the test' }))).toMatchObject(
      {
        kind: 'ok',
      },
    );
  });

  it('is in no word of ours, even if the server repeats it', async () => {
    const said = `token ${TOKEN} User "${TOKEN}"`;
    const body = Buffer.from(JSON.stringify({ kind: 'Status', message: said, reason: said }));
    for (const code of [400, 403, 404, 410, 429, 500]) {
      api.fault = () => (response) => send(response, { status: code, headers: { Warning: `299 - "${said}"` }, body });
      expect(JSON.stringify(await get())).not.toContain(TOKEN);
    }
    api.fault = () => (response, answer) => send(response, { ...answer, headers: { Warning: `299 - "${said}"` } });
    const client = new ClusterClient(api.connection(), budgetOf(), QUICK);
    await client.get(PATH);
    expect(client.notes).toHaveLength(1);
    expect(JSON.stringify(client.notes)).not.toContain(TOKEN);
  });
});

describe('the other side', () => {
  it('must have the certificate of the authority that is written down', async () => {
    const other = new FakeApi();
    await other.start();
    try {
      const proof = fixedToken(TOKEN);
      const server = `https://localhost:${other.port}`;
      const connection = connectionTo({ server, ca: api.ca, proof, origin: 'the test' });
      await expect(get(QUICK, budgetOf(), connection)).rejects.toThrow(/certificate that must not be believed/);
      expect(other.requests).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  it('must have the name that is written down', async () => {
    // An address of this machine that the certificate does not have.
    const server = `https://0.0.0.0:${api.port}`;
    const of = (serverName: string | undefined) =>
      connectionTo({ server, ca: api.ca, serverName, proof: fixedToken(TOKEN), origin: 'the test' });
    expect(await get(QUICK, budgetOf(), of('localhost'))).toMatchObject({ kind: 'ok' });
    await expect(get(QUICK, budgetOf(), of(undefined))).rejects.toBeInstanceOf(ClusterError);
    await expect(get(QUICK, budgetOf(), of('other.example'))).rejects.toBeInstanceOf(ClusterError);
  });

  it('that takes the connection and then does nothing is not waited for', async () => {
    const server = createServer(() => undefined);
    const listening = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', listening.resolve);
    await listening.promise;
    const { port } = server.address() as AddressInfo;
    const at = { server: `https://localhost:${port}`, ca: api.ca, proof: fixedToken(TOKEN), origin: 'the test' };
    const effort = { ...ONCE, connectMs: 100, silentMs: 5_000, totalMs: 5_000 };
    expect(await get(effort, budgetOf(), connectionTo(at))).toMatchObject({
      reason: 'did not take the connection within 0.1 seconds',
    });
    server.close();
  });

  it('that is not there is told', async () => {
    const server = createServer();
    const listening = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', listening.resolve);
    await listening.promise;
    const { port } = server.address() as AddressInfo;
    server.close();
    const at = { server: `https://localhost:${port}`, ca: api.ca, proof: fixedToken(TOKEN), origin: 'the test' };
    expect(await get(QUICK, budgetOf(), connectionTo(at))).toMatchObject({ reason: 'refused the connection' });
  });
});
