import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes } from '#drift/kubernetes/judge.ts';
import { DEFAULT_OPTIONS } from '#drift/kubernetes/options.ts';

/** A value that nothing else in a report can hold by chance. */
const value = fc.stringMatching(/^[a-z0-9]{16,40}$/).map((text) => `zq${text}`);
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

interface Hidden {
  readonly declared: JsonObject;
  readonly live: JsonObject;
}
type Place = (git: string, running: string) => Hidden;

const secret = (body: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'a', namespace: 'shop', ...metadata },
  ...body,
});
const deployment = (container: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a', namespace: 'shop', ...metadata },
  spec: { template: { spec: { containers: [{ name: 'web', image: 'nginx', ...container }] } } },
});
const custom = (spec: JsonObject, kind = 'Vault'): JsonObject => ({
  apiVersion: 'acme.example/v1',
  kind,
  metadata: { name: 'a', namespace: 'shop' },
  spec,
});
const applied = (object: JsonObject): JsonObject => ({
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) },
});

/** Where secrets stand. */
const PLACES: Readonly<Record<string, Place>> = {
  data: (git, running) => ({
    declared: secret({ data: { a: base64(git) } }),
    live: secret({ data: { a: base64(running) } }),
  }),
  'stringData and data': (git, running) => ({
    declared: secret({ stringData: { a: git } }),
    live: secret({ data: { a: base64(running) } }),
  }),
  'a key that is gone, and one that is new': (git, running) => ({
    declared: secret({ data: { a: base64(git) } }),
    live: secret({ data: { b: base64(running) } }),
  }),
  'what was applied last': (git, running) => ({
    declared: secret({ stringData: { a: git } }),
    live: secret({ data: { a: base64(running) } }, applied(secret({ stringData: { a: `${git}${running}` } }))),
  }),
  'another type': (git, running) => ({
    declared: secret({ type: 'a', data: { a: base64(git) } }),
    live: secret({ type: 'b', data: { a: base64(running) } }),
  }),
  'data that is no base64': (git, running) => ({
    declared: secret({ data: { a: `%${git}` } }),
    live: secret({ data: { a: base64(running) } }),
  }),
  'data that is no map': (git, running) => ({
    declared: secret({ data: git }),
    live: secret({ data: { a: base64(running) } }),
  }),
  'an annotation of a secret': (git, running) => ({
    declared: secret({}, { annotations: { note: git } }),
    live: secret({}, { annotations: { note: running } }),
  }),
  'a variable whose name says so': (git, running) => ({
    declared: deployment({ env: [{ name: 'DB_PASSWORD', value: git }] }),
    live: deployment({ env: [{ name: 'DB_PASSWORD', value: running }] }),
  }),
  'a variable that was added': (git, running) => ({
    declared: deployment({
      env: [
        { name: 'A', value: 'a' },
        { name: 'API_TOKEN', value: git },
      ],
    }),
    live: deployment({
      env: [
        { name: 'A', value: 'a' },
        { name: 'AWS_SECRET_ACCESS_KEY', value: running },
      ],
    }),
  }),
  'a container that was added': (git, running) => ({
    declared: {
      ...deployment({}),
      spec: {
        template: { spec: { containers: [{ name: 'other', image: 'x', env: [{ name: 'PGPASSWORD', value: git }] }] } },
      },
    },
    live: deployment({ env: [{ name: 'GITHUB_TOKEN', value: running }] }),
  }),
  'a flag': (git, running) => ({
    declared: deployment({ args: [`--password=${git}`, '--a'] }),
    live: deployment({ args: [`--password=${running}`, '--b'] }),
  }),
  'two words of a flag': (git, running) => ({
    declared: deployment({ args: ['--token', git] }),
    live: deployment({ args: ['--token', running] }),
  }),
  'an address with a password': (git, running) => ({
    declared: deployment({ env: [{ name: 'DATABASE_URL', value: `postgres://app:${git}@db/x` }] }),
    live: deployment({ env: [{ name: 'DATABASE_URL', value: `postgres://app:${running}@db/x` }] }),
  }),
  'a key of a ConfigMap': (git, running) => ({
    declared: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { 'db-password': git } },
    live: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { 'db-password': running } },
  }),
  'JSON in a text': (git, running) => ({
    declared: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', annotations: { config: `{"password":"${git}","a":1}` } },
    },
    live: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', annotations: { config: `{"password": "${running}", "a": 2}` } },
    },
  }),
  'lines of a text': (git, running) => ({
    declared: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { 'app.conf': `user=x\npassword=${git}\n` },
    },
    live: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { 'app.conf': `user=y\npassword: ${running}\n` },
    },
  }),
  'a kind that the config calls secret': (git, running) => ({
    declared: custom({ a: { b: git } }),
    live: custom({ a: { b: running } }),
  }),
  'a sealed secret': (git, running) => ({
    declared: { ...custom({ encryptedData: { a: git } }, 'SealedSecret'), apiVersion: 'bitnami.com/v1alpha1' },
    live: { ...custom({ encryptedData: { a: running } }, 'SealedSecret'), apiVersion: 'bitnami.com/v1alpha1' },
  }),
  'a field of a custom resource': (git, running) => ({
    declared: custom({ auth: { clientSecret: git } }, 'Thing'),
    live: custom({ auth: { clientSecret: running } }, 'Thing'),
  }),
  'a private key': (git, running) => ({
    declared: custom({ pem: `-----BEGIN RSA PRIVATE KEY-----\n${git}\n-----END RSA PRIVATE KEY-----` }, 'Thing'),
    live: custom({ pem: `-----BEGIN RSA PRIVATE KEY-----\n${running}\n-----END RSA PRIVATE KEY-----` }, 'Thing'),
  }),
};

