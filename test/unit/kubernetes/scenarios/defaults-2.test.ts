import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

const FILLED: readonly (readonly [string, string, string])[] = [
  [
    'HorizontalPodAutoscaler',
    `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: a }
spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: a }, behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }`,
    `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: a }
spec:
  minReplicas: 1
  maxReplicas: 3
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: a }
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }]
  behavior:
    scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: Max, policies: [{ type: Pods, value: 4, periodSeconds: 15 }, { type: Percent, value: 100, periodSeconds: 15 }] }
    scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: Max, policies: [{ type: Percent, value: 100, periodSeconds: 15 }] }`,
  ],
  [
    'metrics in another order',
    `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: a }
spec: { maxReplicas: 3, scaleTargetRef: { kind: Deployment, name: a }, metrics: [{ type: Resource, resource: { name: memory, target: { type: AverageValue, averageValue: 1024Mi } } }, { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }, { type: Pods, pods: { metric: { name: rps }, target: { type: AverageValue, averageValue: 1000m } } }] }`,
    `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: a }
spec: { minReplicas: 1, maxReplicas: 3, scaleTargetRef: { kind: Deployment, name: a }, metrics: [{ type: Pods, pods: { metric: { name: rps }, target: { type: AverageValue, averageValue: "1" } } }, { type: Resource, resource: { name: memory, target: { type: AverageValue, averageValue: 1Gi } } }, { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }] }`,
  ],
  [
    'NetworkPolicy',
    `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: a }
spec: { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { a: b } } }], ports: [{ port: 80 }] }], egress: [{ to: [], ports: [{ port: 53, protocol: UDP }] }] }`,
    `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: a }
spec: { podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ from: [{ podSelector: { matchLabels: { a: b } } }], ports: [{ port: 80, protocol: TCP }] }], egress: [{ ports: [{ port: 53, protocol: UDP }] }] }`,
  ],
  [
    'RBAC',
    `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: a }
roleRef: { kind: ClusterRole, name: a }
subjects: [{ kind: ServiceAccount, name: a, namespace: b }, { kind: User, name: u }, { kind: Group, name: g }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: all }
aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: b } }] }
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: none }
rules: null`,
    `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a }
subjects: [{ kind: ServiceAccount, name: a, namespace: b }, { apiGroup: rbac.authorization.k8s.io, kind: User, name: u }, { apiGroup: rbac.authorization.k8s.io, kind: Group, name: g }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: all }
aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: b } }] }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: none }
rules: []`,
  ],
  [
    'webhooks',
    `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: a, annotations: { cert-manager.io/inject-ca-from: x/y } }
webhooks: [{ name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], clientConfig: { service: { name: a, namespace: b, path: /x } }, rules: [{ apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE] }] }]`,
    `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: a, annotations: { cert-manager.io/inject-ca-from: x/y } }
webhooks: [{ name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], failurePolicy: Fail, matchPolicy: Equivalent, namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10, clientConfig: { caBundle: LS0tLS1CRUdJTi0=, service: { name: a, namespace: b, path: /x, port: 443 } }, rules: [{ apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE], scope: "*" }] }]`,
  ],
  [
    'CustomResourceDefinition',
    `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.acme.example, annotations: { controller-gen.kubebuilder.io/version: v0.1.0 }, creationTimestamp: null }
spec:
  group: acme.example
  names: { kind: Thing, plural: things }
  scope: Namespaced
  preserveUnknownFields: false
  conversion: { strategy: Webhook, webhook: { conversionReviewVersions: [v1], clientConfig: { caBundle: Cg==, service: { name: a, namespace: b } } } }
  versions: [{ name: v1, served: true, storage: true, subresources: { status: {} }, additionalPrinterColumns: [{ name: A, type: string, jsonPath: .a, priority: 0, descriptionone: "" }], schema: { openAPIV3Schema: { type: object, description: "", properties: { a: { type: integer, format: int32, minimum: 0, default: 0 } } } } }]
status: { acceptedNames: { kind: "", plural: "" }, conditions: [], storedVersions: [] }`,
    `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.acme.example, annotations: { controller-gen.kubebuilder.io/version: v0.1.0 } }
spec:
  group: acme.example
  names: { kind: Thing, plural: things, singular: thing, listKind: ThingList }
  scope: Namespaced
  conversion: { strategy: Webhook, webhook: { conversionReviewVersions: [v1], clientConfig: { caBundle: LS0tLS1CRUdJTi0=, service: { name: a, namespace: b, port: 443 } } } }
  versions: [{ name: v1, served: true, storage: true, subresources: { status: {} }, additionalPrinterColumns: [{ name: A, type: string, jsonPath: .a }], schema: { openAPIV3Schema: { type: object, properties: { a: { type: integer, format: int32, minimum: 0, default: 0 } } } } }]
status: { acceptedNames: { kind: Thing, plural: things }, conditions: [], storedVersions: [v1] }`,
  ],
  [
    'APIService',
    `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1.a.b }
spec: { group: a.b, version: v1, groupPriorityMinimum: 100, versionPriority: 100, service: { name: a, namespace: b } }`,
    `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1.a.b }
spec: { group: a.b, version: v1, groupPriorityMinimum: 100, versionPriority: 100, caBundle: LS0tLS1CRUdJTi0=, service: { name: a, namespace: b, port: 443 } }`,
  ],
  [
    'claims and volumes',
    `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: a }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 8192Mi } }, dataSource: { kind: PersistentVolumeClaim, name: b } }
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: v }
spec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], hostPath: { path: /x }, claimRef: { name: a, namespace: default } }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: s }
provisioner: x
parameters: { a: "" }`,
    `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: a, annotations: { pv.kubernetes.io/bind-completed: "yes", volume.kubernetes.io/storage-provisioner: x }, finalizers: [kubernetes.io/pvc-protection] }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 8Gi } }, dataSource: { kind: PersistentVolumeClaim, name: b }, dataSourceRef: { kind: PersistentVolumeClaim, name: b }, volumeName: v, volumeMode: Filesystem, storageClassName: standard }
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: v, finalizers: [kubernetes.io/pv-protection] }
spec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], hostPath: { path: /x, type: "" }, claimRef: { apiVersion: v1, kind: PersistentVolumeClaim, name: a, namespace: default, uid: x, resourceVersion: "1" }, persistentVolumeReclaimPolicy: Retain, volumeMode: Filesystem }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: s }
provisioner: x
parameters: { a: "" }
reclaimPolicy: Delete
volumeBindingMode: Immediate`,
  ],
  [
    'accounts and secrets',
    `
apiVersion: v1
kind: ServiceAccount
metadata: { name: a }
secrets: [{ name: mine }]
imagePullSecrets: []
---
apiVersion: v1
kind: Secret
metadata: { name: s }
stringData: { a: b }
data: { c: ZA==, none: null }
---
apiVersion: v1
kind: Secret
metadata: { name: t, annotations: { kubernetes.io/service-account.name: a } }
type: kubernetes.io/service-account-token
data: {}`,
    `
apiVersion: v1
kind: ServiceAccount
metadata: { name: a }
secrets: [{ name: mine }, { name: a-token-abcde }]
---
apiVersion: v1
kind: Secret
metadata: { name: s }
type: Opaque
data: { a: Yg==, c: ZA==, none: "" }
---
apiVersion: v1
kind: Secret
metadata: { name: t, annotations: { kubernetes.io/service-account.name: a, kubernetes.io/service-account.uid: x } }
type: kubernetes.io/service-account-token
data: { token: eA==, ca.crt: eA==, namespace: eA== }`,
  ],
  [
    'limits',
    `
apiVersion: v1
kind: LimitRange
metadata: { name: a }
spec: { limits: [{ type: Container, max: { cpu: 2000m } }] }
---
apiVersion: v1
kind: ResourceQuota
metadata: { name: a }
spec: { hard: { requests.cpu: 4000m, pods: 10 } }
---
apiVersion: v1
kind: Namespace
metadata: { name: ns }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: a }
spec: { minAvailable: 50%, selector: { matchLabels: { a: b } } }
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: a }
value: 1000
globalDefault: false`,
    `
apiVersion: v1
kind: LimitRange
metadata: { name: a }
spec: { limits: [{ type: Container, max: { cpu: "2" }, default: { cpu: "2" }, defaultRequest: { cpu: "2" } }] }
---
apiVersion: v1
kind: ResourceQuota
metadata: { name: a }
spec: { hard: { requests.cpu: "4", pods: "10" } }
---
apiVersion: v1
kind: Namespace
metadata: { name: ns, labels: { kubernetes.io/metadata.name: ns } }
spec: { finalizers: [kubernetes] }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: a }
spec: { minAvailable: 50%, selector: { matchLabels: { a: b } } }
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: a }
value: 1000
preemptionPolicy: PreemptLowerPriority`,
  ],
  [
    'Ingress',
    `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: a }
spec: { rules: [{ host: a.b, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }] } }] }`,
    `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: a }
spec: { ingressClassName: nginx, rules: [{ host: a.b, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }] } }] }
status: { loadBalancer: { ingress: [{ ip: 1.2.3.4 }] } }`,
  ],
];

describe('what the server fills in is no difference', () => {
  it.each(FILLED)('%s', (_name, declared, live) => {
    const judged = judgeTexts(declared, live);
    expect(changesOf(judged)).toEqual([]);
    expect([judged.verdict, judged.coverage.uncovered]).toEqual(['in-sync', []]);
  });
});
