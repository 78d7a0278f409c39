import { expect, it } from 'vitest';
import type { Target } from '#drift/target.ts';
import { isOfConfig } from '#drift/webhook/named.ts';
import { FLEET, SHOP, TARGET } from '../runs/world.ts';

const terraform = (path: string, ...varFiles: readonly string[]): Target => ({
  ...TARGET,
  terraform: { ...TARGET.terraform, path, varFiles },
});
const objects = (manifests: readonly string[], ...values: readonly string[]): Target => ({
  ...SHOP,
  kubernetes: { ...SHOP.kubernetes, manifests, values },
});
const nodes = (more: Partial<typeof FLEET.nodes>): Target => ({ ...FLEET, nodes: { ...FLEET.nodes, ...more } });

it.each<[string, Target, readonly string[], boolean]>([
  ['a root module', terraform('terraform/network'), ['terraform/modules/vpc', 'terraform/network'], true],
  ['one that lies elsewhere now', terraform('live/network'), ['terraform/network'], false],
  ['one at the root', terraform('.'), ['.'], true],
  ['a variable file', terraform('a', 'env/prod.tfvars'), ['a', 'a/env/prod.tfvars', 'env/prod.tfvars'], true],
  ['a variable file that is new', terraform('a', './env/prod.tfvars'), ['a'], false],
  ['an overlay', objects(['k8s/overlays/prod']), ['k8s/base/web.yaml', 'k8s/overlays/prod/kustomization.yaml'], true],
  ['a glob', objects(['k8s/*/web.yaml']), ['k8s'], true],
  ['a glob from the root', objects(['*.yaml']), ['.'], true],
  ['manifests that are new', objects(['k8s', 'addons']), ['k8s'], false],
  ['values that are new', objects(['chart'], 'values/prod.yaml'), ['chart'], false],
  ['a playbook', nodes({}), ['ansible'], true],
  ['an inventory that is new', nodes({ inventory: 'inventory/prod.ini' }), ['ansible'], false],
  ['variables', nodes({ extraVarsFiles: ['vars/prod.yml'] }), ['ansible', 'vars/prod.yml'], true],
])('what is remembered of %s is of its config: %j', (_what, target, paths, isIt) => {
  expect(isOfConfig(paths, target)).toBe(isIt);
});
