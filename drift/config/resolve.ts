import { deployed } from '../names.ts';
import type { AcknowledgeRule, IgnoreRule, Rules } from '../rules/rule.ts';
import type {
  Config,
  Environment,
  KubernetesTarget,
  NodesTarget,
  Notify,
  Severity,
  Source,
  Target,
  TerraformTarget,
} from '../target.ts';
import type { Window } from '../window.ts';
import type { Path } from './errors.ts';
import { type Expand, resolveKubernetes, severalNetworks, unfitNames, unreachable } from './kubernetes.ts';
import { LIMITS, layerOf } from './layers.ts';
import type { Mistake } from './mistake.ts';
import { resolveNodes, unfitNodes } from './nodes.ts';
import { unknownOutputs } from './outputs.ts';
import { type ConfigFile, MAX_TARGETS } from './schema.ts';
import { windowMistakes, windowsOf } from './windows.ts';

type TargetFile = ConfigFile['targets'][string];

/** Instantiates targets for their environments and expands `${…}`; says all that does not fit together. */
export function resolveConfig(file: ConfigFile, hash: string): { config: Config; mistakes: readonly Mistake[] } {
  const mistakes: Mistake[] = [];
  const sources = Object.entries(file.sources).map(([name, source]) => sourceOf(name, source, mistakes));
  const environments = Object.entries(file.environments).map(([name, environment]): Environment => {
    const { values: _values, ...rest } = environment;
    return dropUndefined({ name, ...rest });
  });
  mistakes.push(...sharedRoles(environments));
  const targets = Object.entries(file.targets).flatMap(([name, target]) =>
    instances(name, target, file, { sources, environments }, mistakes),
  );
  if (targets.length > MAX_TARGETS) {
    mistakes.push({
      path: ['targets'],
      message: `makes ${targets.length} targets; at most ${MAX_TARGETS} are possible`,
    });
  }
  mistakes.push(...collapsingNames(targets), ...untold(targets, file.notify), ...windowMistakes(file.windows));
  mistakes.push(...unknownOutputs(targets), ...severalNetworks(targets));
  const notify = Object.fromEntries(
    Object.entries(file.notify).map(([severity, value]) => [severity, dropUndefined<Notify>({ ...value })]),
  ) as Partial<Record<Severity, Notify>>;
  const config = dropUndefined<Config>({
    ...{ hash, sources, environments, targets, notify, rules: rulesOf(file) },
    webhookConcurrency: file.webhookConcurrency,
  });
  return { config, mistakes };
}

function sourceOf(name: string, source: ConfigFile['sources'][string], mistakes: Mistake[]): Source {
  const { statuses: written, ...rest } = source;
  const statuses = typeof written === 'object' ? written.token : written ? source.token : undefined;
  const wrong = (message: string): void => void mistakes.push({ path: ['sources', name, 'statuses'], message });
  if (written !== false && source.webhook === undefined) {
    wrong('only pushed commits get a status: give the source a webhook too');
  }
  if (written === true && source.token === undefined) {
    wrong('needs a token that may write commit statuses: write { token: { secret: name } }');
  }
  return dropUndefined({ name, ...rest, statuses });
}

interface Known {
  readonly sources: readonly Source[];
  readonly environments: readonly Environment[];
}

function instances(name: string, target: TargetFile, file: ConfigFile, known: Known, mistakes: Mistake[]): Target[] {
  const at = ['targets', name];
  const source = known.sources.find((candidate) => candidate.name === target.source);
  if (new Set(target.in).size < target.in.length)
    mistakes.push({ path: [...at, 'in'], message: 'names an environment twice' });
  return target.in.flatMap((environmentName, index) => {
    const environment = known.environments.find((candidate) => candidate.name === environmentName);
    const values = file.environments[environmentName]?.values;
    if (environment === undefined || values === undefined) return [];
    mistakes.push(...undeployable(at, target, environment, index), ...unreachable(at, target, environment, index));
    const expand = expander({ ...values, environment: environmentName }, environmentName, mistakes);
    const own = `${environmentName}/${name}`;
    const windows = windowsOf(own, file.windows);
    return instance(own, target, { environment, source, windows }, expand, mistakes) ?? [];
  });
}

/** What surrounds a target. */
interface Place {
  readonly environment: Environment;
  readonly source: Source | undefined;
  readonly windows: readonly Window[];
}

function instance(
  name: string,
  target: TargetFile,
  { environment, source, windows }: Place,
  expand: Expand,
  mistakes: Mistake[],
): Target | null {
  const layer = layerOf(target);
  if (layer === null) return null;
  const common = {
    name,
    environment,
    source,
    schedule: target.schedule,
    severity: target.severity ?? environment.severity,
    timeoutSeconds: target.timeout ?? LIMITS[layer].defaultTimeoutSeconds,
    minCoverage: target.minCoverage,
    enabled: target.enabled,
    observe: target.observe,
    retired: target.retired,
    windows,
    allowOtherCommits: target.allowOtherCommits ? (true as const) : undefined,
    pendingGraceSeconds: target.pendingGrace,
    confirmSeconds: target.confirm ?? LIMITS[layer].defaultConfirmSeconds,
  };
  const at = ['targets', name.slice(name.indexOf('/') + 1), layer];
  if (target.kubernetes !== undefined) {
    const kubernetes = resolveKubernetes(target.kubernetes, name, expand, at);
    mistakes.push(...unfitNames(kubernetes, at));
    return dropUndefined<KubernetesTarget>({ ...common, layer: 'kubernetes', kubernetes });
  }
  if (target.nodes !== undefined) {
    const nodes = resolveNodes(target.nodes, expand, at);
    mistakes.push(...unfitNodes(nodes, source !== undefined, at));
    return dropUndefined<NodesTarget>({ ...common, layer: 'nodes', nodes });
  }
  if (target.terraform === undefined) return null;
  const terraform = resolveTerraform(target.terraform, expand, at);
  return dropUndefined<TerraformTarget>({ ...common, layer: 'terraform', terraform });
}

