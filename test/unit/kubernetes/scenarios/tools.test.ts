import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const object = (kind: string, name: string, metadata: string, body = '', apiVersion = 'v1') =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: ${name}, ${metadata} }\n${body}`;
const configMap = (metadata: string, body = 'data: { a: b }') => object('ConfigMap', 'a', metadata, body);
const both = (declared: string, live: string, options: unknown = {}) => changesOf(judgeTexts(declared, live, options));

describe('what tools write into objects is no difference', () => {
  it.each([
    [
      'Helm',
      'labels: { app.kubernetes.io/managed-by: Helm }, annotations: { meta.helm.sh/release-name: a, meta.helm.sh/release-namespace: b }',
    ],
    [
      'Flux',
      'labels: { kustomize.toolkit.fluxcd.io/name: a, kustomize.toolkit.fluxcd.io/namespace: b }, annotations: { kustomize.toolkit.fluxcd.io/checksum: c }',
    ],
    ['Flux by Helm', 'labels: { helm.toolkit.fluxcd.io/name: a, helm.toolkit.fluxcd.io/namespace: b }'],
    ['Argo CD by annotation', 'annotations: { "argocd.argoproj.io/tracking-id": "a:/ConfigMap:b/a" }'],
    ['Argo CD by its own label', 'labels: { argocd.argoproj.io/instance: a }'],
    ['Argo CD by label', 'labels: { app.kubernetes.io/instance: a }'],
    [
      'kapp',
      'labels: { kapp.k14s.io/app: "1", kapp.k14s.io/association: v1.a }, annotations: { kapp.k14s.io/identity: v1, kapp.k14s.io/original-diff-md5: x }',
    ],
    ['Fleet', 'labels: { objectset.rio.cattle.io/hash: a }, annotations: { objectset.rio.cattle.io/id: a }'],
    ['kubecfg', 'labels: { kubecfg.ksonnet.io/garbage-collect-tag: a }'],
  ])('%s', (_name, metadata) => {
    const manager = _name.startsWith('Argo') ? 'argocd-controller' : 'helm';
    const names = (part: string) =>
      [...metadata.matchAll(new RegExp(`${part}: \\{(.*?)\\}`, 'g'))].flatMap(([, inner = '']) =>
        [...inner.matchAll(/"?([\w./-]+)"?: /g)].map(([, key]) => key),
      );
    const owned = ['labels', 'annotations']
      .map(
        (part) =>
          `"f:${part}": { ${names(part)
            .map((key) => `"f:${key}": {}`)
            .join(', ')} }`,
      )
      .join(', ');
    const fields = `{ "f:data": { "f:a": {} }, "f:metadata": { ${owned} } }`;
    const managed = `managedFields: [{ manager: ${manager}, operation: Apply, apiVersion: v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: ${fields} }]`;
    expect(both(configMap(''), configMap(`${metadata}, ${managed}`))).toEqual([]);
  });

  it('Argo CD’s label, where only what was applied last speaks of it', () => {
    const applied = JSON.stringify({
      metadata: { name: 'a', labels: { 'app.kubernetes.io/instance': 'shop', gone: 'x' } },
      data: { a: 'b' },
    });
    const live = configMap(
      `labels: { app.kubernetes.io/instance: shop, gone: x }, annotations: { kubectl.kubernetes.io/last-applied-configuration: '${applied}' }`,
    );
    expect(both(configMap(''), live)).toEqual(['added metadata.labels.gone']);
  });

  it('but a label of another application is', () => {
    const managed = (manager: string) =>
      `labels: { app.kubernetes.io/instance: a }, managedFields: [{ manager: ${manager}, operation: Apply, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: { "f:data": { "f:a": {} }, "f:metadata": { "f:labels": { "f:app.kubernetes.io/instance": {} } } } }]`;
    expect(both(configMap(''), configMap(managed('kustomize-controller')))).toEqual([
      'added metadata.labels["app.kubernetes.io/instance"]',
    ]);
  });
});

describe('what the server said, exported into git, is no declaration', () => {
  it.each([
    [
      'metadata',
      'uid: x, resourceVersion: "5", generation: 3, selfLink: /x, creationTimestamp: "2020-01-01T00:00:00Z", managedFields: [{ manager: old }]',
    ],
    ['the revision', 'annotations: { deployment.kubernetes.io/revision: "3" }'],
    ['what was applied last', 'annotations: { kubectl.kubernetes.io/last-applied-configuration: "{}" }'],
    ['a null time', 'creationTimestamp: null'],
  ])('%s', (_name, metadata) => {
    const declared = object('Deployment', 'a', metadata, 'spec: { replicas: 1 }\nstatus: { replicas: 7 }', 'apps/v1');
    const live = object(
      'Deployment',
      'a',
      'uid: y, resourceVersion: "9", annotations: { deployment.kubernetes.io/revision: "9" }',
      'spec: { replicas: 1 }\nstatus: { replicas: 1 }',
      'apps/v1',
    );
    expect(both(declared, live)).toEqual([]);
  });
});

describe('what was applied last, by whoever kept it', () => {
  const applied = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', labels: { gone: 'x' } },
    data: { a: 'b' },
  };
  const packed = gzipSync(JSON.stringify(applied)).toString('base64');
  it.each([
    ['kubectl.kubernetes.io/last-applied-configuration', JSON.stringify(applied)],
    ['kapp.k14s.io/original', JSON.stringify(applied)],
    ['kubecfg.ksonnet.io/last-applied-configuration', packed],
    ['objectset.rio.cattle.io/applied', packed],
  ])('%s', (name, text) => {
    const live = configMap(`labels: { gone: x, other: "y" }, annotations: { ${name}: '${text}' }`);
    expect(both(configMap(''), live)).toEqual(['added metadata.labels.gone']);
  });

  it.each(['H4sIAAAAAAAA', 'not json', '[]', 'null', packed.slice(0, 40)])(
    'one that cannot be read proves nothing: %s',
    (text) => {
      const live = configMap(
        `labels: { other: "y" }, annotations: { kubecfg.ksonnet.io/last-applied-configuration: '${text}' }`,
      );
      expect(both(configMap(''), live)).toEqual([]);
    },
  );

  it('a packed one that stands for far more than it weighs is left alone', () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64');
    const live = configMap(`annotations: { objectset.rio.cattle.io/applied: '${bomb}' }`);
    expect(both(configMap(''), live)).toEqual([]);
  });
});

/** kapp's rebase rules: copied from the cluster, so never a difference unless declared otherwise. */
describe('what controllers set', () => {
  it.each([
    [
      'the address of a Service',
      object('Service', 'a', '', 'spec: { ports: [{ port: 1 }] }'),
      object(
        'Service',
        'a',
        '',
        'spec: { clusterIP: 10.0.0.1, healthCheckNodePort: 3000, ports: [{ port: 1, nodePort: 30000 }] }',
      ),
    ],
    [
      'what a claim is bound to',
      object('PersistentVolumeClaim', 'a', '', 'spec: { volumeName: "", storageClassName: null }'),
      object(
        'PersistentVolumeClaim',
        'a',
        'annotations: { pv.kubernetes.io/bound-by-controller: "yes", pv.kubernetes.io/migrated-to: x, volume.beta.kubernetes.io/storage-provisioner: x }',
        'spec: { volumeName: v, storageClassName: s }',
      ),
    ],
    [
      'the tokens of an account',
      object('ServiceAccount', 'a', '', 'secrets: []'),
      object(
        'ServiceAccount',
        'a',
        '',
        'secrets: [{ name: a-token-x }, { name: a-dockercfg-x }]\nimagePullSecrets: [{ name: a-dockercfg-x }]',
      ),
    ],
    [
      'the pull secret of an account that has one',
      object('ServiceAccount', 'a', '', 'imagePullSecrets: [{ name: mine }]'),
      object('ServiceAccount', 'a', '', 'imagePullSecrets: [{ name: mine }, { name: a-dockercfg-x7f2k }]'),
    ],
    [
      'the node of a Pod',
      object('Pod', 'a', '', 'spec: { containers: [{ name: a, image: a }] }'),
      object('Pod', 'a', '', 'spec: { nodeName: n, containers: [{ name: a, image: a }] }'),
    ],
    [
      'annotations of a namespace',
      object('Namespace', 'a', ''),
      object(
        'Namespace',
        'a',
        'annotations: { openshift.io/sa.scc.mcs: x, openshift.io/sa.scc.uid-range: "y", cattle.io/status: z }, labels: { kubernetes.io/metadata.name: a, field.cattle.io/projectId: p }',
      ),
    ],
    [
      'a bundle that cert-manager injects',
      object(
        'MutatingWebhookConfiguration',
        'a',
        'annotations: { cert-manager.io/inject-ca-from: x/y }',
        'webhooks: [{ name: a, clientConfig: { url: "https://x", caBundle: LS0tLS1CRUdJTiBvbGQ= } }]',
        'admissionregistration.k8s.io/v1',
      ),
      object(
        'MutatingWebhookConfiguration',
        'a',
        'annotations: { cert-manager.io/inject-ca-from: x/y }',
        'webhooks: [{ name: a, clientConfig: { url: "https://x", caBundle: LS0tLS1CRUdJTiBuZXc= } }]',
        'admissionregistration.k8s.io/v1',
      ),
    ],
    [
      'rules of an aggregated role',
      object(
        'ClusterRole',
        'a',
        '',
        'aggregationRule: { clusterRoleSelectors: [] }\nrules: [{ verbs: [get] }]',
        'rbac.authorization.k8s.io/v1',
      ),
      object(
        'ClusterRole',
        'a',
        '',
        'aggregationRule: { clusterRoleSelectors: [] }\nrules: [{ verbs: [list] }, { verbs: [watch] }]',
        'rbac.authorization.k8s.io/v1',
      ),
    ],
  ])('%s', (_name, declared, live) => {
    expect(both(declared, live)).toEqual([]);
  });

  it.each([
    [
      'another bundle that nobody injects',
      object('APIService', 'a', '', 'spec: { caBundle: LS0tLS1CRUdJTiBvbGQ= }', 'apiregistration.k8s.io/v1'),
      object('APIService', 'a', '', 'spec: { caBundle: LS0tLS1CRUdJTiBuZXc= }', 'apiregistration.k8s.io/v1'),
      ['changed spec.caBundle'],
    ],
    [
      'another address than declared',
      object('Service', 'a', '', 'spec: { clusterIP: 10.0.0.1 }'),
      object('Service', 'a', '', 'spec: { clusterIP: 10.0.0.2 }'),
      ['changed spec.clusterIP'],
    ],
    [
      'another node port than declared',
      object('Service', 'a', '', 'spec: { ports: [{ port: 1, nodePort: 30000 }] }'),
      object('Service', 'a', '', 'spec: { ports: [{ port: 1, nodePort: 30001 }] }'),
      ['changed spec.ports[port=1,protocol=TCP].nodePort'],
    ],
    [
      'a headless Service that got an address',
      object('Service', 'a', '', 'spec: { clusterIP: None }'),
      object('Service', 'a', '', 'spec: { clusterIP: 10.0.0.2 }'),
      ['changed spec.clusterIP'],
    ],
    [
      'another pull secret',
      object('ServiceAccount', 'a', '', 'imagePullSecrets: [{ name: mine }]'),
      object('ServiceAccount', 'a', '', 'imagePullSecrets: [{ name: mine }, { name: theirs }]'),
      ['added imagePullSecrets[1]'],
    ],
    [
      'the selector of a Service',
      object('Service', 'a', '', 'spec: { selector: { a: b } }'),
      object('Service', 'a', '', 'spec: { selector: { a: b, c: d } }'),
      ['added spec.selector.c'],
    ],
    [
      'the selector of a budget',
      object('PodDisruptionBudget', 'a', '', 'spec: { selector: { matchLabels: { a: b } } }', 'policy/v1'),
      object('PodDisruptionBudget', 'a', '', 'spec: { selector: { matchLabels: { a: b, c: d } } }', 'policy/v1'),
      ['added spec.selector.matchLabels.c'],
    ],
  ])('%s', (_name, declared, live, changes) => {
    expect(both(declared, live)).toEqual(changes);
  });
});

describe('what an autoscaler scales', () => {
  const scaled = (kind: string, apiVersion: string, replicas: number) =>
    object(kind, 'web', '', `spec: { replicas: ${replicas} }`, apiVersion);
  it.each([
    [
      'Deployment',
      'apps/v1',
      object(
        'HorizontalPodAutoscaler',
        'h',
        '',
        'spec: { maxReplicas: 9, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }',
        'autoscaling/v2',
      ),
    ],
    [
      'StatefulSet',
      'apps/v1',
      object(
        'HorizontalPodAutoscaler',
        'h',
        '',
        'spec: { maxReplicas: 9, scaleTargetRef: { kind: StatefulSet, name: web } }',
        'autoscaling/v1',
      ),
    ],
    [
      'Rollout',
      'argoproj.io/v1alpha1',
      object(
        'HorizontalPodAutoscaler',
        'h',
        '',
        'spec: { maxReplicas: 9, scaleTargetRef: { apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web } }',
        'autoscaling/v2',
      ),
    ],
    [
      'Deployment',
      'apps/v1',
      object('ScaledObject', 'h', '', 'spec: { scaleTargetRef: { name: web } }', 'keda.sh/v1alpha1'),
    ],
  ])('%s %s', (kind, apiVersion, scaler) => {
    const options = { scope: { 'argoproj.io/Rollout': 'Namespaced' } };
    const [two, five] = [scaled(kind, apiVersion, 2), scaled(kind, apiVersion, 5)];
    expect(both(`${two}\n---\n${scaler}`, `${five}\n---\n${scaler}`, options)).toEqual([]);
    expect(both(two, `${five}\n---\n${scaler}`, options)).toEqual([]);
    expect(both(two, five, options)).toEqual(['changed spec.replicas']);
    const elsewhere = scaler.replace('name: web', 'name: other');
    expect(both(two, `${five}\n---\n${elsewhere}`, options)).toEqual(['changed spec.replicas']);
  });
});
