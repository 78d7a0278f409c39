import { DEFAULT_OPTIONS, type KubernetesOptions } from '#drift/kubernetes/options.ts';
import type { IgnoreRule } from '#drift/rules/rule.ts';
import type { KubernetesCheck } from '#drift/target.ts';

/** What the judge goes by, from what the config says of a target. @param rules those that act on objects */
export function optionsOf(check: KubernetesCheck, rules: readonly IgnoreRule[]): KubernetesOptions {
  const { orphans } = check;
  return {
    ...DEFAULT_OPTIONS,
    defaultNamespace: check.namespace,
    ignore: rules.map(({ subject, pointers = [], jq = [], managers = [] }) => ({
      ...{ group: '*', kind: '*', namespace: '*', name: '*' },
      ...{ subject, pointers, jq, managers },
    })),
    orphans: orphans === undefined ? null : { label: orphans.label ?? null, namespaces: orphans.namespaces },
    appliers: check.appliers,
    people: check.people,
    secretKinds: check.secretKinds,
  };
}
