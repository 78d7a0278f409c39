import type { Note } from '#drift/note.ts';
import type { Report } from '#drift/report.ts';
import type { IgnoreRule } from '#drift/rules/rule.ts';
import type { Run } from '#drift/run.ts';
import type { KubernetesTarget } from '#drift/target.ts';
import type { RoleCredentials } from '#services/aws/identity.ts';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import type { RenderTools } from '#services/render/request.ts';

/** One comparison of manifests with a cluster. */
export interface KubernetesCheckRequest {
  readonly target: KubernetesTarget;
  readonly run: Pick<Run, 'runId' | 'trigger' | 'commit' | 'config'>;
  /** The source as it was checked out; only read. */
  readonly source: { readonly folder: string };
  /** Ignore rules that act while objects are compared (`objectRules`). */
  readonly rules: readonly IgnoreRule[];
  /** Text of the kubeconfig that the environment keeps in a secret; null: it keeps none there. */
  readonly kubeconfig: string | null;
  /** Set in a local check: connects with a kubeconfig of the person who checks, plugins and all. @throws ClusterError */
  readonly connectOwn?: (signal: AbortSignal) => Promise<ClusterConnection>;
  /** Credentials of the role that the cluster knows; null: those of this process. */
  readonly credentials: RoleCredentials | null;
  /** The source as it was at the last in-sync commit, fetched when it is needed; null: there is none, or not at hand. @throws GitError */
  readonly before: (() => Promise<{ readonly folder: string; readonly commit: string }>) | null;
  /** Null in a local check: then values have no hash. */
  readonly fingerprintKey: string | null;
  /** Values that no report may hold. */
  readonly hidden: readonly string[];
  readonly tools: RenderTools;
  /** Aborts the check: its report says so. */
  readonly signal: AbortSignal;
  /** What is left for everything; after it the report is `unknown: timed out …`. */
  readonly timeoutMs: number;
  /** What is being done; never holds a value. */
  readonly progress: (step: string) => void;
  readonly now: () => Date;
  /** Notes that the caller has to add. */
  readonly notes?: readonly Note[];
}

/** Whatever happens ends in a report; only what cannot be explained throws. */
export type KubernetesChecker = (request: KubernetesCheckRequest) => Promise<Report>;
