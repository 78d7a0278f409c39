import type { Json, JsonObject } from '../json.ts';
import { isList, isObject } from '../json.ts';

type Default = Json | ((parent: JsonObject) => Json | undefined);
type Defaults = Readonly<Record<string, Default>>;

const ALWAYS_PULLED = /^(?!.*@)(?:[^:]*|.*:latest|.*\/[^:]*)$/;

/** `Always` for an image without a tag or with `latest`, unless it has a digest. */
function pullPolicy({ image }: JsonObject): Json | undefined {
  if (typeof image !== 'string') return undefined;
  return ALWAYS_PULLED.test(image) ? 'Always' : 'IfNotPresent';
}

const container: Defaults = {
  imagePullPolicy: pullPolicy,
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  resources: {},
};
const podSpec: Defaults = {
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
  schedulerName: 'default-scheduler',
  enableServiceLinks: true,
  preemptionPolicy: 'PreemptLowerPriority',
  priority: 0,
  serviceAccount: ({ serviceAccountName }) => serviceAccountName,
};
const files: Defaults = { defaultMode: 420 };
const webhook = (version: 'v1' | 'v1beta1'): Defaults => ({
  failurePolicy: version === 'v1' ? 'Fail' : 'Ignore',
  matchPolicy: version === 'v1' ? 'Equivalent' : 'Exact',
  namespaceSelector: {},
  objectSelector: {},
  timeoutSeconds: version === 'v1' ? 10 : 30,
  reinvocationPolicy: 'Never',
});
const rules: Defaults = { scope: '*' };
const matchResources: Defaults = { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} };
const port443: Defaults = { port: 443 };
const claimSpec: Defaults = { volumeMode: 'Filesystem', resources: {} };

const tolerated: Defaults = { operator: 'Equal' };

/** Protocol that most ports have. */
const tcp: Defaults = { protocol: 'TCP' };

/**
 * What the API server puts where nothing is declared, by type (pkg/apis/*\/defaults.go; facts/kubernetes.md §4.2:
 * OpenAPI does not tell). Only ever used to know a default when it is seen, never to fill in a declaration.
 */
