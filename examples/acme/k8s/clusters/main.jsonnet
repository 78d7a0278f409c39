// What every cluster has. Which one it is comes as the external variable `cluster`.
local cluster = (import 'lib/clusters.libsonnet')[std.extVar('cluster')];
local object = import 'lib/object.libsonnet';

{
  teams: [
    {
      namespace: object.namespace(team),
      quota: object.quota(team, cluster.quotas[team]),
      'default-deny': object.denyIngress(team),
    }
    for team in std.objectFields(cluster.quotas)
  ],
  identity: object.configMap('kube-public', 'cluster', { name: cluster.name, region: cluster.region }),
}
