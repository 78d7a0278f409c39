import { at, clone, ensure, isObject, type Json, type JsonObject, textAt } from './json.ts';
import { defaultPod, defaultPodSpec, fill, objects } from './pod-defaults.ts';
import type { Resource } from './resources.ts';

type Defaulter = (object: JsonObject) => void;

/** Fields that the server fills in, kind by kind, before it works out who owns what. */
const DEFAULTERS: Readonly<Record<string, Defaulter>> = {
  '/pods': (object) => {
    const spec = ensure(object, 'spec');
    defaultPodSpec(spec);
    defaultPod(spec);
  },
  '/podtemplates': (object) => defaultTemplate(object),
  '/replicationcontrollers': (object) => {
    const spec = ensure(object, 'spec');
    spec['replicas'] ??= 1;
    if (isObject(spec['template'])) defaultTemplate(spec);
  },
  '/services': defaultService,
  '/secrets': (object) => {
    const written = object['stringData'];
    delete object['stringData'];
    if (isObject(written)) {
      const data = ensure(object, 'data');
      for (const [key, value] of Object.entries(written)) {
        data[key] = Buffer.from(typeof value === 'string' ? value : '').toString('base64');
      }
    }
    fill(object, { type: 'Opaque' });
  },
  '/endpoints': (object) => {
    const ports = objects(object['subsets']).flatMap((subset) => objects(subset['ports']));
    for (const port of ports) fill(port, { protocol: 'TCP' });
  },
  'discovery.k8s.io/endpointslices': (object) => {
    for (const endpoint of objects(object['endpoints'])) fill(endpoint, { conditions: {} });
    for (const port of objects(object['ports'])) fill(port, { name: '', protocol: 'TCP' });
  },
  'admissionregistration.k8s.io/validatingadmissionpolicies': defaultPolicy,
  'admissionregistration.k8s.io/mutatingadmissionpolicies': defaultPolicy,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': defaultPolicyBinding,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': defaultPolicyBinding,
  '/namespaces': (object) => {
    const metadata = ensure(object, 'metadata');
    ensure(metadata, 'labels')['kubernetes.io/metadata.name'] = textAt(metadata, 'name');
  },
  '/persistentvolumeclaims': (object) => fill(ensure(object, 'spec'), { volumeMode: 'Filesystem' }),
  '/persistentvolumes': (object) =>
    fill(ensure(object, 'spec'), { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' }),
  '/limitranges': (object) => objects(at(object, 'spec')['limits']).forEach(defaultLimit),
  'apps/deployments': (object) => {
    const spec = ensure(object, 'spec');
    fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    const strategy = ensure(spec, 'strategy');
    strategy['type'] ??= 'RollingUpdate';
    if (strategy['type'] === 'RollingUpdate') {
      fill(ensure(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
    }
    defaultTemplate(spec);
  },
  'apps/replicasets': (object) => {
    const spec = ensure(object, 'spec');
    spec['replicas'] ??= 1;
    defaultTemplate(spec);
  },
  'apps/daemonsets': (object) => {
    const spec = ensure(object, 'spec');
    spec['revisionHistoryLimit'] ??= 10;
    const strategy = ensure(spec, 'updateStrategy');
    strategy['type'] ??= 'RollingUpdate';
    if (strategy['type'] === 'RollingUpdate')
      fill(ensure(strategy, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
    defaultTemplate(spec);
  },
  'apps/statefulsets': (object) => {
    const spec = ensure(object, 'spec');
    fill(spec, { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: 10 });
    fill(ensure(spec, 'persistentVolumeClaimRetentionPolicy'), { whenDeleted: 'Retain', whenScaled: 'Retain' });
    const strategy = ensure(spec, 'updateStrategy');
    strategy['type'] ??= 'RollingUpdate';
    if (strategy['type'] === 'RollingUpdate') fill(ensure(strategy, 'rollingUpdate'), { partition: 0 });
    defaultTemplate(spec);
    for (const claim of objects(spec['volumeClaimTemplates'])) {
      Object.assign(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
      fill(ensure(claim, 'spec'), { volumeMode: 'Filesystem' });
      fill(ensure(claim, 'status'), { phase: 'Pending' });
    }
  },
  'batch/jobs': (object) => defaultJob(ensure(object, 'spec')),
  'batch/cronjobs': (object) => {
    const spec = ensure(object, 'spec');
    fill(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const template = ensure(spec, 'jobTemplate');
    ensure(template, 'metadata');
    defaultTemplate(ensure(template, 'spec'));
  },
  'autoscaling/horizontalpodautoscalers': defaultAutoscaler,
  'networking.k8s.io/networkpolicies': defaultNetworkPolicy,
  'rbac.authorization.k8s.io/rolebindings': defaultBinding,
  'rbac.authorization.k8s.io/clusterrolebindings': defaultBinding,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': (object) => defaultWebhooks(object, true),
  'admissionregistration.k8s.io/validatingwebhookconfigurations': (object) => defaultWebhooks(object, false),
  'storage.k8s.io/storageclasses': (object) =>
    fill(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  'scheduling.k8s.io/priorityclasses': (object) => fill(object, { preemptionPolicy: 'PreemptLowerPriority' }),
  'apiextensions.k8s.io/customresourcedefinitions': (object) => {
    const spec = ensure(object, 'spec');
    const names = ensure(spec, 'names');
    fill(names, { singular: textAt(names, 'kind').toLowerCase(), listKind: `${textAt(names, 'kind')}List` });
    fill(spec, { conversion: { strategy: 'None' } });
  },
};

/** @param object an object as it was decoded; it is changed */
export function applyDefaults(object: JsonObject, resource: Resource): void {
  DEFAULTERS[`${resource.group}/${resource.plural}`]?.(object);
}

function defaultTemplate(holder: JsonObject): void {
  const template = ensure(holder, 'template');
  ensure(template, 'metadata');
  defaultPodSpec(ensure(template, 'spec'));
}

function defaultJob(spec: JsonObject): void {
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) fill(spec, { completions: 1 });
  fill(spec, {
    parallelism: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: 'TerminatingOrFailed',
    manualSelector: false,
  });
  defaultTemplate(spec);
}

function defaultService(object: JsonObject): void {
  const spec = ensure(object, 'spec');
  fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  const kind = textAt(spec, 'type');
  if (spec['sessionAffinity'] === 'ClientIP') {
    fill(ensure(ensure(spec, 'sessionAffinityConfig'), 'clientIP'), { timeoutSeconds: 10800 });
  } else delete spec['sessionAffinityConfig'];
  for (const port of objects(spec['ports'])) {
    port['protocol'] ??= 'TCP';
    port['targetPort'] ??= port['port'] ?? 0;
  }
  if (kind === 'NodePort' || kind === 'LoadBalancer') fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (kind === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
  if (kind !== 'ExternalName') fill(spec, { internalTrafficPolicy: 'Cluster' });
}

function defaultLimit(limit: JsonObject): void {
  if (limit['type'] !== 'Container') return;
  const [most, least] = [at(limit, 'max'), at(limit, 'min')];
  const given = { ...most, ...at(limit, 'default') };
  if (Object.keys(given).length > 0) limit['default'] = given;
  const requested = { ...least, ...given, ...at(limit, 'defaultRequest') };
  if (Object.keys(requested).length > 0) limit['defaultRequest'] = requested;
}

function defaultAutoscaler(object: JsonObject): void {
  const spec = ensure(object, 'spec');
  spec['minReplicas'] ??= 1;
  if (object['apiVersion'] === 'autoscaling/v1') return;
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };
  if (objects(spec['metrics']).length === 0) spec['metrics'] = [cpu];
  const behavior = spec['behavior'];
  if (!isObject(behavior)) return;
  const fast = [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ];
  const up = ensure(behavior, 'scaleUp');
  fill(up, { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: fast });
  fill(ensure(behavior, 'scaleDown'), { selectPolicy: 'Max', policies: clone(fast.slice(1)) });
}

function defaultNetworkPolicy(object: JsonObject): void {
  const spec = ensure(object, 'spec');
  const rules = [...objects(spec['ingress']), ...objects(spec['egress'])];
  for (const port of rules.flatMap((rule) => objects(rule['ports']))) fill(port, { protocol: 'TCP' });
  const egress = objects(spec['egress']).length > 0 ? ['Egress'] : [];
  fill(spec, { policyTypes: ['Ingress', ...egress] });
}

function defaultBinding(object: JsonObject): void {
  const group = 'rbac.authorization.k8s.io';
  fill(ensure(object, 'roleRef'), { apiGroup: group });
  for (const subject of objects(object['subjects'])) {
    if (subject['kind'] === 'User' || subject['kind'] === 'Group') fill(subject, { apiGroup: group });
  }
}

function defaultWebhooks(object: JsonObject, isMutating: boolean): void {
  for (const hook of objects(object['webhooks'])) {
    fill(hook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...(isMutating ? { reinvocationPolicy: 'Never' } : {}),
    });
    const service = at(hook, 'clientConfig')['service'];
    if (isObject(service)) fill(service, { port: 443 });
    for (const rule of objects(hook['rules'])) fill(rule, { scope: '*' });
  }
}

function defaultPolicy(object: JsonObject): void {
  const spec = ensure(object, 'spec');
  fill(spec, { failurePolicy: 'Fail' });
  defaultMatch(spec['matchConstraints']);
}

function defaultPolicyBinding(object: JsonObject): void {
  defaultMatch(at(object, 'spec')['matchResources']);
}

function defaultMatch(constraints: Json | undefined): void {
  if (!isObject(constraints)) return;
  fill(constraints, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} });
  for (const rule of objects(constraints['resourceRules'])) fill(rule, { scope: '*' });
}
