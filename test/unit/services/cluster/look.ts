import type { JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes, type KubernetesJudgement } from '#drift/kubernetes/judge.ts';
import type { DeclaredObject, LiveCluster } from '#drift/kubernetes/live.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { DEFAULT_OPTIONS } from '#drift/kubernetes/options.ts';
import type { KubernetesCheck } from '#drift/target.ts';
import { EFFORT, type Effort, type ReadBudget } from '#services/cluster/client.ts';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import { discover } from '#services/cluster/discovery.ts';
import { ClusterError } from '#services/cluster/error.ts';
import { readCluster } from '#services/cluster/read.ts';
import { recordedManifests } from './api.ts';

/** Asks again at once. */
export const QUICK: Effort = { ...EFFORT, retries: 2, firstDelayMs: 1, maxDelayMs: 5 };
export const ONCE: Effort = { ...QUICK, retries: 0 };
/** For servers that say nothing. */
export const IMPATIENT: Effort = { ...QUICK, connectMs: 800, silentMs: 800, totalMs: 1_200 };

export const budgetOf = (ms = 20_000, signal = new AbortController().signal): ReadBudget => ({
  signal,
  deadline: Date.now() + ms,
  progress: () => undefined,
});

export interface Look {
  readonly declared?: readonly JsonObject[];
  readonly orphans?: KubernetesCheck['orphans'];
  readonly effort?: Effort;
  readonly budget?: ReadBudget;
  readonly defaultNamespace?: string;
}

export const recorded = (): readonly JsonObject[] =>
  readManifests(recordedManifests()).objects.map(({ value }) => value);

/** Discovery and reading, as a check does both. */
export async function look(connection: ClusterConnection, how: Look = {}): Promise<LiveCluster> {
  const { declared = recorded(), orphans = null, effort = QUICK, budget = budgetOf() } = how;
  const discovery = await discover(connection, budget, effort);
  return readCluster({
    ...{ connection, discovery, declared, budget, effort, orphans },
    defaultNamespace: how.defaultNamespace ?? 'acme-shop',
  });
}

export function judge(live: LiveCluster, how: Look = {}, failure?: string): KubernetesJudgement {
  const objects = how.declared ?? recorded();
  const declared = objects.map((value): DeclaredObject => ({ value, file: 'all.yaml', line: null }));
  const { label = null, namespaces = [] } = how.orphans ?? {};
  return judgeKubernetes(
    { declared, problems: [], live, notes: [], ...(failure === undefined ? {} : { failure }) },
    {
      ...DEFAULT_OPTIONS,
      defaultNamespace: how.defaultNamespace ?? 'acme-shop',
      orphans: how.orphans === undefined ? null : { label, namespaces },
    },
    { target: 'prod/apps', severity: 'warning', minCoverage: 1, fingerprintKey: null },
  );
}

const NOTHING: LiveCluster = { objects: [], served: null, unreached: [], openapi: new Map(), notes: [] };

/** As a check ends: what cannot be looked at at all is a failure. */
export async function lookAndJudge(connection: ClusterConnection, how: Look = {}): Promise<KubernetesJudgement> {
  try {
    return judge(await look(connection, how), how);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return judge(NOTHING, how, error.message);
  }
}

/** `change subject path`, sorted. */
export const told = ({ findings }: KubernetesJudgement): readonly string[] =>
  findings
    .map(({ change, subject, path }) => [change, subject, path].filter((part) => part !== undefined).join(' '))
    .sort();
