import * as z from 'zod';
import type { ServedKind } from '#drift/kubernetes/live.ts';
import { groupOf } from '#drift/kubernetes/objects.ts';
import { type Answer, ClusterClient, type Effort, JSON_TYPE, type ReadBudget } from './client.ts';
import type { ClusterConnection } from './connection.ts';
import { ClusterError } from './error.ts';

export type DiscoveredKind = ServedKind & { readonly listable: boolean };

/** What a cluster serves. */
export interface Discovery {
  /** `v1.36.2`; null: it does not say. */
  readonly version: string | null;
  /** As Helm wants them: `v1`, `apps/v1`, and `apps/v1/Deployment`. */
  readonly apiVersions: readonly string[];
  /** Of every group its preferred version first. */
  readonly kinds: readonly DiscoveredKind[];
  /** APIs of other servers that do not answer now. `reason` goes on after "the cluster". */
  readonly unavailable: readonly { readonly apiVersion: string; readonly reason: string }[];
}

/** Both forms may answer: older servers know only the plain one. */
const AGGREGATED = `${JSON_TYPE};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,${JSON_TYPE}`;

type Part = Pick<Discovery, 'kinds' | 'unavailable'> & { readonly versions: readonly string[] };

/**
 * Asks what is served.
 * @throws ClusterError when that cannot be known
 */
