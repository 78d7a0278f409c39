import { isList, isObject, type Json, type JsonObject, textOf } from '../json.ts';
import { metadataOf } from '../objects.ts';
import { type Path, shapeText } from '../path.ts';
import { BOOKKEEPING, CONTROLLERS_BOOKS, INJECTING } from './books-of-tools.ts';

/** What a difference of one object is forgiven for, since the server, a controller or the applier itself makes it. */
export interface Tolerance {
  /** What nobody ever declares: bookkeeping of tools. Not even our applier having sent it is evidence. */
  isBookkeeping(path: Path, live: Json): boolean;
  /** Fields that the server or a controller fills in. */
  isControllers(path: Path): boolean;
  /** Elements that the cluster puts into every Pod. */
  isInjected(path: Path, element: Json): boolean;
  /** Declared, and yet somebody else's to set. */
  isDelegated(path: Path, declared: Json): boolean;
}

export interface ToleratedObject {
  readonly group: string;
  readonly kind: string;
  readonly declared: JsonObject;
  readonly live: JsonObject;
  /** An autoscaler sets the replicas. */
  readonly isScaled: boolean;
}

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'Rollout']);

/** Fields by kind (`*`: any), that the server or a controller sets (kapp's rebase rules; facts/kubernetes.md §3). */
const CONTROLLERS: Readonly<Record<string, readonly string[]>> = {
  '*': ['metadata.finalizers', 'metadata.ownerReferences', 'metadata.deletionTimestamp'],
  Service: [
    'spec.clusterIP',
    'spec.clusterIPs',
    'spec.ipFamilies',
    'spec.ipFamilyPolicy',
    'spec.ports[].nodePort',
    'spec.healthCheckNodePort',
    'spec.externalTrafficPolicy',
    'spec.internalTrafficPolicy',
    'spec.allocateLoadBalancerNodePorts',
    'spec.loadBalancerClass',
  ],
  PersistentVolumeClaim: ['spec.volumeName', 'spec.storageClassName', 'spec.volumeMode'],
  PersistentVolume: ['spec.claimRef', 'spec.nodeAffinity'],
  StatefulSet: [
    'spec.volumeClaimTemplates[].apiVersion',
    'spec.volumeClaimTemplates[].kind',
    'spec.volumeClaimTemplates[].status',
    'spec.volumeClaimTemplates[].metadata.creationTimestamp',
  ],
  Job: ['spec.selector', 'spec.template.metadata.labels'],
  Namespace: ['spec.finalizers'],
  ServiceAccount: ['secrets', 'imagePullSecrets'],
  MutatingWebhookConfiguration: ['webhooks[].clientConfig.caBundle'],
  ValidatingWebhookConfiguration: ['webhooks[].clientConfig.caBundle'],
  CustomResourceDefinition: [
    'spec.conversion.webhook.clientConfig.caBundle',
    'spec.conversion.webhookClientConfig.caBundle',
  ],
  APIService: ['spec.caBundle'],
  Pod: [
    'spec.nodeName',
    'spec.tolerations',
    'spec.serviceAccount',
    'spec.serviceAccountName',
    'spec.priority',
    'spec.containers[].resources.requests',
    'spec.ephemeralContainers',
    'metadata.labels',
  ],
  Node: ['spec.podCIDR', 'spec.podCIDRs', 'spec.providerID', 'spec.taints', 'metadata.labels', 'metadata.annotations'],
  LimitRange: ['spec.limits[].default', 'spec.limits[].defaultRequest'],
  CertificateSigningRequest: ['spec.username', 'spec.uid', 'spec.groups', 'spec.extra'],
};

/** Whether the server or a controller sets a field of a kind, `spec.clusterIP` for instance. */
export const isControllersField = (kind: string, shape: string): boolean =>
  Object.hasOwn(CONTROLLERS, kind) && CONTROLLERS[kind]?.includes(shape) === true;

/** What admission puts into Pods, by name or mount path, where `managedFields` cannot tell. */
const INJECTED =
  /^(kube-api-access-\w+|default-token-\w+|aws-iam-token|eks-pod-identity-token|AWS_(ROLE_ARN|WEB_IDENTITY_TOKEN_FILE|DEFAULT_REGION|REGION|STS_REGIONAL_ENDPOINTS|CONTAINER_CREDENTIALS_FULL_URI|CONTAINER_AUTHORIZATION_TOKEN_FILE)|\/var\/run\/secrets\/(kubernetes\.io|eks\.amazonaws\.com|pods\.eks\.amazonaws\.com)\/serviceaccount)$/;

const PEM_IN_BASE64 = /^LS0tLS1CRUdJTi/;

