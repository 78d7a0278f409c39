// All that differs between the clusters.
local defaults = {
  region: 'eu-west-1',
  quotas: {
    shop: { cpu: '4', memory: '8Gi' },
    notifier: { cpu: '1', memory: '1Gi' },
  },
};

{
  staging: defaults { name: 'staging' },
  prod: defaults { name: 'prod', quotas+: { shop: { cpu: '24', memory: '64Gi' } } },
}
