import { createHash } from 'node:crypto';
import { at, clone, ensure, equal, isObject, type Json, type JsonObject, stringsAt, textAt } from './json.ts';
import { containersOf, objects } from './pod-defaults.ts';
import { itemsOf, recording } from './recording.ts';
import type { Resource } from './resources.ts';

/** Kinds that count the changes of what they ask for. */
const COUNTED = new Set([
  '/pods',
  'apps/deployments',
  'apps/replicasets',
  'apps/daemonsets',
  'apps/statefulsets',
  'batch/jobs',
  'batch/cronjobs',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/networkpolicies',
  'policy/poddisruptionbudgets',
  'apiextensions.k8s.io/customresourcedefinitions',
  'scheduling.k8s.io/priorityclasses',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
]);

const FIRST_STATUS: Readonly<Record<string, JsonObject>> = {
  '/namespaces': { phase: 'Active' },
  '/services': { loadBalancer: {} },
  '/persistentvolumeclaims': { phase: 'Pending' },
  '/persistentvolumes': { phase: 'Pending' },
  'apps/daemonsets': {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  },
  'apps/statefulsets': { replicas: 0, availableReplicas: 0 },
  'apps/replicasets': { replicas: 0 },
  'networking.k8s.io/ingresses': { loadBalancer: {} },
  'policy/poddisruptionbudgets': {
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
  },
  'autoscaling/horizontalpodautoscalers': { desiredReplicas: 0, currentMetrics: null },
};

const kindOf = (resource: Resource): string => `${resource.group}/${resource.plural}`;

/** What the server does to a new object after it knows who owns what: addresses, first status, generation. */
export function prepareNew(object: JsonObject, resource: Resource): void {
  const kind = kindOf(resource);
  const metadata = ensure(object, 'metadata');
  if (COUNTED.has(kind) || resource.custom !== null) metadata['generation'] = 1;
  else delete metadata['generation'];
  if (resource.custom !== null) {
    if (resource.subresources.includes('status')) delete object['status'];
    return;
  }
  if ('status' in object || kind in FIRST_STATUS) object['status'] = clone(FIRST_STATUS[kind] ?? {});
  if (kind === '/namespaces') ensure(object, 'spec')['finalizers'] = ['kubernetes'];
  if (kind === 'apiextensions.k8s.io/customresourcedefinitions') {
    const stored = objects(at(object, 'spec')['versions']).filter((version) => version['storage'] === true);
    object['status'] = { storedVersions: stored.map((version) => textAt(version, 'name')) };
  }
  const guarded = {
    '/persistentvolumes': 'kubernetes.io/pv-protection',
    '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  }[kind];
  if (guarded !== undefined) metadata['finalizers'] = [...stringsAt(metadata, 'finalizers'), guarded];
  if (kind === '/pods') preparePod(object);
  if (kind === 'batch/jobs') prepareJob(object);
  if (kind === 'apps/daemonsets') countTemplates(object, 1);
  if (kind === 'scheduling.k8s.io/priorityclasses' && object['value'] === undefined) object['value'] = 0;
}

/** The annotation is the old counter of a DaemonSet's templates; unlike the rest it is owned by who wrote the object. */
export function countTemplates(object: JsonObject, count: number): void {
  ensure(ensure(object, 'metadata'), 'annotations')['deprecated.daemonset.template.generation'] = String(count);
}

/** Carries over what a write may not change, and counts it when it changed what is asked for. */
export function prepareChanged(object: JsonObject, before: JsonObject, resource: Resource): void {
  const metadata = ensure(object, 'metadata');
  for (const key of ['uid', 'creationTimestamp', 'generation', 'deletionTimestamp', 'selfLink']) {
    const old = at(before, 'metadata')[key];
    if (old === undefined) delete metadata[key];
    else metadata[key] = old;
  }
  const keepsStatus = resource.subresources.includes('status');
  if (keepsStatus) {
    if (before['status'] === undefined) delete object['status'];
    else object['status'] = clone(before['status']);
  }
  if (COUNTED.has(kindOf(resource)) || resource.custom !== null) {
    const generation = Number(at(before, 'metadata')['generation'] ?? 0);
    if (!equal(asked(object, keepsStatus), asked(before, keepsStatus))) metadata['generation'] = generation + 1;
  }
}

/** What counts for the generation: all but metadata and status. */
function asked(object: JsonObject, withoutStatus: boolean): JsonObject {
  const { metadata: _, apiVersion: __, kind: ___, ...rest } = object;
  if (withoutStatus) delete rest['status'];
  return rest;
}

function preparePod(pod: JsonObject): void {
  const spec = ensure(pod, 'spec');
  const all = containersOf(spec).map((container) => at(container, 'resources'));
  const isBound = (part: 'limits' | 'requests', name: string) => all.every((one) => name in at(one, part));
  const hasSome = all.some((one) => Object.keys(one).length > 0);
  const isGuaranteed =
    isBound('limits', 'cpu') &&
    isBound('limits', 'memory') &&
    all.every((one) => equal(at(one, 'limits'), at(one, 'requests')));
  pod['status'] = { phase: 'Pending', qosClass: isGuaranteed ? 'Guaranteed' : hasSome ? 'Burstable' : 'BestEffort' };
  spec['serviceAccountName'] ??= 'default';
  spec['serviceAccount'] ??= spec['serviceAccountName'];
  fillPriority(spec);
  const seconds = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const tolerations = objects(spec['tolerations']);
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) =>
      !tolerations.some((one) => one['key'] === key || (one['key'] === undefined && one['operator'] === 'Exists')),
  );
  if (added.length > 0) spec['tolerations'] = [...tolerations, ...added.map(seconds)];
  if (spec['automountServiceAccountToken'] !== false) mountToken(pod, spec);
}

