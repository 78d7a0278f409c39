local object(apiVersion, kind, name, namespace=null) = {
  apiVersion: apiVersion,
  kind: kind,
  metadata: { name: name } + if namespace == null then {} else { namespace: namespace },
};

{
  namespace(name): object('v1', 'Namespace', name) { metadata+: { labels: { team: name } } },
  configMap(namespace, name, data): object('v1', 'ConfigMap', name, namespace) { data: data },
  quota(namespace, requests): object('v1', 'ResourceQuota', 'team', namespace) {
    spec: { hard: { ['requests.' + resource]: requests[resource] for resource in std.objectFields(requests) } },
  },
  denyIngress(namespace): object('networking.k8s.io/v1', 'NetworkPolicy', 'default-deny', namespace) {
    spec: { podSelector: {}, policyTypes: ['Ingress'] },
  },
}
