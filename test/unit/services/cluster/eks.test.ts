import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterClient } from '#services/cluster/client.ts';
import { connectEks } from '#services/cluster/eks.ts';
import { eksProof } from '#services/cluster/eks-token.ts';
import { FakeApi } from './api.ts';
import { budgetOf, QUICK } from './look.ts';

const ROLE = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret-4d1f', sessionToken: 'session-77ab' };
const api = new FakeApi();
let eks: Server;
let answer: { readonly status: number; readonly type?: string; readonly body: unknown };
let asked: { readonly url: string; readonly authorization: string }[] = [];

beforeAll(async () => {
  await api.start();
  eks = createServer(({ url = '', headers }, response) => {
    asked.push({ url, authorization: headers.authorization ?? '' });
    response.writeHead(answer.status, {
      'Content-Type': 'application/json',
      ...(answer.type === undefined ? {} : { 'x-amzn-errortype': answer.type }),
    });
    response.end(JSON.stringify(answer.body));
  });
  const listening = Promise.withResolvers<void>();
  eks.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
});
afterAll(async () => {
  eks.closeAllConnections();
  eks.close();
  await api.stop();
});
beforeEach(() => {
  api.reset();
  asked = [];
  process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${(eks.address() as AddressInfo).port}`;
  answer = { status: 200, body: { cluster: active() } };
});
afterEach(() => {
  delete process.env['AWS_ENDPOINT_URL'];
});

const active = () => ({
  ...{ name: 'prod', status: 'ACTIVE', endpoint: `https://localhost:${api.port}` },
  certificateAuthority: { data: Buffer.from(api.ca).toString('base64') },
});
const connect = () =>
  connectEks({ name: 'prod', region: 'eu-west-1', credentials: ROLE, signal: AbortSignal.timeout(10_000) });

describe('an EKS cluster', () => {
  it('is where EKS says, with the authority that it names, and is told who asks', async () => {
    const connection = await connect();
    expect(asked.map(({ url }) => url)).toEqual(['/clusters/prod']);
    expect(asked[0]?.authorization).toContain('ASIAEXAMPLE/');
    expect(connection.server).toBe(`https://localhost:${api.port}`);
    await expect(new ClusterClient(connection, budgetOf(), QUICK).get('/version')).rejects.toThrow(/401/);
    const [sent] = api.requests.map(({ headers }) => headers.authorization ?? '');
    const url = new URL(Buffer.from((sent ?? '').replace('Bearer k8s-aws-v1.', ''), 'base64url').toString());
    expect(url.origin).toBe(process.env['AWS_ENDPOINT_URL']);
    expect(url.searchParams.get('Action')).toBe('GetCallerIdentity');
    expect(sent).not.toMatch(/[=+/]$/);
    expect(connection.secrets()).toEqual(expect.arrayContaining([ROLE.secretAccessKey, sent?.replace('Bearer ', '')]));
  });

  it('that is being updated answers all the same', async () => {
    answer = { status: 200, body: { cluster: { ...active(), status: 'UPDATING' } } };
    expect((await connect()).server).toContain('localhost');
  });

  it.each(['CREATING', 'DELETING', 'FAILED', 'PENDING'])('that is %s is not looked at', async (status) => {
    answer = { status: 200, body: { cluster: { ...active(), status } } };
    await expect(connect()).rejects.toMatchObject({
      ...{ name: 'ClusterError', message: expect.stringContaining(`is ${status}, not ACTIVE`) },
    });
  });

  it.each([
    [404, 'ResourceNotFoundException', /there is no EKS cluster prod in eu-west-1/],
    [403, 'AccessDeniedException', /allow eks:DescribeCluster/],
    [403, 'UnrecognizedClientException', /renew them/],
    [400, 'SomethingElse', /could not be described \(SomethingElse\)/],
  ])('that answers %i %s is told, with what to do', async (status, type, sentence) => {
    answer = { status, type, body: { message: `no, ${ROLE.sessionToken}` } };
    const refused = connect();
    await expect(refused).rejects.toMatchObject({ name: 'ClusterError', message: expect.stringMatching(sentence) });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(ROLE.sessionToken) });
  });

  it('without an authority is not believed', async () => {
    answer = { status: 200, body: { cluster: { ...active(), certificateAuthority: {} } } };
    await expect(connect()).rejects.toThrow(/does not tell the endpoint and the authority/);
  });
});

describe('its token', () => {
  it('is made anew before it expires, and when it was refused', async () => {
    let at = Date.parse('2026-11-27T05:00:00Z');
    const proof = eksProof({ cluster: 'prod', region: 'eu-west-1', credentials: ROLE }, () => new Date(at));
    const token = async (): Promise<string> => (await proof.headers(AbortSignal.timeout(1000)))['Authorization'] ?? '';
    const first = await token();
    at += 9 * 60_000;
    expect(await token()).toBe(first);
    at += 2 * 60_000;
    const second = await token();
    expect(second).not.toBe(first);
    at += 1000;
    proof.renew();
    expect(await token()).not.toBe(second);
    expect(proof.secrets()).toHaveLength(3 + 2);
  });
});
