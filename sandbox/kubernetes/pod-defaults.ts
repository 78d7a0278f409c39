import { at, ensure, isObject, type Json, type JsonObject, textAt } from './json.ts';

/** Fields of a pod as the server fills them in when nobody sets them. */
export function defaultPodSpec(spec: JsonObject): void {
  fill(spec, {
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
  });
  spec['securityContext'] ??= {};
  const account = spec['serviceAccountName'] ?? spec['serviceAccount'];
  if (account !== undefined) {
    spec['serviceAccountName'] = account;
    spec['serviceAccount'] = account;
  }
  for (const volume of objects(spec['volumes'])) defaultVolume(volume);
  for (const container of containersOf(spec)) defaultContainer(container);
}

/** What only a pod itself gets, not a template. */
export function defaultPod(spec: JsonObject): void {
  spec['enableServiceLinks'] ??= true;
  for (const container of containersOf(spec)) {
    const resources = ensure(container, 'resources');
    const limits = at(resources, 'limits');
    if (Object.keys(limits).length > 0) resources['requests'] = { ...limits, ...at(resources, 'requests') };
    if (spec['hostNetwork'] === true) {
      for (const port of objects(container['ports'])) port['hostPort'] ??= port['containerPort'] ?? 0;
    }
  }
}

export function containersOf(spec: JsonObject): readonly JsonObject[] {
  return ['initContainers', 'containers', 'ephemeralContainers'].flatMap((list) => objects(spec[list]));
}

/** Puts in what is missing. */
export function fill(object: JsonObject, defaults: JsonObject): void {
  for (const [key, value] of Object.entries(defaults)) object[key] ??= value;
}

export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function defaultContainer(container: JsonObject): void {
  fill(container, { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' });
  container['resources'] ??= {};
  if (container['imagePullPolicy'] === undefined) container['imagePullPolicy'] = pullPolicy(textAt(container, 'image'));
  for (const port of objects(container['ports'])) fill(port, { protocol: 'TCP' });
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const found = container[probe];
    if (isObject(found)) defaultProbe(found);
  }
  for (const event of Object.values(at(container, 'lifecycle'))) if (isObject(event)) defaultHandler(event);
  for (const variable of objects(container['env'])) {
    const source = variable['valueFrom'];
    if (!isObject(source)) continue;
    if (isObject(source['fieldRef'])) fill(source['fieldRef'], { apiVersion: 'v1' });
    if (isObject(source['resourceFieldRef'])) fill(source['resourceFieldRef'], { divisor: '0' });
  }
}

function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (name.includes('@')) return 'IfNotPresent';
  const tag = name.split(':')[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: JsonObject): void {
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  defaultHandler(probe);
}

function defaultHandler(handler: JsonObject): void {
  if (isObject(handler['httpGet'])) fill(handler['httpGet'], { path: '/', scheme: 'HTTP' });
  if (isObject(handler['grpc'])) fill(handler['grpc'], { service: '' });
}

const MODE = { defaultMode: 420 };
const FIELD_REFERENCE = { apiVersion: 'v1' };

function defaultVolume(volume: JsonObject): void {
  if (Object.keys(volume).length === 1) volume['emptyDir'] = {};
  for (const kind of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const found = volume[kind];
    if (isObject(found)) fill(found, MODE);
  }
  if (isObject(volume['hostPath'])) fill(volume['hostPath'], { type: '' });
  const projected = objects(at(volume, 'projected')['sources']).map((source) => source['downwardAPI']);
  for (const list of [volume['downwardAPI'], ...projected]) {
    for (const item of objects(isObject(list) ? list['items'] : undefined)) {
      if (isObject(item['fieldRef'])) fill(item['fieldRef'], FIELD_REFERENCE);
      if (isObject(item['resourceFieldRef'])) fill(item['resourceFieldRef'], { divisor: '0' });
    }
  }
  for (const source of objects(at(volume, 'projected')['sources'])) {
    if (isObject(source['serviceAccountToken'])) fill(source['serviceAccountToken'], { expirationSeconds: 3600 });
  }
  const claim = at(volume, 'ephemeral', 'volumeClaimTemplate', 'spec');
  if (Object.keys(claim).length > 0) fill(claim, { volumeMode: 'Filesystem' });
  if (isObject(volume['iscsi'])) fill(volume['iscsi'], { iscsiInterface: 'default' });
  if (isObject(volume['azureDisk'])) {
    fill(volume['azureDisk'], { cachingMode: 'ReadWrite', fsType: 'ext4', kind: 'Shared', readOnly: false });
  }
}
