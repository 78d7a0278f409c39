import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { type Client, client } from './kubernetes-client.ts';

const ADMIN = { token: 'sandbox-admin-token' } as const;

let dir: string;
let cluster: Cluster;
let ask: Client;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'plumbline-kubernetes-'));
  cluster = await Cluster.start({ name: 'test', dir, certificates: await makeCertificates(dir), account: null });
  ask = client(cluster);
  await cluster.kubectl('create', 'namespace', 'shop');
  await shop('create', 'deployment', 'web', '--image=acme/web:1');
});

afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const shop = (...args: readonly string[]) => cluster.kubectl('-n', 'shop', ...args);

describe("faults of the sandbox's cluster", () => {
  it('are given to the requests that they are meant for', async () => {
    cluster.refuseAsBusy(/configmaps/, 2);
    expect((await ask('GET', '/api/v1/secrets', ADMIN)).status).toBe(200);
    const busy = await ask('GET', '/api/v1/configmaps', ADMIN);
    expect([busy.status, busy.headers['retry-after'], busy.body]).toEqual([
      429,
      '1',
      'Too many requests, please try again later.\n',
    ]);
    expect((await ask('GET', '/api/v1/configmaps', ADMIN)).status).toBe(429);
    expect((await ask('GET', '/api/v1/configmaps', ADMIN)).status).toBe(200);
    cluster.fail({ match: /configmaps/, isCut: true });
    await expect(ask('GET', '/api/v1/configmaps', ADMIN)).rejects.toThrow();
    cluster.fail({ match: /configmaps/, delay: 300 });
    const before = Date.now();
    await ask('GET', '/api/v1/configmaps', ADMIN);
    expect(Date.now() - before).toBeGreaterThan(290);
  });

  it('an API of somebody else that does not answer is told, and takes nothing else with it', async () => {
    cluster.loseApi('metrics.k8s.io/v1beta1');
    expect((await ask('GET', '/apis/metrics.k8s.io/v1beta1', ADMIN)).status).toBe(503);
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    expect((await ask('GET', '/apis', { ...ADMIN, accept })).body).toContain('"freshness":"Stale"');
    expect((await ask('GET', '/apis', ADMIN)).body).toContain('metrics.k8s.io/v1beta1');
    expect(await shop('get', 'deployment', 'web', '-o', 'name')).toBe('deployment.apps/web');
    cluster.heal();
  });

  it('are for the clusters of this machine only: a real one is used as it is', async () => {
    const real = await Cluster.real({ name: 'real', dir: path.join(dir, 'real'), kubeconfig: cluster.kubeconfig });
    expect([cluster.isReal, real.isReal]).toEqual([false, true]);
    expect(real.server).toBe(cluster.server);
    expect(await real.kubectl('-n', 'shop', 'get', 'deployment', 'web', '-o', 'name')).toBe('deployment.apps/web');
    expect(() => real.refuseAsBusy(/./)).toThrow(/is a real cluster/);
    await real.stop();
    expect((await ask('GET', '/version', ADMIN)).status).toBe(200);
  });

  it('a cluster that is gone comes back as it was', async () => {
    const { server } = cluster;
    await cluster.stop();
    await expect(ask('GET', '/version', ADMIN)).rejects.toThrow(/ECONNREFUSED/);
    await cluster.start();
    expect(cluster.server).toBe(server);
    expect(await shop('get', 'deployment', 'web', '-o', 'name')).toBe('deployment.apps/web');
  });
});
