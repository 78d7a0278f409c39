import { isObject, type JsonObject, textOf } from './json.ts';
import { hasOwners, type Identity, metadataOf, textsOf } from './objects.ts';
import { matchesSelector, type Selector } from './selector.ts';

/** Which live objects have to be declared. */
export interface Inventory {
  readonly selector: Selector | null;
  readonly namespaces: readonly string[];
}

/** Kinds that controllers make by themselves. */
const MADE: ReadonlySet<string> = new Set([
  'Event',
  'Endpoints',
  'EndpointSlice',
  'ControllerRevision',
  'Lease',
  'PodMetrics',
  'NodeMetrics',
  'CSIStorageCapacity',
  'CiliumEndpoint',
  'PodTemplate',
  'Node',
  'CSINode',
  'VolumeAttachment',
  'ComponentStatus',
  'CertificateSigningRequest',
  'IPAddress',
  'CertificateRequest',
  'Order',
  'Challenge',
]);

/** Objects that every namespace has, or that a controller keeps there. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  'ConfigMap/kube-root-ca.crt',
  'ConfigMap/openshift-service-ca.crt',
  'ConfigMap/istio-ca-root-cert',
  'ConfigMap/linkerd-identity-trust-roots',
  'ServiceAccount/default',
  'ServiceAccount/builder',
  'ServiceAccount/deployer',
  'ResourceQuota/gke-resource-quotas',
]);

const MADE_SECRETS = /^(helm\.sh\/release|kubernetes\.io\/service-account-token$|bootstrap\.kubernetes\.io\/token$)/;
/** Whether objects of a kind are never anybody's to declare, so that nobody has to look at them. */
export function isNeverOrphan(kind: string): boolean {
  return MADE.has(kind);
}

const HELM_SECRET = /^sh\.helm\.release\.v1\./;
const OWNING_ANNOTATIONS: readonly string[] = [
  'cert-manager.io/certificate-name',
  'kubernetes.io/service-account.name',
  'control-plane.alpha.kubernetes.io/leader',
];

/** Whether a live object that nobody declares belongs to what has to be declared, and is nobody's by nature. */
export function isOrphan(
  object: JsonObject,
  identity: Identity,
  inventory: Inventory,
  statefulSets: ReadonlySet<string>,
): boolean {
  const metadata = metadataOf(object);
  const inNamespace = identity.namespace !== null && inventory.namespaces.includes(identity.namespace);
  const labelled = inventory.selector !== null && matchesSelector(inventory.selector, textsOf(metadata['labels']));
  if (!(inNamespace || labelled)) return false;
  return !hasOwners(object) && !isKept(object) && !isMade(object, identity, statefulSets);
}

/** Its own annotation says that it stays when nobody declares it any more. */
function isKept(object: JsonObject): boolean {
  const annotations = textsOf(metadataOf(object)['annotations']);
  return KEPT.some(([name, said]) => said.test(annotations[name] ?? ''));
}
const KEPT: readonly (readonly [string, RegExp])[] = [
  ['helm.sh/resource-policy', /\bkeep\b/],
  ['kustomize.toolkit.fluxcd.io/prune', /^disabled$/i],
  ['argocd.argoproj.io/sync-options', /\bPrune=false\b/],
  ['argocd.argoproj.io/compare-options', /\bIgnoreExtraneous\b/],
];

function isMade(object: JsonObject, { kind, namespace, name }: Identity, statefulSets: ReadonlySet<string>): boolean {
  if (MADE.has(kind) || EVERYWHERE.has(`${kind}/${name}`)) return true;
  // OpenShift's own bindings, in every namespace.
  if (kind === 'RoleBinding' && name.startsWith('system:')) return true;
  if (kind === 'Service' && name === 'kubernetes' && namespace === 'default') return true;
  const annotations = textsOf(metadataOf(object)['annotations']);
  if (OWNING_ANNOTATIONS.some((key) => key in annotations)) return true;
  if (kind === 'Secret') return HELM_SECRET.test(name) || MADE_SECRETS.test(textOf(object['type']));
  if (kind === 'ConfigMap')
    return /^[\w.-]+\.v\d+$/.test(name) && textsOf(metadataOf(object)['labels'])['OWNER'] === 'TILLER';
  if (kind === 'PersistentVolumeClaim') return isClaimOf(name, namespace, statefulSets);
  return kind === 'Pod' && isObject(object['metadata']) && 'kubernetes.io/config.mirror' in annotations;
}

/** A StatefulSet's claims, `<template>-<set>-<ordinal>`, outlive it and have no owner. */
function isClaimOf(name: string, namespace: string | null, statefulSets: ReadonlySet<string>): boolean {
  const stem = name.replace(/-\d+$/, '');
  if (stem === name) return false;
  for (let at = stem.indexOf('-'); at >= 0; at = stem.indexOf('-', at + 1)) {
    if (statefulSets.has(`${namespace}/${stem.slice(at + 1)}`)) return true;
  }
  return false;
}