export const DEFAULTS: Readonly<Record<string, Defaults>> = {
  V1DeploymentSpec: {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  },
  V1DeploymentStrategy: {
    type: 'RollingUpdate',
    rollingUpdate: ({ type }) =>
      type === undefined || type === 'RollingUpdate' ? { maxSurge: '25%', maxUnavailable: '25%' } : undefined,
  },
  V1RollingUpdateDeployment: { maxSurge: '25%', maxUnavailable: '25%' },
  V1DaemonSetSpec: {
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  },
  V1DaemonSetUpdateStrategy: {
    type: 'RollingUpdate',
    rollingUpdate: ({ type }) =>
      type === undefined || type === 'RollingUpdate' ? { maxSurge: 0, maxUnavailable: 1 } : undefined,
  },
  V1RollingUpdateDaemonSet: { maxSurge: 0, maxUnavailable: 1 },
  V1StatefulSetSpec: {
    replicas: 1,
    revisionHistoryLimit: 10,
    podManagementPolicy: 'OrderedReady',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  },
  V1StatefulSetUpdateStrategy: {
    type: 'RollingUpdate',
    rollingUpdate: ({ type }) => (type === undefined || type === 'RollingUpdate' ? { partition: 0 } : undefined),
  },
  V1RollingUpdateStatefulSetStrategy: { partition: 0, maxUnavailable: 1 },
  V1StatefulSetPersistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  V1ReplicaSetSpec: { replicas: 1 },
  V1ReplicationControllerSpec: { replicas: 1 },
  V1PodSpec: podSpec,
  V1Container: container,
  V1EphemeralContainer: container,
  V1ContainerPort: tcp,
  V1Probe: { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  V1HTTPGetAction: { path: '/', scheme: 'HTTP' },
  V1GRPCAction: { service: '' },
  V1ObjectFieldSelector: { apiVersion: 'v1' },
  V1ResourceFieldSelector: { divisor: '0' },
  V1SecurityContext: { procMount: 'Default' },
  // A volume without any source.
  V1Volume: {
    emptyDir: (volume) => (Object.keys(volume).every((key) => key === 'name' || key === 'emptyDir') ? {} : undefined),
  },
  V1VolumeMount: { recursiveReadOnly: 'Disabled' },
  V1SecretVolumeSource: files,
  V1ConfigMapVolumeSource: files,
  V1DownwardAPIVolumeSource: files,
  V1ProjectedVolumeSource: files,
  V1ServiceAccountTokenProjection: { expirationSeconds: 3600 },
  V1HostPathVolumeSource: { type: '' },
  V1ISCSIVolumeSource: { iscsiInterface: 'default' },
  V1ISCSIPersistentVolumeSource: { iscsiInterface: 'default' },
  V1RBDVolumeSource: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
  V1RBDPersistentVolumeSource: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
  V1AzureDiskVolumeSource: { cachingMode: 'ReadWrite', fsType: 'ext4', kind: 'Shared', readOnly: false },
  V1ScaleIOVolumeSource: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
  V1ScaleIOPersistentVolumeSource: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
  V1TopologySpreadConstraint: { nodeAffinityPolicy: 'Honor', nodeTaintsPolicy: 'Ignore' },
  V1PersistentVolumeClaimSpec: claimSpec,
  V1PersistentVolumeSpec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' },
  V1ServiceSpec: {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    allocateLoadBalancerNodePorts: true,
    ipFamilyPolicy: 'SingleStack',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
  },
  V1ClientIPConfig: { timeoutSeconds: 10800 },
  V1ServicePort: { protocol: 'TCP', targetPort: ({ port }) => port },
  CoreV1EndpointPort: tcp,
  DiscoveryV1EndpointPort: { protocol: 'TCP', name: '' },
  V1Secret: { type: 'Opaque' },
  V1NamespaceSpec: { finalizers: ['kubernetes'] },
  V1JobSpec: {
    parallelism: 1,
    completions: ({ parallelism }) => (parallelism === undefined || parallelism === 1 ? 1 : undefined),
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: ({ podFailurePolicy }) => (podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'),
  },
  V1PodFailurePolicyOnPodConditionsPattern: { status: 'True' },
  V1CronJobSpec: {
    concurrencyPolicy: 'Allow',
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  },
  V2HorizontalPodAutoscalerSpec: {
    minReplicas: 1,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
  },
  V1HorizontalPodAutoscalerSpec: { minReplicas: 1, targetCPUUtilizationPercentage: 80 },
  V2HorizontalPodAutoscalerBehavior: {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
  },
  V2HPAScalingRules: {
    selectPolicy: 'Max',
    stabilizationWindowSeconds: 0,
    policies: ({ policies }) => (isList(policies) && isDefaultScaling(policies) ? policies : undefined),
  },
  V1NetworkPolicySpec: {
    podSelector: {},
    policyTypes: ({ egress }) => (egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']),
  },
  V1NetworkPolicyPort: tcp,
  V1RoleRef: { apiGroup: 'rbac.authorization.k8s.io' },
  RbacV1Subject: { apiGroup: subjectGroup },
  V1MutatingWebhook: webhook('v1'),
  V1ValidatingWebhook: webhook('v1'),
  V1RuleWithOperations: rules,
  V1NamedRuleWithOperations: rules,
  V1beta1NamedRuleWithOperations: rules,
  V1alpha1NamedRuleWithOperations: rules,
  V1MatchResources: matchResources,
  V1beta1MatchResources: matchResources,
  V1alpha1MatchResources: matchResources,
  V1ValidatingAdmissionPolicySpec: { failurePolicy: 'Fail' },
  V1MutatingAdmissionPolicySpec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never' },
  V1beta1MutatingAdmissionPolicySpec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never' },
  V1alpha1MutatingAdmissionPolicySpec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never' },
  V1ParamRef: { parameterNotFoundAction: 'Deny' },
  AdmissionregistrationV1ServiceReference: port443,
  ApiextensionsV1ServiceReference: port443,
  ApiregistrationV1ServiceReference: port443,
  V1StorageClass: { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
  V1CSIDriverSpec: {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    requiresRepublish: false,
    seLinuxMount: false,
    volumeLifecycleModes: ['Persistent'],
  },
  V1PriorityClass: { preemptionPolicy: 'PreemptLowerPriority', globalDefault: false },
  V1FlowSchemaSpec: { matchingPrecedence: 1000 },
  V1LimitedPriorityLevelConfiguration: { nominalConcurrencyShares: 30, lendablePercent: 0 },
  V1ExemptPriorityLevelConfiguration: { nominalConcurrencyShares: 0, lendablePercent: 0 },
  V1QueuingConfiguration: { queues: 64, handSize: 8, queueLengthLimit: 50 },
  V1CustomResourceDefinitionSpec: { conversion: { strategy: 'None' }, preserveUnknownFields: false },
  V1CustomResourceDefinitionNames: {
    singular: ({ kind }) => (typeof kind === 'string' ? kind.toLowerCase() : undefined),
    listKind: ({ kind }) => (typeof kind === 'string' ? `${kind}List` : undefined),
  },
  V1CertificateSigningRequestSpec: { expirationSeconds: 86400 },
  V1LimitRangeItem: { default: ({ max }) => max, defaultRequest: ({ default: given, max }) => given ?? max },
  V1DeviceToleration: tolerated,
  V1beta2DeviceToleration: tolerated,
  V1beta1DeviceToleration: tolerated,
  V1alpha3DeviceToleration: tolerated,
  V1beta1PodCertificateRequestSpec: { maxExpirationSeconds: 86400 },
  V1alpha3ResourcePoolStatusRequestSpec: { limit: 100 },
  // Of networking.k8s.io/v1beta1: in v1 it has to be declared.
  V1HTTPIngressPath: { pathType: 'ImplementationSpecific' },
};

/** Subjects that are service accounts belong to the core group. */
function subjectGroup({ kind }: JsonObject): Json | undefined {
  return kind === 'ServiceAccount' ? '' : 'rbac.authorization.k8s.io';
}

/** The policies that the autoscaler gets when a behaviour names none. */
function isDefaultScaling(policies: readonly Json[]): boolean {
  const known = new Set(['Pods 4 15', 'Percent 100 15']);
  return policies.every(
    (policy) => isObject(policy) && known.has(`${policy['type']} ${policy['value']} ${policy['periodSeconds']}`),
  );
}

/**
 * Fields of Go that are pointers and mean something else when they are not there than when they are zero. The server
 * keeps a zero that was declared, so a live object without it has lost it. (k8s.io/api types.go; those with a default
 * other than zero are known from `DEFAULTS` unless they are in `PLAIN`.)
 */
export const POINTERS: Readonly<Record<string, readonly string[]>> = {
  V1SecurityContext: [
    'allowPrivilegeEscalation',
    'runAsNonRoot',
    'runAsUser',
    'runAsGroup',
    'readOnlyRootFilesystem',
    'privileged',
  ],
  V1PodSecurityContext: ['runAsNonRoot', 'runAsUser', 'runAsGroup', 'fsGroup'],
  V1PodSpec: [
    'automountServiceAccountToken',
    'hostUsers',
    'activeDeadlineSeconds',
    'shareProcessNamespace',
    'setHostnameAsFQDN',
  ],
  V1ServiceAccount: ['automountServiceAccountToken'],
  V1PersistentVolumeClaimSpec: ['storageClassName'],
  V1JobSpec: [
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
    'activeDeadlineSeconds',
    'completions',
  ],
  V1CronJobSpec: ['startingDeadlineSeconds'],
  V1PodDisruptionBudgetSpec: ['minAvailable', 'maxUnavailable'],
  V2HPAScalingRules: ['stabilizationWindowSeconds'],
  V1Toleration: ['tolerationSeconds'],
  V1Probe: ['terminationGracePeriodSeconds'],
  V1StorageClass: ['allowVolumeExpansion'],
  V1NetworkPolicyPort: ['port', 'endPort'],
};

/** Fields that are no pointers although they have a default: a zero is as good as nothing (facts: r093). */
export const PLAIN: Readonly<Record<string, readonly string[]>> = {
  V1Probe: ['timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'],
  V1Container: ['imagePullPolicy', 'terminationMessagePath', 'terminationMessagePolicy'],
  V1EphemeralContainer: ['imagePullPolicy', 'terminationMessagePath', 'terminationMessagePolicy'],
  V1PodSpec: ['dnsPolicy', 'restartPolicy', 'schedulerName', 'serviceAccount'],
  V1ContainerPort: ['protocol'],
  V1ServiceSpec: ['type', 'sessionAffinity', 'externalTrafficPolicy'],
  V1ServicePort: ['protocol', 'targetPort'],
  V1HTTPGetAction: ['path', 'scheme'],
  V1ObjectFieldSelector: ['apiVersion'],
  V1ResourceFieldSelector: ['divisor'],
  V1DeploymentStrategy: ['type'],
  V1DaemonSetUpdateStrategy: ['type'],
  V1StatefulSetUpdateStrategy: ['type'],
  V1StatefulSetSpec: ['podManagementPolicy'],
  V1PersistentVolumeSpec: ['persistentVolumeReclaimPolicy'],
  V1Secret: ['type'],
  V1CronJobSpec: ['concurrencyPolicy'],
  V1RoleRef: ['apiGroup'],
  RbacV1Subject: ['apiGroup'],
  CoreV1EndpointPort: ['protocol'],
};

/** Structs whose being there says something, even when they are empty: `{}` selects everything, or names a variant. */
export const TELLING: ReadonlySet<string> = new Set([
  'emptyDir',
  'podSelector',
  'namespaceSelector',
  'objectSelector',
  'labelSelector',
  'selector',
  'exempt',
  'limited',
]);
