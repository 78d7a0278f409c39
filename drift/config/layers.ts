import { LAYERS, type Layer } from '../target.ts';

interface Limits {
  readonly defaultTimeoutSeconds: number;
  readonly maxTimeoutSeconds: number;
  readonly defaultConfirmSeconds: number;
}

/** What differs between the layers in keys that all targets have. */
export const LIMITS: Readonly<Record<Layer, Limits>> = {
  // Role chaining ends after an hour: a plan that takes longer would lose its credentials.
  terraform: { defaultTimeoutSeconds: 1800, maxTimeoutSeconds: 55 * 60, defaultConfirmSeconds: 120 },
  // The role that asks the nodes is chained too, and a node has to be told and to answer within that hour.
  nodes: { defaultTimeoutSeconds: 1800, maxTimeoutSeconds: 50 * 60, defaultConfirmSeconds: 0 },
  // A Lambda function has a quarter of an hour. Nothing that reads objects is seen half applied for long.
  kubernetes: { defaultTimeoutSeconds: 600, maxTimeoutSeconds: 14 * 60, defaultConfirmSeconds: 0 },
};

const MIN_TIMEOUT_SECONDS = 60;

/** The keys of a target that depend on its layer. */
interface WrittenTarget {
  readonly terraform?: unknown;
  readonly nodes?: unknown;
  readonly kubernetes?: unknown;
  readonly timeout?: number | undefined;
  readonly allowOtherCommits?: boolean;
}

interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

/** The layer that a target names; null when it names none. */
export function layerOf(target: WrittenTarget): Layer | null {
  return LAYERS.find((layer) => target[layer] !== undefined) ?? null;
}

/** A target is of exactly one layer, and has what this layer can have. */
export function layerProblems(target: WrittenTarget): readonly Problem[] {
  const [layer, other] = LAYERS.filter((name) => target[name] !== undefined);
  if (layer === undefined) {
    const message =
      'says not what is compared: write terraform: { path: … }, nodes: { playbook: … } or kubernetes: { manifests: … }';
    return [{ path: [], message }];
  }
  if (other !== undefined) {
    return [{ path: [other], message: `is beside ${layer}: a target is of one layer, make two of it` }];
  }
  const { timeout } = target;
  const { maxTimeoutSeconds } = LIMITS[layer];
  const problems: Problem[] = [];
  if (timeout !== undefined && (timeout < MIN_TIMEOUT_SECONDS || timeout > maxTimeoutSeconds)) {
    problems.push({ path: ['timeout'], message: `a timeout is 1m to ${maxTimeoutSeconds / 60}m for ${layer}` });
  }
  if (layer === 'nodes' && target.allowOtherCommits === true) {
    problems.push({ path: ['allowOtherCommits'], message: 'is not for nodes: a playbook runs on them as root' });
  }
  return problems;
}
