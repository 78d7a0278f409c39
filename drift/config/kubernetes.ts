import type { Environment, KubernetesCheck, Target } from '../target.ts';
import type { Path } from './errors.ts';
import type { KubernetesFile } from './kubernetes-schema.ts';
import type { Mistake } from './mistake.ts';

/** Puts an environment's values in the place of `${…}`; `path` is where a mistake is told. */
export type Expand = (text: string, path: Path) => string;

/** `kubernetes` of a target for one environment. @param name `<environment>/<name>` of the target */
export function resolveKubernetes(file: KubernetesFile, name: string, expand: Expand, at: Path): KubernetesCheck {
  const { orphans, release, jsonnet } = file;
  const list = (texts: readonly string[], ...path: Path): readonly string[] =>
    texts.map((text, index) => expand(text, [...at, ...path, index]));
  const map = (texts: Readonly<Record<string, string>>, ...path: Path): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, expand(text, [...at, ...path, key])]));
  return {
    manifests: list(file.manifests, 'manifests'),
    render: file.render,
    namespace: expand(file.namespace, [...at, 'namespace']),
    values: list(file.values, 'values'),
    release: release === undefined ? name.slice(name.indexOf('/') + 1) : expand(release, [...at, 'release']),
    jsonnet: {
      ext: map(jsonnet.ext, 'jsonnet', 'ext'),
      tla: map(jsonnet.tla, 'jsonnet', 'tla'),
      importPaths: list(jsonnet.importPaths, 'jsonnet', 'importPaths'),
    },
    hosts: file.hosts,
    ...(orphans === undefined
      ? {}
      : {
          orphans: {
            ...(orphans.label === undefined ? {} : { label: expand(orphans.label, [...at, 'orphans', 'label']) }),
            namespaces: list(orphans.namespaces, 'orphans', 'namespaces'),
          },
        }),
    appliers: file.appliers,
    people: file.people,
    secretKinds: file.secretKinds,
    ...(file.vpc === undefined ? {} : { vpc: file.vpc }),
  };
}

/** A DNS label, as a namespace is named. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** What Helm takes: https://helm.sh/docs/chart_template_guide/ and at most 53 characters. */
const RELEASE = /^(?=.{1,53}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** A key with or without a prefix, and a value. */
const LABEL =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?=([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

/** Names that no cluster would take, once placeholders are filled in. */
export function unfitNames(check: KubernetesCheck, at: Path): readonly Mistake[] {
  const namespace = (name: string, path: Path): readonly Mistake[] => {
    if (NAMESPACE.test(name)) return [];
    const message = `"${name}" is no name of a namespace: it has at most 63 lower-case letters, digits and "-"`;
    return [{ path: [...at, ...path], message }];
  };
  const { label, namespaces = [] } = check.orphans ?? {};
  return [
    ...namespace(check.namespace, ['namespace']),
    ...namespaces.flatMap((name, index) => namespace(name, ['orphans', 'namespaces', index])),
    ...(label === undefined || LABEL.test(label)
      ? []
      : [
          {
            path: [...at, 'orphans', 'label'],
            message: `"${label}" is no label and value, such as app.kubernetes.io/managed-by=git`,
          },
        ]),
    ...(check.render !== 'helm' || RELEASE.test(check.release)
      ? []
      : [
          {
            path: [...at, 'release'],
            message: `"${check.release}" is no name of a Helm release: write at most 53 lower-case letters, digits and "-"`,
          },
        ]),
  ];
}

interface Written {
  readonly source?: string | undefined;
  readonly kubernetes?: unknown;
}

/** What the service compares with objects needs a cluster that the service can reach. */
export function unreachable(at: Path, target: Written, environment: Environment, index: number): readonly Mistake[] {
  if (target.kubernetes === undefined || target.source === undefined) return [];
  const { name, cluster } = environment;
  if (cluster === undefined) {
    const message = `environment ${name} has no cluster; write cluster: { eks: name } or { kubeconfig: { secret: name } } there`;
    return [{ path: [...at, 'in', index], message }];
  }
  if (!('kubeconfig' in cluster) || typeof cluster.kubeconfig !== 'string') return [];
  const message = `the service cannot read the file ${cluster.kubeconfig} of environment ${name}; write kubeconfig: { secret: name } there, or take the source out`;
  return [{ path: [...at, 'in', index], message }];
}

/** One function compares all objects of an environment, and it is in one network. */
export function severalNetworks(targets: readonly Target[]): readonly Mistake[] {
  const first = new Map<string, { readonly name: string; readonly vpc: string }>();
  return targets.flatMap((target) => {
    if (target.layer !== 'kubernetes' || target.source === undefined) return [];
    const { name, environment, kubernetes } = target;
    const vpc = JSON.stringify(kubernetes.vpc ?? null);
    const known = first.get(environment.name);
    if (known === undefined) first.set(environment.name, { name, vpc });
    if (known === undefined || known.vpc === vpc) return [];
    const message = `is another one than that of ${known.name}; targets of one environment share a function: write the same vpc for all`;
    return [{ path: ['targets', name.slice(name.indexOf('/') + 1), 'kubernetes', 'vpc'], message }];
  });
}