export async function discover(connection: ClusterConnection, budget: ReadBudget, effort?: Effort): Promise<Discovery> {
  budget.progress('asking the cluster what it serves');
  const client = new ClusterClient(connection, budget, effort);
  const [version, core, groups] = await Promise.all([versionOf(client), part(client, '/api'), part(client, '/apis')]);
  const kinds = [...core.kinds, ...groups.kinds];
  if (kinds.length === 0) throw new ClusterError(`${client.server} serves no kind at all: is it a Kubernetes API?`);
  return {
    version,
    apiVersions: [
      ...new Set([
        ...core.versions,
        ...groups.versions,
        ...kinds.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`),
      ]),
    ],
    kinds,
    unavailable: [...core.unavailable, ...groups.unavailable],
  };
}

async function versionOf(client: ClusterClient): Promise<string | null> {
  const answer = await client.get('/version');
  if (answer.kind === 'ok') return typeof answer.value['gitVersion'] === 'string' ? answer.value['gitVersion'] : null;
  if (answer.kind === 'forbidden' || answer.kind === 'unserved') return null;
  throw notKnown(client, answer);
}

function notKnown({ server }: ClusterClient, answer: Exclude<Answer, { kind: 'ok' }>): ClusterError {
  const reason = answer.kind === 'unchanged' ? 'answered out of turn' : answer.reason;
  const remedy = REMEDIES[answer.kind] ?? 'is it up, and reachable from here? A private endpoint needs kubernetes.vpc';
  return new ClusterError(`${server} ${reason}: ${remedy}`);
}

const REMEDIES: Readonly<Partial<Record<Answer['kind'], string>>> = {
  forbidden: 'bind the ClusterRole system:discovery to it',
  busy: 'its API server is up and does not serve; look again later, or find out what keeps it busy',
};

/** What is whole, and so may be taken for unchanged as long as the server says that it is. */
const known = new Map<string, { readonly etag: string; readonly part: Part }>();
const MAX_KNOWN = 20;

async function part(client: ClusterClient, path: '/api' | '/apis'): Promise<Part> {
  const key = `${client.server} ${path}`;
  const before = known.get(key);
  const answer = await client.get(path, { accept: AGGREGATED, ...(before === undefined ? {} : { etag: before.etag }) });
  if (answer.kind === 'unchanged' && before !== undefined) return before.part;
  if (answer.kind !== 'ok') throw notKnown(client, answer);
  const aggregated = discoveryList.safeParse(answer.value);
  if (!aggregated.success) return plainPart(client, path, answer.value);
  const read = aggregatedPart(aggregated.data);
  if (answer.etag !== null && read.unavailable.length === 0) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, { etag: answer.etag, part: read });
  }
  return read;
}

const verbs = z.array(z.string()).nullish();

const discoveryList = z.object({
  kind: z.literal('APIGroupDiscoveryList'),
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string().nullish() }).nullish(),
      versions: z
        .array(
          z.object({
            version: z.string(),
            freshness: z.string().nullish(),
            resources: z
              .array(
                z.object({
                  resource: z.string(),
                  responseKind: z.object({ kind: z.string() }).nullish(),
                  scope: z.string().nullish(),
                  verbs,
                }),
              )
              .nullish(),
          }),
        )
        .nullish(),
    }),
  ),
});

function aggregatedPart({ items }: z.infer<typeof discoveryList>): Part {
  const kinds: DiscoveredKind[] = [];
  const unavailable: Discovery['unavailable'][number][] = [];
  const served: string[] = [];
  for (const { metadata, versions } of items) {
    for (const { version, freshness, resources } of versions ?? []) {
      const group = metadata?.name ?? '';
      const apiVersion = group === '' ? version : `${group}/${version}`;
      served.push(apiVersion);
      if (freshness === 'Stale') {
        unavailable.push({ apiVersion, reason: `gets no answer from the server behind ${apiVersion} now` });
      }
      for (const { resource, responseKind, scope, verbs: can } of resources ?? []) {
        if (responseKind === null || responseKind === undefined) continue;
        const listable = can?.includes('list') ?? false;
        kinds.push({ apiVersion, kind: responseKind.kind, resource, namespaced: scope === 'Namespaced', listable });
      }
    }
  }
  return { kinds, unavailable, versions: served };
}

const versionList = z.object({ kind: z.literal('APIVersions'), versions: z.array(z.string()) });
const groupList = z.object({
  kind: z.literal('APIGroupList'),
  groups: z.array(
    z.object({
      versions: z.array(z.object({ groupVersion: z.string() })),
      preferredVersion: z.object({ groupVersion: z.string() }).nullish(),
    }),
  ),
});
const resourceList = z.object({
  kind: z.literal('APIResourceList'),
  resources: z.array(z.object({ name: z.string(), namespaced: z.boolean(), kind: z.string(), verbs })).nullish(),
});

/** Servers before 1.27: one request a group version. */
async function plainPart(client: ClusterClient, path: '/api' | '/apis', value: unknown): Promise<Part> {
  const parsed = path === '/api' ? versionList.safeParse(value) : groupList.safeParse(value);
  if (!parsed.success)
    throw new ClusterError(`${client.server}${path} does not answer as a Kubernetes API: is it one?`);
  const versions =
    'versions' in parsed.data
      ? parsed.data.versions
      : parsed.data.groups.flatMap(({ versions: all, preferredVersion }) => [
          ...new Set([preferredVersion ?? [], all].flat().map(({ groupVersion }) => groupVersion)),
        ]);
  const parts = await Promise.all(
    versions.map((apiVersion) => plainVersion(client, `${path}/${apiVersion}`, apiVersion)),
  );
  return {
    versions,
    kinds: parts.flatMap(({ kinds }) => kinds),
    unavailable: parts.flatMap(({ unavailable }) => unavailable),
  };
}

async function plainVersion(client: ClusterClient, path: string, apiVersion: string): Promise<Omit<Part, 'versions'>> {
  const answer = await client.get(path);
  const list = answer.kind === 'ok' ? resourceList.safeParse(answer.value) : null;
  if (list?.success === true) {
    const kinds = (list.data.resources ?? [])
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced, verbs: can }) => ({
        ...{ apiVersion, kind, resource: name, namespaced, listable: can?.includes('list') ?? false },
      }));
    return { kinds, unavailable: [] };
  }
  const reason = answer.kind === 'ok' || answer.kind === 'unchanged' ? 'does not say what it serves' : answer.reason;
  // What Kubernetes itself serves is never missing in part; what others serve behind it may be.
  if (answer.kind !== 'ok' && groupOf(apiVersion) === '') throw notKnown(client, answer);
  return { kinds: [], unavailable: [{ apiVersion, reason: `${reason} of ${apiVersion}` }] };
}