export function toleranceOf(object: ToleratedObject): Tolerance {
  const { kind, live, declared, isScaled } = object;
  const fields = new Set([
    ...(CONTROLLERS['*'] ?? []),
    ...(Object.hasOwn(CONTROLLERS, kind) ? (CONTROLLERS[kind] ?? []) : []),
  ]);
  if (isTokenSecret(declared, live, kind)) fields.add('data');
  const aggregated = kind === 'ClusterRole' && (hasKey(declared, 'aggregationRule') || hasKey(live, 'aggregationRule'));
  if (aggregated) fields.add('rules');
  const isArgo = isAppliedByArgo(live);
  const isInjecting = injectsBundle(declared);
  const scales = isScaled && WORKLOADS.has(kind);
  if (scales) fields.add('spec.replicas');
  return {
    isBookkeeping(path, value) {
      const label = labelAt(path);
      if (label === null) return aggregated && shapeText(path) === 'rules';
      return (
        BOOKKEEPING.has(label) ||
        (value === 'Helm' && label === 'app.kubernetes.io/managed-by') ||
        (isArgo && label === 'app.kubernetes.io/instance')
      );
    },
    isControllers: (path) => fields.has(shapeText(path)) || isBelowControllers(path, fields),
    isInjected: (path, element) =>
      isInjected(element) ||
      (kind === 'Pod' && shapeText(path) === 'spec.tolerations[]' && isDefaultToleration(element)) ||
      (kind === 'ServiceAccount' && isMadePullSecret(element)),
    isDelegated(path, value) {
      if (aggregated && shapeText(path) === 'rules') return true;
      if (CONTROLLERS_BOOKS.has(labelAt(path) ?? '')) return true;
      if (scales && shapeText(path) === 'spec.replicas') return true;
      // Server-chosen addresses: declared as "" is "choose one".
      if (value === '') return fields.has(shapeText(path));
      return isBundle(path) && fields.has(shapeText(path)) && (isInjecting || isPlaceholder(value));
    },
  };
}

const hasKey = (object: JsonObject, key: string): boolean => object[key] !== undefined && object[key] !== null;

/** A bundle that is not a certificate waits for one to be put in its place. */
const isPlaceholder = (value: Json): boolean => typeof value === 'string' && !PEM_IN_BASE64.test(value);

/**
 * Argo CD marks what it applied with a label that it takes from nowhere but its own settings. Where nothing tells who
 * applies, it may be Argo CD.
 */
function isAppliedByArgo(live: JsonObject): boolean {
  const { managedFields } = metadataOf(live);
  if (!isList(managedFields) || managedFields.length === 0) return true;
  return managedFields.some((of) => isObject(of) && /^argocd/.test(textOf(of['manager'])));
}

/** Whether the declaration asks a controller to put a certificate in, whatever stands there. */
function injectsBundle(declared: JsonObject): boolean {
  const { annotations } = metadataOf(declared);
  return isObject(annotations) && Object.keys(annotations).some((name) => INJECTING.has(name));
}

/** The token controller fills in the Secret of a service account. */
function isTokenSecret(declared: JsonObject, live: JsonObject, kind: string): boolean {
  if (kind !== 'Secret') return false;
  return [declared['type'], live['type']].includes('kubernetes.io/service-account-token');
}

/** Inside a field that is a controller's as a whole. */
function isBelowControllers(path: Path, fields: ReadonlySet<string>): boolean {
  for (let at = path?.parent ?? null; at !== null; at = at.parent) {
    if (fields.has(shapeText(at))) return true;
  }
  return false;
}

/** The name of a label or annotation; null: the place is none. */
function labelAt(path: Path): string | null {
  const [step, map] = [path?.step, path?.parent?.step];
  if (step === undefined || map === undefined || !('field' in step) || !('field' in map)) return null;
  return map.field === 'labels' || map.field === 'annotations' ? step.field : null;
}

const isBundle = (path: Path): boolean => path !== null && 'field' in path.step && path.step.field.endsWith('caBundle');

function isInjected(element: Json): boolean {
  if (!isObject(element)) return false;
  return [element['name'], element['mountPath']].some((name) => typeof name === 'string' && INJECTED.test(name));
}

/** OpenShift gives every account a pull secret for its own registry. */
const isMadePullSecret = (element: Json): boolean =>
  isObject(element) && typeof element['name'] === 'string' && /-dockercfg-\w{5}$/.test(element['name']);

/** Admission lets every Pod outlive its node's trouble for a while. */
function isDefaultToleration(element: Json): boolean {
  return isObject(element) && /^node\.kubernetes\.io\/(?:not-ready|unreachable)$/.test(textOf(element['key']));
}
