import type { KubernetesEvidence } from '#drift/kubernetes/judge.ts';
import type { LiveCluster } from '#drift/kubernetes/live.ts';
import { type Manifests, readManifests } from '#drift/kubernetes/manifests/read.ts';
import type { ClusterConnection } from '#services/cluster/connection.ts';
import { type Discovery, discover } from '#services/cluster/discovery.ts';
import { readCluster } from '#services/cluster/read.ts';
import { renderManifests } from '#services/render/render.ts';
import { connect } from './connect.ts';
import type { KubernetesCheckRequest } from './request.ts';

/** What was found out until the check ended, however it did. */
export interface Gathered {
  connection: ClusterConnection | null;
  discovery: Discovery | null;
  manifests: Manifests | null;
  live: LiveCluster | null;
  /** Paths of the checkout that its manifests were rendered from. */
  readonly paths: Set<string>;
}

/** What is left for everything. */
export interface Bounds {
  readonly signal: AbortSignal;
  /** As `Date.now()` counts. */
  readonly deadline: number;
  readonly progress: (step: string) => void;
}

/** Renders what git declares and reads it of the cluster. @throws RenderError, ClusterError */
export async function gatherEvidence(
  request: KubernetesCheckRequest,
  bounds: Bounds,
  gathered: Gathered,
): Promise<void> {
  const { render, namespace, orphans } = request.target.kubernetes;
  const learning = learn(request, bounds, gathered);
  // A chart may ask what the server is; everything else is rendered meanwhile, and known whatever the cluster says.
  const rendering = declaredIn(
    request,
    request.source.folder,
    bounds,
    render === 'helm' ? learning.then((learned) => learned.discovery) : null,
    (path) => gathered.paths.add(path),
  );
  const [rendered, asked] = await Promise.allSettled([rendering, learning]);
  if (rendered.status === 'rejected') throw rendered.reason;
  gathered.manifests = rendered.value;
  if (asked.status === 'rejected') throw asked.reason;
  const manifests = rendered.value;
  const { connection, discovery } = asked.value;
  const declared = manifests.objects.map(({ value }) => value);
  bounds.progress(`reading ${declared.length} objects of the cluster`);
  gathered.live = await readCluster({
    connection,
    discovery,
    declared,
    defaultNamespace: namespace,
    orphans: orphans ?? null,
    budget: bounds,
  });
}

interface Learned {
  readonly connection: ClusterConnection;
  readonly discovery: Discovery;
}

async function learn(request: KubernetesCheckRequest, bounds: Bounds, gathered: Gathered): Promise<Learned> {
  bounds.progress('connecting to the cluster');
  const connection = await connect(request, bounds.signal);
  gathered.connection = connection;
  const discovery = await discover(connection, bounds);
  gathered.discovery = discovery;
  return { connection, discovery };
}

/** The objects that a checkout declares. @throws RenderError */
export async function declaredIn(
  { target, tools }: Pick<KubernetesCheckRequest, 'target' | 'tools'>,
  root: string,
  { signal, deadline, progress }: Bounds,
  server: Promise<Discovery> | null,
  onRead: (path: string) => void = () => undefined,
): Promise<Manifests> {
  const known = await server;
  progress(`rendering ${target.kubernetes.manifests.join(', ')}`);
  return readManifests(
    await renderManifests({
      root,
      check: target.kubernetes,
      server: known === null ? null : { version: known.version, apiVersions: known.apiVersions },
      tools,
      onRead,
      signal,
      timeoutMs: Math.max(1, deadline - Date.now()),
    }),
  );
}

const NOTHING: LiveCluster = { objects: [], served: null, unreached: [], openapi: new Map(), notes: [] };

/** What is judged; of a cluster that was not read nothing is known. @param failure why the check ended early */
export function evidenceOf({ manifests, live }: Gathered, failure: string | null): KubernetesEvidence {
  const unseen = { apiVersion: '*', kind: '*', namespace: null, reason: failure ?? 'was not read' };
  return {
    declared: manifests?.objects ?? [],
    problems: manifests?.problems ?? [],
    live: live ?? { ...NOTHING, unreached: [unseen] },
    notes: manifests?.notes ?? [],
    ...(failure === null ? {} : { failure }),
  };
}
