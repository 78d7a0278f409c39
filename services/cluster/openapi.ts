import * as z from 'zod';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import type { Unreached } from '#drift/kubernetes/live.ts';
import { groupOf } from '#drift/kubernetes/objects.ts';
import { builtinKind } from '#drift/kubernetes/schema/builtin.ts';
import type { Note } from '#drift/note.ts';
import type { Answer, ClusterClient, NoObject } from './client.ts';
import type { DiscoveredKind } from './discovery.ts';

/** What tells the structure of kinds that Kubernetes does not bring with it. */
export interface Structures {
  readonly openapi: ReadonlyMap<string, Json>;
  /** CustomResourceDefinitions, where there is no OpenAPI. */
  readonly crds: readonly JsonObject[];
  readonly unreached: readonly Unreached[];
  readonly notes: readonly Note[];
}

/** Documents by their address, which holds their hash: never old. The one that was used longest ago goes first. */
const documents = new Map<string, { readonly document: JsonObject; readonly bytes: number }>();
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
const MAX_NAMED = 5;

const rootSchema = z.object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) });
type Paths = z.infer<typeof rootSchema>['paths'];

/** Reads the schemas of the kinds that the built-in table does not have, one document a group version. */
export async function readStructures(
  client: ClusterClient,
  kinds: readonly DiscoveredKind[],
  progress: (step: string) => void,
): Promise<Structures> {
  const foreign = Map.groupBy(
    kinds.filter(({ apiVersion, kind }) => builtinKind(apiVersion, kind) === null),
    ({ apiVersion }) => apiVersion,
  );
  const none: Structures = { openapi: new Map(), crds: [], unreached: [], notes: [] };
  if (foreign.size === 0) return none;
  progress('reading the schemas of custom resources');
  const root = await rootOf(client);
  const found = await Promise.all(
    [...foreign].map(async ([apiVersion, of]): Promise<Structures> => {
      const document = 'kind' in root ? root : await documentOf(client, root.paths, apiVersion);
      if ('document' in document) return { ...none, openapi: new Map([[apiVersion, document.document]]) };
      return insteadOf(client, apiVersion, of, document);
    }),
  );
  return {
    openapi: new Map(found.flatMap(({ openapi }) => [...openapi])),
    crds: found.flatMap(({ crds }) => crds),
    unreached: found.flatMap(({ unreached }) => unreached),
    notes: found.flatMap(({ notes }) => notes),
  };
}

const odd = (reason: string): NoObject => ({ kind: 'failed', reason });

async function rootOf(client: ClusterClient): Promise<{ readonly paths: Paths } | NoObject> {
  const answer = await client.get('/openapi/v3');
  if (answer.kind === 'unchanged') return odd('answered out of turn');
  if (answer.kind !== 'ok') return answer;
  return rootSchema.safeParse(answer.value).data ?? odd('has an OpenAPI index of a form that is not known');
}

async function documentOf(
  client: ClusterClient,
  paths: Paths,
  apiVersion: string,
): Promise<{ readonly document: JsonObject } | NoObject> {
  const key = groupOf(apiVersion) === '' ? `api/${apiVersion}` : `apis/${apiVersion}`;
  const url = Object.hasOwn(paths, key) ? paths[key]?.serverRelativeURL : undefined;
  if (url?.startsWith('/openapi/v3/') !== true) return { kind: 'unserved', reason: `has no OpenAPI of ${apiVersion}` };
  const address = client.server + url;
  const kept = documents.get(address);
  if (kept !== undefined) {
    documents.delete(address);
    documents.set(address, kept);
    return kept;
  }
  const answer = await client.get(url);
  if (answer.kind === 'unchanged') return odd('answered out of turn');
  if (answer.kind !== 'ok') return answer;
  const { components } = answer.value;
  // The rest, the paths of every verb, is as large and says nothing of the structure.
  const document = components === undefined ? {} : { components };
  if (url.includes('hash=')) keep(address, document, answer.bytes);
  return { document };
}

function keep(address: string, document: JsonObject, bytes: number): void {
  documents.set(address, { document, bytes });
  let total = [...documents.values()].reduce((sum, kept) => sum + kept.bytes, 0);
  for (const [oldest, { bytes: freed }] of documents) {
    if (total <= MAX_KEPT_BYTES) return;
    documents.delete(oldest);
    total -= freed;
  }
}

/** Where OpenAPI may not be read, or is not there, the definitions say the same; where both fail, nobody knows. */
async function insteadOf(
  client: ClusterClient,
  apiVersion: string,
  kinds: readonly DiscoveredKind[],
  why: NoObject,
): Promise<Structures> {
  const crds: JsonObject[] = [];
  const guessed: DiscoveredKind[] = [];
  const unreached: Unreached[] = [];
  for (const served of kinds) {
    const { kind, resource } = served;
    const answer = await client.get(
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${resource}.${groupOf(apiVersion)}`,
    );
    const failure = answer.kind === 'ok' ? undefined : [answer, why].find(isNoWord);
    if (answer.kind === 'ok') {
      crds.push({ ...answer.value, apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' });
    } else if (failure === undefined) guessed.push(served);
    else {
      const reason = `the structure of ${apiVersion} ${kind} is not known: the cluster ${failure.reason}`;
      unreached.push({ apiVersion, kind, namespace: null, reason });
    }
  }
  if (crds.length + guessed.length === 0) return { openapi: new Map(), crds, unreached, notes: [] };
  const names = guessed.slice(0, MAX_NAMED).map(({ kind }) => kind);
  const text =
    guessed.length === 0
      ? `the schema of ${apiVersion} was read from its CustomResourceDefinition: of OpenAPI, the cluster ${why.reason}`
      : `the structure of ${names.join(', ')} in ${apiVersion} is guessed: of OpenAPI, the cluster ${why.reason}; let get on customresourcedefinitions be allowed`;
  return { openapi: new Map(), crds, unreached, notes: [{ kind: 'schema', text }] };
}

/** Neither yes nor no: it may be there. */
const isNoWord = (answer: Exclude<Answer, { kind: 'ok' }>): answer is NoObject =>
  !['unchanged', 'forbidden', 'gone', 'unserved'].includes(answer.kind);
