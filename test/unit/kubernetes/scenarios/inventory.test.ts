import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const object = (kind: string, name: string, more = '', apiVersion = 'v1') =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: ${name}, namespace: shop, ${more} }`;
const declared = object('ConfigMap', 'mine', 'labels: { by: git }');
const inventory = { inventory: { namespaces: ['shop'] } };
const orphansAmong = (...live: readonly string[]) =>
  changesOf(judgeTexts(declared, [declared, ...live].join('\n---\n'), inventory));

describe('nobody misses', () => {
  it.each([
    ['the certificate of every namespace', object('ConfigMap', 'kube-root-ca.crt')],
    ['the account of every namespace', object('ServiceAccount', 'default')],
    ['a release of Helm', `${object('Secret', 'sh.helm.release.v1.shop.v3')}\ntype: helm.sh/release.v1`],
    ['a token of an account', `${object('Secret', 'default-token-abcde')}\ntype: kubernetes.io/service-account-token`],
    [
      'a certificate that was issued',
      `${object('Secret', 'tls', 'annotations: { cert-manager.io/certificate-name: tls }')}\ntype: kubernetes.io/tls`,
    ],
    [
      'what a controller owns',
      object(
        'ReplicaSet',
        'web-5',
        'ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: x, controller: true }]',
        'apps/v1',
      ),
    ],
    ['Events', object('Event', 'x')],
    ['EndpointSlices', object('EndpointSlice', 'web-x', 'labels: { by: git }', 'discovery.k8s.io/v1')],
    ['Endpoints', object('Endpoints', 'web')],
    ['Leases', object('Lease', 'leader', '', 'coordination.k8s.io/v1')],
    [
      'the lock of a leader',
      object('ConfigMap', 'leader', "annotations: { control-plane.alpha.kubernetes.io/leader: '{}' }"),
    ],
    ['the quota of GKE', object('ResourceQuota', 'gke-resource-quotas')],
    ['a ConfigMap of the mesh', object('ConfigMap', 'istio-ca-root-cert')],
    [
      'pull secrets of OpenShift',
      `${object('Secret', 'default-dockercfg-abcde', 'annotations: { kubernetes.io/service-account.name: default }')}\ntype: kubernetes.io/dockercfg`,
    ],
    ['bindings of OpenShift', object('RoleBinding', '"system:deployers"', '', 'rbac.authorization.k8s.io/v1')],
    ['metrics', object('PodMetrics', 'x', '', 'metrics.k8s.io/v1beta1')],
    ['another namespace', object('ConfigMap', 'theirs').replace('shop', 'other')],
    ['a mirror of a static Pod', object('Pod', 'x', 'annotations: { kubernetes.io/config.mirror: x }')],
  ])('%s', (_name, live) => expect(orphansAmong(live)).toEqual([]));

  it('the claims of a StatefulSet, declared or not', () => {
    const set = object('StatefulSet', 'cart-db', 'ownerReferences: []', 'apps/v1');
    expect(orphansAmong(set, object('PersistentVolumeClaim', 'data-cart-db-0'))).toEqual([
      'added StatefulSet/shop/cart-db',
    ]);
    expect(orphansAmong(object('PersistentVolumeClaim', 'data-cart-db-0'))).toEqual([
      'added PersistentVolumeClaim/shop/data-cart-db-0',
    ]);
  });
});

describe('is missed', () => {
  it.each([
    ['a ConfigMap', object('ConfigMap', 'hotfix'), 'ConfigMap/shop/hotfix'],
    ['a Secret by hand', `${object('Secret', 'extra')}\ntype: Opaque`, 'Secret/shop/extra'],
    ['a Pod by hand', object('Pod', 'debug'), 'Pod/shop/debug'],
    ['a Job by hand', object('Job', 'once', '', 'batch/v1'), 'Job/shop/once'],
    ['an account', object('ServiceAccount', 'admin'), 'ServiceAccount/shop/admin'],
    ['a binding', object('RoleBinding', 'admin', '', 'rbac.authorization.k8s.io/v1'), 'RoleBinding/shop/admin'],
    ['a custom resource', object('Thing', 'x', '', 'acme.example/v1'), 'Thing/shop/x'],
  ])('%s', (_name, live, subject) => {
    expect(orphansAmong(live)).toEqual([`added ${subject}`]);
    expect(changesOf(judgeTexts(declared, `${declared}\n---\n${live}`))).toEqual([]);
  });

  it.each([
    ['by=git', ['added ConfigMap/shop/old']],
    ['by in (git, argo)', ['added ConfigMap/shop/old']],
    ['by', ['added ConfigMap/shop/old']],
    ['by=git,tier!=web', ['added ConfigMap/shop/old']],
    ['by=git,tier=web', []],
    ['by=other', []],
  ])('by label: %s', (selector, changes) => {
    const live = [declared, object('ConfigMap', 'old', 'labels: { by: git }'), object('ConfigMap', 'theirs')];
    expect(changesOf(judgeTexts(declared, live.join('\n---\n'), { inventory: { selector } }))).toEqual(changes);
  });
});

describe('what cannot be looked at is never in sync', () => {
  const deployment = object('Deployment', 'web', '', 'apps/v1');
  it.each([
    ['a namespace', ['shop']],
    ['a kind', ['Deployment']],
    ['a kind with its group', ['apps/Deployment']],
    ['a resource', ['deployments']],
    ['a resource with its group', ['deployments.apps']],
    ['a namespace, as a rule', [{ namespace: 'shop' }]],
    ['a kind, as a rule', [{ kind: 'Deployment' }]],
    ['a kind in a namespace', [{ group: 'apps', kind: 'Deployment', namespace: 'shop' }]],
    ['a kind in a version', [{ apiVersion: 'apps/v1', kind: 'Deployment' }]],
    ['by namespaces', { namespaces: ['shop'] }],
    ['by kinds', { kinds: ['Deployment'] }],
  ])('%s', (_name, forbidden) => {
    for (const live of ['', deployment]) {
      const judged = judgeTexts(`${declared}\n---\n${deployment}`, `${declared}\n---\n${live}`, { forbidden });
      expect(judged.verdict).toBe('unknown');
      expect(judged.coverage.uncovered.map(({ subject }) => subject)).toContain('Deployment/shop/web');
      expect(judged.findings).toEqual([]);
    }
  });

  it('but what differs elsewhere is still told', () => {
    const judged = judgeTexts(`${declared}\ndata: { a: b }\n---\n${deployment}`, `${declared}\ndata: { a: c }`, {
      forbidden: [{ kind: 'Deployment' }],
    });
    expect(judged.verdict).toBe('drifted');
    expect(judged.coverage).toMatchObject({ compared: 1, total: 2 });
  });
});

describe('hooks are no part of what stays', () => {
  const hook = (annotation: string) => object('Job', 'migrate', `annotations: { ${annotation} }`, 'batch/v1');
  it.each([['helm.sh/hook: test'], ['helm.sh/hook: "pre-install,pre-upgrade"'], ['argocd.argoproj.io/hook: PreSync']])(
    '%s',
    (annotation) => {
      const judged = judgeTexts(`${declared}\n---\n${hook(annotation)}`, declared);
      expect([judged.verdict, judged.coverage.total]).toEqual(['in-sync', 1]);
      expect(judged.notes.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(['excluded Job/shop/migrate']);
      const nameless = hook(annotation).replace('name: migrate', 'generateName: migrate-');
      expect(judgeTexts(`${declared}\n---\n${nameless}`, declared).verdict).toBe('in-sync');
      expect(judgeTexts(hook(annotation), '').verdict).toBe('in-sync');
    },
  );

  it.each(['helm.sh/hook: crd-install', 'helm.sh/hook-weight: "1"', 'note: test'])('but not %s', (annotation) => {
    expect(judgeTexts(hook(annotation), '').verdict).toBe('drifted');
    expect(judgeTexts(hook(annotation).replace('name:', 'generateName:'), '').verdict).toBe('unknown');
  });
});

describe('what says itself that it stays is no orphan', () => {
  it.each([
    'helm.sh/resource-policy: keep',
    'kustomize.toolkit.fluxcd.io/prune: disabled',
    'argocd.argoproj.io/sync-options: "Validate=false,Prune=false"',
    'argocd.argoproj.io/compare-options: IgnoreExtraneous',
  ])('%s', (annotation) => {
    expect(orphansAmong(object('ConfigMap', 'old', `annotations: { ${annotation} }`))).toEqual([]);
  });
});

it.each([
  [{ Thing: 'Cluster' }, 'Thing/x'],
  [{ 'acme.example/Thing': 'Cluster' }, 'Thing/x'],
  [{ 'acme.example/Thing': 'Namespaced' }, 'Thing/shop/x'],
  [{ 'other.example/Thing': 'Cluster' }, 'Thing/shop/x'],
])('a kind is where the options say: %j', (scope, subject) => {
  expect(changesOf(judgeTexts(object('Thing', 'x', '', 'acme.example/v1'), '', { scope }))).toEqual([
    `removed ${subject}`,
  ]);
});

describe('versions that the server does not serve', () => {
  const policy = object('PodSecurityPolicy', 'restricted', '', 'policy/v1beta1').replace('namespace: shop, ', '');
  it.each([
    ['a kind that Kubernetes removed', policy, ['v1', 'policy/v1', 'apps/v1'], 'PodSecurityPolicy/restricted'],
    [
      'a group that Kubernetes removed',
      object('Deployment', 'web', '', 'extensions/v1beta1'),
      ['v1', 'apps/v1'],
      'Deployment/shop/web',
    ],
    ['a group that is not installed', object('Thing', 'x', '', 'acme.example/v1'), ['v1', 'apps/v1'], 'Thing/shop/x'],
  ])('%s', (_name, text, served, subject) => {
    const { verdict, coverage, findings } = judgeTexts(text, '', { served });
    expect(findings).toEqual([]);
    expect(verdict).toBe('unknown');
    expect(coverage.uncovered.map((of) => of.subject)).toEqual([subject]);
  });

  it('a removed kind is cluster-wide where it was', () => {
    expect(changesOf(judgeTexts(policy, policy))).toEqual([]);
    expect(changesOf(judgeTexts(policy, ''))).toEqual(['removed PodSecurityPolicy/restricted']);
  });

  it('what is live in the version that took over is compared there, and a note says so', () => {
    const old = `${object('PodDisruptionBudget', 'web', '', 'policy/v1beta1')}\nspec: { minAvailable: 1 }`;
    const live = `${object('PodDisruptionBudget', 'web', '', 'policy/v1')}\nspec: { minAvailable: 2 }`;
    const judged = judgeTexts(old, live, { served: ['v1', 'policy/v1'] });
    expect(changesOf(judged)).toEqual(['changed spec.minAvailable']);
    expect(judged.notes.map(({ kind }) => kind)).toContain('deprecated-api');
  });

  it('the declared version is compared where both are live', () => {
    const hpa = (version: string, spec: string) =>
      `${object('HorizontalPodAutoscaler', 'web', '', `autoscaling/${version}`)}\nspec: { maxReplicas: 3, ${spec} }`;
    const v1 = hpa('v1', 'targetCPUUtilizationPercentage: 50');
    const v2 = hpa(
      'v2',
      'metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }]',
    );
    expect(changesOf(judgeTexts(v1, `${v2}\n---\n${v1}`))).toEqual([]);
    expect(changesOf(judgeTexts(v2, `${v1}\n---\n${v2}`))).toEqual([]);
    expect(judgeTexts(v1, v2, { preferredVersion: 'autoscaling/v2' }).verdict).toBe('in-sync');
    expect(judgeTexts(v2, v1).verdict).toBe('in-sync');
    expect(changesOf(judgeTexts(v1, v2.replace('50', '60')))).toEqual([
      'changed spec.metrics[0].resource.target.averageUtilization',
    ]);
    expect(changesOf(judgeTexts(v2, v1.replace('50', '60')))).toEqual(['changed spec.targetCPUUtilizationPercentage']);
    expect(judgeTexts(v2.replace('cpu', 'memory'), v1).verdict).toBe('unknown');
  });

  it('the second version of the autoscaler is what its betas became', () => {
    const beta = `${object('HorizontalPodAutoscaler', 'web', '', 'autoscaling/v2beta2')}\nspec: { maxReplicas: 3, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }] }`;
    const live = beta.replace('v2beta2', 'v2').replace('50', '60');
    expect(changesOf(judgeTexts(beta, live))).toEqual(['changed spec.metrics[0].resource.target.averageUtilization']);
    expect(changesOf(judgeTexts(beta, beta))).toEqual([]);
  });

  it('an Ingress of a version that looks different is compared as the server converts it', () => {
    const spec =
      'spec: { backend: { serviceName: d, servicePort: http }, rules: [{ http: { paths: [{ path: /, backend: { serviceName: a, servicePort: 80 } }] } }] }';
    const old = `${object('Ingress', 'web', '', 'networking.k8s.io/v1beta1')}\n${spec}`;
    const live = `${object('Ingress', 'web', '', 'networking.k8s.io/v1')}\nspec: { defaultBackend: { service: { name: d, port: { name: http } } }, rules: [{ http: { paths: [{ path: /, pathType: ImplementationSpecific, backend: { service: { name: a, port: { number: 80 } } } }] } }] }`;
    expect(judgeTexts(old, live).verdict).toBe('in-sync');
    expect(judgeTexts(old.replace('networking.k8s.io', 'extensions'), live).verdict).toBe('in-sync');
    expect(changesOf(judgeTexts(old, live.replace('number: 80', 'number: 81')))).toEqual([
      'changed spec.rules[0].http.paths[0].backend.service.port.number',
    ]);
    const defaulted = old.replace('path: /,', 'path: /, pathType: ImplementationSpecific,');
    expect(changesOf(judgeTexts(old, defaulted))).toEqual([]);
    expect(changesOf(judgeTexts(old, defaulted.replace('80', '81')))).toEqual([
      'changed spec.rules[0].http.paths[0].backend.servicePort',
    ]);
  });

  it('a version that looks different and that nobody can convert is unknown', () => {
    const old =
      'apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: { name: x }\nspec: { group: a.b, version: v1, names: { kind: X, plural: x } }';
    const live =
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: x }\nspec: { group: a.b, names: { kind: X, plural: x }, versions: [{ name: v1 }] }';
    const { verdict, coverage } = judgeTexts(old, live);
    expect(verdict).toBe('unknown');
    expect(coverage.uncovered[0]?.reason).toContain('apiextensions.k8s.io/v1 has no spec.version');
  });
});