function fillPriority(spec: JsonObject): void {
  const classes = itemsOf(recording.answer('/apis/scheduling.k8s.io/v1/priorityclasses'));
  const named = classes.find((one) => textAt(one, 'metadata', 'name') === spec['priorityClassName']);
  spec['priority'] ??= named?.['value'] ?? 0;
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
}

function mountToken(pod: JsonObject, spec: JsonObject): void {
  const name = `kube-api-access-${shortHash(textAt(pod, 'metadata', 'name'), 5)}`;
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  const sources: Json[] = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ];
  spec['volumes'] = [...objects(spec['volumes']), { name, projected: { sources, defaultMode: 420 } }];
  for (const container of containersOf(spec)) {
    container['volumeMounts'] = [...objects(container['volumeMounts']), { name, readOnly: true, mountPath }];
  }
}

function prepareJob(job: JsonObject): void {
  const spec = ensure(job, 'spec');
  if (spec['manualSelector'] === true) return;
  const [uid, name] = [textAt(job, 'metadata', 'uid'), textAt(job, 'metadata', 'name')];
  spec['selector'] = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  const labels = ensure(ensure(ensure(spec, 'template'), 'metadata'), 'labels');
  Object.assign(labels, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  });
  const metadata = ensure(job, 'metadata');
  metadata['labels'] ??= clone(labels);
}

/** Letters and digits as the server makes names of them. */
function shortHash(text: string, length: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  const bytes = createHash('sha256').update(text).digest();
  return [...bytes.subarray(0, length)].map((byte) => letters[byte % letters.length]).join('');
}

/** Addresses and ports of a service, out of the ranges that a server hands out by default. */
export function allocate(service: JsonObject, before: JsonObject | null, all: readonly JsonObject[]): void {
  const spec = ensure(service, 'spec');
  const old = at(before ?? {}, 'spec');
  const kind = textAt(spec, 'type');
  if (kind === 'ExternalName') return;
  const taken = new Set(all.map((one) => textAt(one, 'spec', 'clusterIP')));
  spec['clusterIP'] ??= old['clusterIP'] ?? freeAddress(textAt(service, 'metadata', 'uid'), taken);
  spec['clusterIPs'] ??= old['clusterIPs'] ?? [spec['clusterIP']];
  spec['ipFamilies'] ??= old['ipFamilies'] ?? ['IPv4'];
  spec['ipFamilyPolicy'] ??= old['ipFamilyPolicy'] ?? 'SingleStack';
  if (kind !== 'NodePort' && kind !== 'LoadBalancer') return;
  const others = all.filter((one) => textAt(one, 'metadata', 'uid') !== textAt(service, 'metadata', 'uid'));
  const used = new Set(others.flatMap((one) => objects(at(one, 'spec')['ports']).map((port) => port['nodePort'])));
  for (const port of objects(spec['ports'])) {
    const same = objects(old['ports']).find(
      (one) => one['port'] === port['port'] && one['protocol'] === port['protocol'],
    );
    if (port['nodePort'] === undefined) {
      let number = Number(
        same?.['nodePort'] ??
          30000 + (hashNumber(`${textAt(service, 'metadata', 'uid')}${JSON.stringify(port)}`) % 2768),
      );
      while (same === undefined && used.has(number)) number = 30000 + ((number - 29999) % 2768);
      port['nodePort'] = number;
    }
    used.add(port['nodePort']);
  }
  if (kind !== 'LoadBalancer' || spec['externalTrafficPolicy'] !== 'Local') return;
  const free = [...Array(2768).keys()].map((number) => 30000 + number).find((number) => !used.has(number));
  spec['healthCheckNodePort'] ??= old['healthCheckNodePort'] ?? free ?? 0;
}

function freeAddress(seed: string, taken: ReadonlySet<string>): string {
  let number = hashNumber(seed) % 65000;
  const address = (): string => `10.96.${(number >> 8) & 255}.${number & 255}`;
  while (taken.has(address()) || (number & 255) === 0) number = (number + 1) % 65000;
  return address();
}

const hashNumber = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE(0);

/** Whether a write asks for nothing new. */
export function isSameButBookkeeping(a: JsonObject, b: JsonObject): boolean {
  const plain = (object: JsonObject): JsonObject => {
    const metadata = isObject(object['metadata']) ? { ...object['metadata'] } : {};
    for (const key of ['managedFields', 'resourceVersion']) delete metadata[key];
    return { ...object, metadata };
  };
  return equal(plain(a), plain(b));
}
