import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterClient } from '#services/cluster/client.ts';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { connectKubeconfig } from '#services/cluster/kubeconfig.ts';
import { connectOwnKubeconfig } from '#services/cluster/own-kubeconfig.ts';
import { FakeApi, TOKEN } from './api.ts';
import { budgetOf, QUICK } from './look.ts';

const api = new FakeApi();
let folder = '';
beforeAll(async () => {
  await api.start();
  folder = mkdtempSync(path.join(tmpdir(), 'plumbline-kubeconfig-'));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => api.reset());

type Part = Readonly<Record<string, unknown>>;

function kubeconfig(cluster: Part = {}, user: Part = { token: TOKEN }, more: Part = {}): string {
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'prod' },
    contexts: [
      { name: 'prod', context: { cluster: 'c', user: 'u' } },
      { name: 'lost', context: { cluster: 'nowhere', user: 'u' } },
      { name: 'nobody', context: { cluster: 'c', user: 'nowhere' } },
    ],
    clusters: [
      {
        name: 'c',
        cluster: {
          server: `https://localhost:${api.port}`,
          'certificate-authority-data': Buffer.from(api.ca).toString('base64'),
          ...cluster,
        },
      },
    ],
    users: [{ name: 'u', user }],
    ...more,
  });
}

const version = async (connection: ClusterConnection): Promise<unknown> => {
  const answer = await new ClusterClient(connection, budgetOf(), QUICK).get('/version');
  return answer.kind === 'ok' ? answer.value['gitVersion'] : answer;
};

describe('a kubeconfig from a secret', () => {
  it('reaches the cluster of its current context, and of another one by name', async () => {
    expect(await version(connectKubeconfig(kubeconfig(), undefined))).toBe('v1.36.2');
    expect(await version(connectKubeconfig(kubeconfig({}, undefined, { 'current-context': 'x' }), 'prod'))).toBe(
      'v1.36.2',
    );
  });

  it('may be YAML, and may say what is not used', async () => {
    const text = `apiVersion: v1\npreferences: {}\ncurrent-context: prod\ncontexts:\n- {name: prod, context: {cluster: c, user: u, namespace: x}}\nclusters:\n- name: c\n  cluster: {server: "https://localhost:${api.port}/", certificate-authority-data: ${Buffer.from(api.ca).toString('base64')}, insecure-skip-tls-verify: false}\nusers:\n- {name: u, user: {token: ${TOKEN}}}\n`;
    expect(await version(connectKubeconfig(text, undefined))).toBe('v1.36.2');
  });

  it('goes by the name that the certificate has', async () => {
    const server = `https://0.0.0.0:${api.port}`;
    expect(await version(connectKubeconfig(kubeconfig({ server, 'tls-server-name': 'localhost' }), undefined))).toBe(
      'v1.36.2',
    );
    await expect(version(connectKubeconfig(kubeconfig({ server }), undefined))).rejects.toBeInstanceOf(ClusterError);
  });

  it('shows a client certificate', async () => {
    const { cert, key } = api.certificate;
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
    const connection = connectKubeconfig(kubeconfig({}, user), undefined);
    expect(await version(connection)).toBe('v1.36.2');
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(connection.secrets()).toEqual([key]);
  });

  it('tells which values no report may hold', () => {
    expect(connectKubeconfig(kubeconfig(), undefined).secrets()).toEqual([TOKEN]);
  });

  const pem = (text: string): string =>
    Buffer.from(`-----BEGIN ${text}-----\nAAAA\n-----END ${text}-----\n`).toString('base64');

  it.each<[string, () => string, string | undefined, RegExp]>([
    ['no YAML', () => '{', undefined, /kubectl config view --minify --flatten --raw/],
    ['no kubeconfig', () => `token: ${TOKEN}`, undefined, /names no current-context/],
    ['a text', () => TOKEN, undefined, /holds no kubeconfig/],
    ['too much', () => 'x'.repeat(70_000), undefined, /keep one cluster and one user/],
    ['no such context', () => kubeconfig(), 'stage', /no context stage.*it has prod, lost, nobody/],
    ['a context without cluster', () => kubeconfig(), 'lost', /names a cluster that is not there/],
    ['a context without user', () => kubeconfig(), 'nobody', /names a user that is not there/],
    ['http', () => kubeconfig({ server: 'http://x' }), undefined, /must be https:/],
    ['a user in the address', () => kubeconfig({ server: 'https://a:b@x' }), undefined, /without a user/],
    ['a query in the address', () => kubeconfig({ server: 'https://x/?a=b' }), undefined, /nothing after it/],
    ['no address', () => kubeconfig({ server: null }), undefined, /must be https:/],
    [
      'no verification',
      () => kubeconfig({ 'insecure-skip-tls-verify': true }),
      undefined,
      /write certificate-authority-data/,
    ],
    [
      'an authority in a file',
      () => kubeconfig({ 'certificate-authority': '/ca' }),
      undefined,
      /write certificate-authority-data/,
    ],
    [
      'an authority that is none',
      () => kubeconfig({ 'certificate-authority-data': 'AAAA' }),
      undefined,
      /base64 of a PEM/,
    ],
    [
      'a broken authority',
      () => kubeconfig({ 'certificate-authority-data': pem('CERTIFICATE') }),
      undefined,
      /copy them again/,
    ],
    ['a proxy', () => kubeconfig({ 'proxy-url': 'http://p' }), undefined, /take it out/],
    ['a command', () => kubeconfig({}, { exec: { command: 'aws' } }), undefined, /cluster: \{ eks: name \}/],
    ['a provider', () => kubeconfig({}, { 'auth-provider': { name: 'oidc' } }), undefined, /providers are not run/],
    ['a token in a file', () => kubeconfig({}, { tokenFile: '/t' }), undefined, /write token/],
    [
      'a certificate in a file',
      () => kubeconfig({}, { 'client-certificate': '/c' }),
      undefined,
      /write client-certificate-data/,
    ],
    ['a key in a file', () => kubeconfig({}, { 'client-key': '/c' }), undefined, /write client-key-data/],
    ['a password', () => kubeconfig({}, { username: 'a', password: TOKEN }), undefined, /passwords are not used/],
    ['somebody else', () => kubeconfig({}, { token: TOKEN, as: 'admin' }), undefined, /nobody is impersonated/],
    ['nobody', () => kubeconfig({}, {}), undefined, /has nothing to show/],
    [
      'half a certificate',
      () => kubeconfig({}, { 'client-certificate-data': pem('CERTIFICATE') }),
      undefined,
      /needed together/,
    ],
    ['a token of two lines', () => kubeconfig({}, { token: `${TOKEN}\n${TOKEN}` }), undefined, /must be one word/],
    ['a token that is a number', () => kubeconfig({}, { token: 12 }), undefined, /put it in quotes/],
  ])('with %s is refused, and told what to write', (_what, text, context, sentence) => {
    const connect = (): ClusterConnection => connectKubeconfig(text(), context);
    expect(connect).toThrow(ClusterError);
    expect(connect).toThrow(sentence);
    expect(connect).not.toThrow(new RegExp(TOKEN));
  });
});