function resolveTerraform(
  check: NonNullable<TargetFile['terraform']>,
  expand: Expand,
  at: Path,
): TerraformTarget['terraform'] {
  const map = (record: Readonly<Record<string, string>>, key: string) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, expand(value, [...at, key, name])]));
  return dropUndefined<TerraformTarget['terraform']>({
    tool: check.tool,
    version: check.version,
    path: expand(check.path, [...at, 'path']),
    varFiles: check.varFiles.map((file, index) => expand(file, [...at, 'varFiles', index])),
    vars: map(check.vars, 'vars'),
    backendConfig: map(check.backendConfig, 'backendConfig'),
    workspace: check.workspace === undefined ? undefined : expand(check.workspace, [...at, 'workspace']),
    env: check.env,
  });
}

function expander(values: Readonly<Record<string, string>>, environment: string, mistakes: Mistake[]): Expand {
  return (text, path) =>
    text.replaceAll(/\$\{([^{}]*)\}/g, (whole, key: string) => {
      if (key.startsWith('output:') && mayUseOutputs(path)) return whole;
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined) {
        const known = Object.keys(values).map((name) => `\${${name}}`);
        mistakes.push({ path, message: `${whole} is no value of ${environment}; known: ${known.join(', ')}` });
        return whole;
      }
      if (value.split(/[\\/]/).includes('..')) {
        mistakes.push({
          path,
          message: `${whole} is "${value}" in ${environment}: a path must stay inside the repository`,
        });
      }
      return value;
    });
}

/** `targets.<name>.terraform.vars` and `targets.<name>.nodes.extraVars`, and what is below. */
const mayUseOutputs = ([, , layer, key]: Path): boolean =>
  (layer === 'terraform' && key === 'vars') || (layer === 'nodes' && key === 'extraVars');

/** A target that the service checks needs an account, a region and a role; one that lies beside the file has no schedule. */
function undeployable(at: Path, target: TargetFile, environment: Environment, index: number): Mistake[] {
  if (target.source === undefined) {
    if (target.schedule === undefined) return [];
    return [{ path: [...at, 'schedule'], message: 'needs a source: the service reads the repository from git' }];
  }
  const missing = (['account', 'region', 'role'] as const).filter((key) => environment[key] === undefined);
  if (missing.length === 0) return [];
  const message = `environment ${environment.name} has no ${missing.join(', ')}; a target with a source needs them`;
  return [{ path: [...at, 'in', index], message }];
}

function sharedRoles(environments: readonly Environment[]): Mistake[] {
  const seen = new Map<string, string>();
  return environments.flatMap(({ name, account, role }) => {
    if (account === undefined || role === undefined) return [];
    const key = `${account} ${role}`;
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined) return [];
    const message = `is also the role of ${other} in account ${account}; give each environment its own, such as ${role}-${name}`;
    return [{ path: ['environments', name, 'role'], message }];
  });
}

/** `a-b/c` and `a/b-c` would share the name of one schedule. */
function collapsingNames(targets: readonly Target[]): Mistake[] {
  const seen = new Map<string, string>();
  return targets.flatMap(({ name }) => {
    const key = deployed.schedule(name).toLowerCase();
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined) return [];
    const message = `${name} and ${other} would share the deployed name ${deployed.schedule(name)}; rename one`;
    return [{ path: ['targets', name.slice(name.indexOf('/') + 1)], message }];
  });
}

/** A verdict that nobody is told is silence. */
function untold(targets: readonly Target[], notify: ConfigFile['notify']): Mistake[] {
  const used = new Set(targets.filter((target) => target.source !== undefined).map((target) => target.severity));
  return [...used].flatMap((severity) => {
    const told = notify[severity];
    if (told !== undefined && (told.pagerduty !== undefined || told.email.length > 0)) return [];
    const message = `nobody is told of ${severity} findings; write ${severity}: { email: [team@example.com] } or pagerduty: { parameter: /name }`;
    return [{ path: ['notify', severity], message }];
  });
}

function rulesOf({ ignore, accept, acknowledge }: ConfigFile): Rules {
  return {
    ignore: ignore.map((rule) => dropUndefined<IgnoreRule>({ path: undefined, ...rule })),
    accept,
    acknowledge: acknowledge.map((rule) =>
      dropUndefined<AcknowledgeRule>({ path: undefined, value: undefined, ...rule }),
    ),
  };
}

/** Optional keys are absent rather than undefined. */
function dropUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
