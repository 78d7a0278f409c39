import { Names } from '../names.ts';

/** Labels and annotations that appliers and controllers keep their books in. */
export const BOOKKEEPING = new Names([
  'kubectl.kubernetes.io/last-applied-configuration',
  'kubectl.kubernetes.io/restartedAt',
  'kubernetes.io/change-cause',
  'deployment.kubernetes.io/*',
  'deprecated.daemonset.template.generation',
  'autoscaling.alpha.kubernetes.io/*',
  'control-plane.alpha.kubernetes.io/leader',
  'pv.kubernetes.io/*',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/*',
  'batch.kubernetes.io/*',
  'controller-uid',
  'job-name',
  'kubernetes.io/metadata.name',
  'kubernetes.io/service-account.uid',
  'endpoints.kubernetes.io/*',
  'endpointslice.kubernetes.io/*',
  'meta.helm.sh/*',
  'argocd.argoproj.io/instance',
  'argocd.argoproj.io/tracking-id',
  'argocd.argoproj.io/installation-id',
  'kustomize.toolkit.fluxcd.io/name',
  'kustomize.toolkit.fluxcd.io/namespace',
  'kustomize.toolkit.fluxcd.io/checksum',
  'helm.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/namespace',
  'kapp.k14s.io/*',
  'kubecfg.ksonnet.io/*',
  'objectset.rio.cattle.io/*',
  'config.k8s.io/owning-inventory',
  'config.kubernetes.io/*',
  'internal.config.kubernetes.io/*',
  'configsync.gke.io/*',
  'configmanagement.gke.io/*',
]);

/** Those of them that only a controller sets: what an export has written of them into git is no declaration. */
export const CONTROLLERS_BOOKS = new Names([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/*',
  'deprecated.daemonset.template.generation',
  'control-plane.alpha.kubernetes.io/leader',
  'pv.kubernetes.io/*',
]);

/** Annotations that ask a controller to put a certificate in, whatever stands there. */
export const INJECTING = new Names(['cert-manager.io/inject-*', 'service.beta.openshift.io/inject-cabundle']);