describe('a person’s own kubeconfig', () => {
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const own = (how: {
    file?: string;
    context?: string;
    env?: Readonly<Record<string, string>>;
    signal?: AbortSignal;
  }) =>
    connectOwnKubeconfig({
      ...{ file: how.file ?? null, context: how.context, env: how.env ?? {} },
      signal: how.signal ?? AbortSignal.timeout(10_000),
    });

  it('is the file that the config names', async () => {
    expect(await version(await own({ file: write('one', kubeconfig()) }))).toBe('v1.36.2');
  });

  it('is the one of the home folder', async () => {
    write('home/.kube/config', kubeconfig());
    expect(await version(await own({ env: { HOME: path.join(folder, 'home') } }))).toBe('v1.36.2');
  });

  it('is several files, of which the first one that says something counts, and some may be missing', async () => {
    const first = write('first', kubeconfig({}, undefined, { contexts: [], 'current-context': 'prod' }));
    const second = write('second', kubeconfig({ server: 'https://other.example' }, { token: 'other' }));
    const env = { KUBECONFIG: [path.join(folder, 'missing'), first, second].join(path.delimiter) };
    expect(await version(await own({ env }))).toBe('v1.36.2');
  });

  it('runs the command that it names, and never tells what it gave', async () => {
    const script = write(
      'plugin',
      `#!/bin/sh\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"${TOKEN}"}}'\n`,
    );
    chmodSync(script, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: script };
    const connection = await own({ file: write('exec', kubeconfig({}, { exec })) });
    expect(await version(connection)).toBe('v1.36.2');
    expect(connection.secrets()).toContain(TOKEN);
  });

  it('says what its command said when it failed', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', 'echo log in first >&2; exit 1'],
    };
    await expect(own({ file: write('bad', kubeconfig({}, { exec })) })).rejects.toThrow(
      /gives no credential: log in first/,
    );
  });

  it('does not wait for ever for its command', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['5'] };
    const file = write('slow', kubeconfig({}, { exec }));
    await expect(own({ file, signal: AbortSignal.timeout(100) })).rejects.toThrow(
      /does the command that it names wait/,
    );
  });

  it.each<[string, () => Parameters<typeof own>[0], RegExp]>([
    ['that is not there', () => ({ file: path.join(folder, 'nothing') }), /there is no kubeconfig .*nothing/],
    ['that is nowhere', () => ({ env: { HOME: path.join(folder, 'empty') } }), /or set KUBECONFIG/],
    ['that is none', () => ({ file: write('none', 'hello') }), /is no kubeconfig|no context/],
    [
      'without the context',
      () => ({ file: write('other', kubeconfig()), context: 'x' }),
      /no context x.*there is prod/,
    ],
    ['of a cluster without TLS', () => ({ file: write('http', kubeconfig({ server: 'http://x' })) }), /must be https/],
  ])('%s is told', async (_what, how, sentence) => {
    await expect(own(how())).rejects.toThrow(sentence);
  });
});
