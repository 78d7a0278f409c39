import { describe, expect, it } from 'vitest';
import { changesOf, judgeTexts } from '../judging.ts';

/** What a person writes, and what a server makes of it (pkg/apis/*\/defaults.go and what controllers add). */
const FILLED: readonly (readonly [string, string, string])[] = [
  [
    'Deployment',
    `
apiVersion: apps/v1
kind: Deployment
metadata: { name: a }
spec:
  selector: { matchLabels: { app: a } }
  template:
    metadata: { labels: { app: a }, creationTimestamp: null }
    spec:
      initContainers: [{ name: i, image: "busybox:latest" }]
      containers:
        - name: a
          image: reg.example:5000/a
          ports: [{ containerPort: 80 }, { name: dns, containerPort: 53, protocol: UDP }]
          env:
            - { name: IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
            - { name: CPU, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }
          livenessProbe: { httpGet: { port: 80 } }
          readinessProbe: { grpc: { port: 9000 } }
          startupProbe: { tcpSocket: { port: dns } }
          lifecycle: { preStop: { httpGet: { port: 80 } } }
      volumes:
        - { name: none }
        - { name: s, secret: { secretName: s } }
        - { name: c, configMap: { name: c, items: [{ key: a, path: b }] } }
        - { name: d, downwardAPI: { items: [{ path: l, fieldRef: { fieldPath: metadata.labels } }] } }
        - { name: p, projected: { sources: [{ serviceAccountToken: { path: t } }, { downwardAPI: { items: [{ path: l, fieldRef: { fieldPath: metadata.labels } }] } }] } }
        - { name: h, hostPath: { path: /h } }
        - { name: i, iscsi: { targetPortal: a, iqn: b, lun: 0 } }
        - { name: e, ephemeral: { volumeClaimTemplate: { spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1024Mi } } } } } }
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule }]`,
    `
apiVersion: apps/v1
kind: Deployment
metadata: { name: a, namespace: default, uid: x, generation: 3, annotations: { deployment.kubernetes.io/revision: "3" } }
spec:
  replicas: 1
  revisionHistoryLimit: 10
  progressDeadlineSeconds: 600
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 25%, maxUnavailable: 25% } }
  selector: { matchLabels: { app: a } }
  template:
    metadata: { labels: { app: a }, creationTimestamp: null }
    spec:
      dnsPolicy: ClusterFirst
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {}
      terminationGracePeriodSeconds: 30
      initContainers: [{ name: i, image: "busybox:latest", imagePullPolicy: Always, resources: {}, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File }]
      containers:
        - name: a
          image: reg.example:5000/a
          imagePullPolicy: Always
          resources: {}
          terminationMessagePath: /dev/termination-log
          terminationMessagePolicy: File
          ports: [{ containerPort: 80, protocol: TCP }, { name: dns, containerPort: 53, protocol: UDP }]
          env:
            - { name: IP, valueFrom: { fieldRef: { apiVersion: v1, fieldPath: status.podIP } } }
            - { name: CPU, valueFrom: { resourceFieldRef: { resource: limits.cpu, divisor: "0" } } }
          livenessProbe: { httpGet: { port: 80, path: /, scheme: HTTP }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }
          readinessProbe: { grpc: { port: 9000, service: "" }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }
          startupProbe: { tcpSocket: { port: dns }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }
          lifecycle: { preStop: { httpGet: { port: 80, path: /, scheme: HTTP } } }
      volumes:
        - { name: none, emptyDir: {} }
        - { name: s, secret: { secretName: s, defaultMode: 420 } }
        - { name: c, configMap: { name: c, defaultMode: 420, items: [{ key: a, path: b }] } }
        - { name: d, downwardAPI: { defaultMode: 420, items: [{ path: l, fieldRef: { apiVersion: v1, fieldPath: metadata.labels } }] } }
        - { name: p, projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: t, expirationSeconds: 3600 } }, { downwardAPI: { items: [{ path: l, fieldRef: { apiVersion: v1, fieldPath: metadata.labels } }] } }] } }
        - { name: h, hostPath: { path: /h, type: "" } }
        - { name: i, iscsi: { targetPortal: a, iqn: b, lun: 0, iscsiInterface: default } }
        - { name: e, ephemeral: { volumeClaimTemplate: { metadata: { creationTimestamp: null }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } }, volumeMode: Filesystem } } } }
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, nodeAffinityPolicy: Honor, nodeTaintsPolicy: Ignore }]
status: { replicas: 1 }`,
  ],
  [
    'Deployment with Recreate',
    `
apiVersion: apps/v1
kind: Deployment
metadata: { name: a }
spec: { strategy: { type: Recreate }, template: { spec: { containers: [{ name: a, image: "a:1" }], hostNetwork: true } } }`,
    `
apiVersion: apps/v1
kind: Deployment
metadata: { name: a }
spec: { replicas: 1, strategy: { type: Recreate }, template: { spec: { containers: [{ name: a, image: "a:1", imagePullPolicy: IfNotPresent }], hostNetwork: true } } }`,
  ],
  [
    'StatefulSet',
    `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: db
  selector: { matchLabels: { app: db } }
  template: { metadata: { labels: { app: db } }, spec: { containers: [{ name: db, image: "db@sha256:abc" }] } }
  volumeClaimTemplates:
    - metadata: { name: data, labels: { a: b } }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 10240Mi } } }
    - metadata: { name: log }
      spec: { accessModes: [ReadWriteOnce], storageClassName: fast, resources: { requests: { storage: 1Gi } } }`,
    `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 1
  revisionHistoryLimit: 10
  podManagementPolicy: OrderedReady
  persistentVolumeClaimRetentionPolicy: { whenDeleted: Retain, whenScaled: Retain }
  updateStrategy: { type: RollingUpdate, rollingUpdate: { partition: 0 } }
  serviceName: db
  selector: { matchLabels: { app: db } }
  template: { metadata: { labels: { app: db }, creationTimestamp: null }, spec: { containers: [{ name: db, image: "db@sha256:abc", imagePullPolicy: IfNotPresent }] } }
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: { name: data, labels: { a: b }, creationTimestamp: null }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 10Gi } }, volumeMode: Filesystem }
      status: { phase: Pending }
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: { name: log, creationTimestamp: null }
      spec: { accessModes: [ReadWriteOnce], storageClassName: fast, resources: { requests: { storage: 1Gi } }, volumeMode: Filesystem }
      status: { phase: Pending }`,
  ],
  [
    'DaemonSet',
    `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: a }
spec: { selector: { matchLabels: { app: a } }, template: { metadata: { labels: { app: a } }, spec: { hostNetwork: true, containers: [{ name: a, image: a, ports: [{ containerPort: 80 }] }] } } }`,
    `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: a, annotations: { deprecated.daemonset.template.generation: "1" } }
spec:
  revisionHistoryLimit: 10
  updateStrategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }
  selector: { matchLabels: { app: a } }
  template: { metadata: { labels: { app: a } }, spec: { hostNetwork: true, containers: [{ name: a, image: a, ports: [{ containerPort: 80, hostPort: 80, protocol: TCP }] }] } }`,
  ],
  [
    'Job',
    `
apiVersion: batch/v1
kind: Job
metadata: { name: a }
spec: { template: { metadata: { labels: { app: a } }, spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } } }`,
    `
apiVersion: batch/v1
kind: Job
metadata: { name: a, labels: { app: a, controller-uid: x, job-name: a } }
spec:
  parallelism: 1
  completions: 1
  backoffLimit: 6
  completionMode: NonIndexed
  suspend: false
  manualSelector: false
  podReplacementPolicy: TerminatingOrFailed
  selector: { matchLabels: { batch.kubernetes.io/controller-uid: x } }
  template: { metadata: { labels: { app: a, controller-uid: x, job-name: a, batch.kubernetes.io/controller-uid: x, batch.kubernetes.io/job-name: a } }, spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } }`,
  ],
  [
    'CronJob',
    `
apiVersion: batch/v1
kind: CronJob
metadata: { name: a }
spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } } } } }`,
    `
apiVersion: batch/v1
kind: CronJob
metadata: { name: a }
spec:
  schedule: "* * * * *"
  concurrencyPolicy: Allow
  suspend: false
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 1
  jobTemplate: { metadata: { creationTimestamp: null }, spec: { template: { metadata: { creationTimestamp: null }, spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } } } }`,
  ],
  [
    'Pod',
    `
apiVersion: v1
kind: Pod
metadata: { name: a, labels: { app: a } }
spec:
  hostNetwork: true
  tolerations: [{ key: a, operator: Exists }]
  priorityClassName: high
  containers:
    - name: a
      image: a
      ports: [{ containerPort: 80 }]
      resources: { limits: { cpu: 1, memory: 1Gi }, requests: { cpu: 500m } }
      volumeMounts: [{ name: v, mountPath: /v }]
  volumes: [{ name: v, emptyDir: {} }]`,
    `
apiVersion: v1
kind: Pod
metadata: { name: a, labels: { app: a, topology.kubernetes.io/zone: z } }
spec:
  hostNetwork: true
  nodeName: n
  priority: 1000
  priorityClassName: high
  preemptionPolicy: PreemptLowerPriority
  enableServiceLinks: true
  serviceAccountName: default
  serviceAccount: default
  tolerations:
    - { key: a, operator: Exists }
    - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300 }
    - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300 }
  containers:
    - name: a
      image: a
      imagePullPolicy: Always
      ports: [{ containerPort: 80, hostPort: 80, protocol: TCP }]
      resources: { limits: { cpu: "1", memory: 1Gi }, requests: { cpu: 500m, memory: 1Gi } }
      volumeMounts: [{ name: v, mountPath: /v }, { name: kube-api-access-abcde, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }]
  volumes:
    - { name: v, emptyDir: {} }
    - { name: kube-api-access-abcde, projected: { defaultMode: 420, sources: [] } }`,
  ],
  [
    'Services',
    `
apiVersion: v1
kind: Service
metadata: { name: a }
spec: { selector: { app: a }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: b }
spec: { type: LoadBalancer, sessionAffinity: ClientIP, selector: { app: a }, ports: [{ name: a, port: 80, targetPort: http }, { name: b, port: 81 }] }
---
apiVersion: v1
kind: Service
metadata: { name: c }
spec: { type: ExternalName, externalName: example.com }
---
apiVersion: v1
kind: Service
metadata: { name: d }
spec: { clusterIP: None, selector: { app: a } }
---
apiVersion: v1
kind: Service
metadata: { name: e }
spec: { clusterIP: "", selector: {}, ports: [{ port: 80, nodePort: 0 }] }`,
    `
apiVersion: v1
kind: Service
metadata: { name: a }
spec: { type: ClusterIP, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, sessionAffinity: None, internalTrafficPolicy: Cluster, selector: { app: a }, ports: [{ port: 80, protocol: TCP, targetPort: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: b, finalizers: [service.kubernetes.io/load-balancer-cleanup] }
spec:
  type: LoadBalancer
  clusterIP: 10.0.0.2
  allocateLoadBalancerNodePorts: true
  externalTrafficPolicy: Cluster
  internalTrafficPolicy: Cluster
  sessionAffinity: ClientIP
  sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } }
  selector: { app: a }
  ports: [{ name: a, port: 80, protocol: TCP, targetPort: http, nodePort: 30001 }, { name: b, port: 81, protocol: TCP, targetPort: 81, nodePort: 30002 }]
---
apiVersion: v1
kind: Service
metadata: { name: c }
spec: { type: ExternalName, externalName: example.com, sessionAffinity: None }
---
apiVersion: v1
kind: Service
metadata: { name: d }
spec: { type: ClusterIP, clusterIP: None, clusterIPs: [None], selector: { app: a }, sessionAffinity: None }
---
apiVersion: v1
kind: Service
metadata: { name: e }
spec: { type: ClusterIP, clusterIP: 10.0.0.3, ports: [{ port: 80, protocol: TCP, targetPort: 80 }] }`,
  ],
];

describe('what the server fills in is no difference', () => {
  it.each(FILLED)('%s', (_name, declared, live) => {
    const judged = judgeTexts(declared, live);
    expect(changesOf(judged)).toEqual([]);
    expect(judged.verdict).toBe('in-sync');
  });
});
