import type { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { apply, type WrittenTarget } from './kubernetes-world.ts';

/** Special to JSON, URLs, HTML and regular expressions alike; each is found by itself. */
const secret = (what: string): string => `${what} p@ss<"w/ö+rd">&(*)4711`;

/** Values that nobody may see, by where they stand. Tokens have the signs that tokens have. */
export const PLANTED = {
  gitToken: 'git-token-that-must-not-leak-4711',
  kubeconfigToken: 'kubeconfig-token-that-must-not-leak-4712',
  dataInGit: secret('data in git'),
  dataLive: secret('data live'),
  dataBefore: secret('data before'),
  stringInGit: secret('string in git'),
  stringLive: secret('string live'),
  stringBefore: secret('string before'),
  annotation: secret('annotation live'),
  variableInGit: secret('variable in git'),
  variableLive: secret('variable live'),
  variableBefore: secret('variable before'),
  flagInGit: 'flag-in-git-that-must-not-leak-4713',
  flagLive: 'flag-live-that-must-not-leak-4714',
  orphan: secret('orphan live'),
  thrown: 'text-of-an-error-that-must-not-leak-4715',
} as const;

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
/** As YAML: kubectl takes no JSON document after another one. */
const texts = (...objects: readonly object[]): string =>
  objects.map((one) => `#\n${JSON.stringify(one)}`).join('\n---\n');

interface Version {
  readonly data: string;
  readonly text: string;
  readonly variable: string;
  readonly flag: string;
}
const vault = ({ data, text, variable, flag }: Version): readonly object[] => [
  {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'vault' } },
    ...{ data: { a: base64(data) }, stringData: { b: text } },
  },
  {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'app', namespace: 'vault' } },
    spec: {
      selector: { matchLabels: { app: 'app' } },
      template: {
        metadata: { labels: { app: 'app' } },
        spec: {
          containers: [
            {
              ...{ name: 'app', image: 'registry.acme.example/app:1' },
              ...{ env: [{ name: 'DB_PASSWORD', value: variable }], args: [`--token=${flag}`, 'serve'] },
            },
          ],
        },
      },
    },
  },
];
const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'vault' } };
const P = PLANTED;
const IN_GIT = { data: P.dataInGit, text: P.stringInGit, variable: P.variableInGit, flag: P.flagInGit };
const BEFORE = { data: P.dataBefore, text: P.stringBefore, variable: P.variableBefore, flag: P.flagInGit };

export const VAULT_GIT = texts(NAMESPACE, ...vault(IN_GIT));
export const VAULT_TARGET: WrittenTarget = {
  in: ['prod', 'kept'],
  kubernetes: { manifests: 'k8s/vault', orphans: { namespaces: ['vault'] } },
};

/** Applied once, so that the annotation has the old values, and changed by hand since. */
export async function plantSecrets(cluster: Cluster): Promise<void> {
  await apply(cluster, texts(NAMESPACE, ...vault(BEFORE)));
  const patch = (what: string, change: object): Promise<string> =>
    cluster.kubectl('--namespace=vault', 'patch', what, '--type=strategic', `--patch=${JSON.stringify(change)}`);
  const metadata = { annotations: { 'acme.example/note': P.annotation } };
  await patch('secret/db', { data: { a: base64(P.dataLive), b: base64(P.stringLive) }, metadata });
  const [container] = [{ name: 'app', env: [{ name: 'DB_PASSWORD', value: P.variableLive }] }];
  await patch('deployment/app', {
    spec: { template: { spec: { containers: [{ ...container, args: [`--token=${P.flagLive}`, 'serve'] }] } } },
  });
  const orphan = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'stray', namespace: 'vault' } };
  await apply(cluster, texts({ ...orphan, data: { a: base64(P.orphan) } }));
}

/** What a reader could turn back into the value. */
export function spellings(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  const json = JSON.stringify(value).slice(1, -1);
  const go = json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
  const twice = (text: string): string => JSON.stringify(text).slice(1, -1);
  const url = encodeURIComponent(value);
  // Of base64 in the midst of something longer: what depends on nothing but the value.
  const shifted = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  return [
    value,
    json,
    go,
    twice(json),
    twice(go),
    url,
    url.replaceAll('%20', '+'),
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ];
}