/** Everything that leaves the judge. */
function told(declared: readonly JsonObject[], live: readonly JsonObject[]) {
  const judged = judgeKubernetes(
    {
      declared: declared.map((object) => ({ value: object, file: 'a.yaml', line: 1 })),
      problems: [],
      live: { objects: live, served: null, unreached: [], openapi: new Map(), notes: [] },
      notes: [],
      before: [],
    },
    { ...DEFAULT_OPTIONS, secretKinds: ['Vault'], orphans: { label: null, namespaces: ['shop'] } },
    { target: 'prod/apps', severity: 'critical', minCoverage: 1, fingerprintKey: null },
  );
  return { judged, text: JSON.stringify(judged) };
}

/** The text itself, how it is encoded, and pieces of it. */
function expectHidden(text: string, git: string, running: string): void {
  for (const one of [git, running]) {
    for (const form of [
      one,
      base64(one),
      encodeURIComponent(one),
      Buffer.from(one).toString('hex'),
      one.slice(0, 12),
      base64(one).slice(0, 12),
    ]) {
      expect(text).not.toContain(form);
    }
  }
}

describe.each(Object.entries(PLACES))('%s', (_name, place) => {
  it('is never told, neither what it is nor how long', () => {
    fc.assert(
      fc.property(value, value, (git, running) => {
        fc.pre(git !== running);
        const { declared, live } = place(git, running);
        const { judged, text } = told([declared], [live]);
        expect(judged.verdict).not.toBe('in-sync');
        expectHidden(text, git, running);
        const longer = place(`${git}${git}`, `${running}${running}${running}`);
        expect(withoutHashes(told([longer.declared], [longer.live]).text)).toBe(withoutHashes(text));
      }),
      { numRuns: 40 },
    );
  });

  it('nor when the whole object is missing, or nobody’s', () => {
    fc.assert(
      fc.property(value, value, (git, running) => {
        const { declared, live } = place(git, running);
        expectHidden(told([declared], []).text, git, running);
        expectHidden(told([custom({}, 'Other')], [live]).text, git, running);
      }),
      { numRuns: 20 },
    );
  });
});

it('a secret of one object is hidden wherever another one repeats it', () => {
  fc.assert(
    fc.property(value, value, (git, running) => {
      const configMap = (text: string): JsonObject => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'copy' },
        data: { text },
      });
      const declared = [secret({ stringData: { a: git } }), configMap(`it is ${git} now`)];
      const live = [secret({ data: { a: base64(running) } }), configMap(`it is ${running}, or ${base64(running)}`)];
      expectHidden(told(declared, live).text, git, running);
    }),
  );
});

/** A report without what stands for the values themselves: the same for values of any length. */
const withoutHashes = (text: string): string => text.replace(/"(?:fingerprint|valueHash)":"[^"]*"/g, '');
