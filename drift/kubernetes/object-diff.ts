import { hasUnownedElement } from './compare/books.ts';
import { Comparer } from './compare/compare.ts';
import type { Difference } from './compare/difference.ts';
import { endpointsOf } from './compare/endpoints.ts';
import { toleranceOf } from './compare/tolerance.ts';
import { type Before, causeByGit } from './git-cause.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { lastApplied } from './last-applied.ts';
import { DECLARABLE_METADATA, type Identity, metadataOf } from './objects.ts';
import { Owners } from './owners.ts';
import type { StructSchema } from './schema/schema.ts';

export interface ObjectContext {
  readonly identity: Identity;
  readonly schema: StructSchema;
  /** Kubernetes' own kinds have no durations or amounts in texts. */
  readonly isBuiltin: boolean;
  readonly appliers: readonly string[];
  readonly people: readonly string[];
  readonly isScaled: boolean;
  /** What these managers have may differ. */
  readonly trusted: (managers: readonly string[]) => boolean;
  /** What git said at the last in-sync commit; null: not known. */
  readonly before: Before | null;
}

const DATA_MAPS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['ConfigMap', new Set(['data', 'binaryData'])],
  ['Secret', new Set(['data'])],
]);

/** Every difference of one object, in the order of its fields. @throws TooDeep */
export function differencesOf(declared: JsonObject, live: JsonObject, context: ObjectContext): readonly Difference[] {
  const { identity, schema } = context;
  const found: Difference[] = [];
  const sides = { declared: withBothMaps(sideOf(declared, identity), identity), live: sideOf(live, identity) };
  const applied = lastApplied(live);
  const owners = new Owners(live, context, declared, (books) =>
    hasUnownedElement(books, sides.declared, sides.live, schema, null),
  );
  const rules = { custom: !context.isBuiltin };
  const earlier = context.before?.object == null ? null : sideOf(context.before.object, identity);
  const isSentByServer = owners.appliesByServer && !sentByKubectl(live);
  const comparer = new Comparer({
    facts: { owners, hasLastApplied: applied !== null && !isSentByServer },
    rules,
    tolerance: toleranceOf({ ...identity, declared, live, isScaled: context.isScaled }),
    dataMaps: identity.group === '' ? (DATA_MAPS.get(identity.kind) ?? NONE) : NONE,
    report: (difference) => {
      if (context.trusted(owners.managersAt(difference.path))) return;
      const isSettled = difference.cause !== 'unclear' || context.before === null;
      const { path } = difference;
      found.push(
        isSettled ? difference : { ...difference, cause: causeByGit(path, sides.declared, earlier, schema, rules) },
      );
    },
  });
  const before = applied === null ? undefined : sideOf(applied, identity);
  const repacked = identity.kind === 'Endpoints' && sameEndpoints(declared, live);
  const [git, running] = repacked
    ? [withoutSubsets(sides.declared), withoutSubsets(sides.live)]
    : [sides.declared, sides.live];
  comparer.compare(git, running, before, schema, null);
  return isReorderedMetrics(identity) ? found.filter(isNoOrder) : found;
}

const NONE: ReadonlySet<string> = new Set();

/** An object without what is no declaration: identity, status, the server's own metadata. */
function sideOf(object: JsonObject, identity: Identity): JsonObject {
  const { apiVersion: _version, kind: _kind, status: _status, metadata, ...rest } = object;
  const kept = isObject(metadata) ? metadata : {};
  const own = Object.fromEntries(
    DECLARABLE_METADATA.flatMap((name) => (kept[name] == null ? [] : [[name, kept[name] ?? null]])),
  );
  const body = identity.kind === 'Secret' && identity.group === '' ? withStringData(rest) : rest;
  return { ...body, metadata: own };
}

/** A ConfigMap that declares one of its two maps declares that there is nothing in the other. */
function withBothMaps(side: JsonObject, { group, kind }: Identity): JsonObject {
  if (group !== '' || kind !== 'ConfigMap' || (side['data'] == null && side['binaryData'] == null)) return side;
  return { ...side, data: side['data'] ?? {}, binaryData: side['binaryData'] ?? {} };
}

/** The server writes `stringData` over `data`, as bytes, and forgets it. */
function withStringData({ stringData, ...rest }: JsonObject): JsonObject {
  if (!isObject(stringData)) return rest;
  const data = isObject(rest['data']) ? rest['data'] : {};
  const bytes = Object.entries(stringData).map(([name, value]): [string, Json] => [
    name,
    typeof value === 'string' ? Buffer.from(value, 'utf8').toString('base64') : value,
  ]);
  return { ...rest, data: { ...data, ...Object.fromEntries(bytes) } };
}

/** `kubectl apply --server-side` keeps the annotation up to date where there is one; other appliers leave it behind. */
function sentByKubectl(live: JsonObject): boolean {
  const { managedFields } = metadataOf(live);
  const entries = Array.isArray(managedFields) ? managedFields.filter(isObject) : [];
  return !entries.some((entry) => entry['operation'] === 'Apply' && entry['manager'] !== 'kubectl');
}

/** A controller may pack the same addresses and ports into other subsets. */
function sameEndpoints(declared: JsonObject, live: JsonObject): boolean {
  const wanted = endpointsOf(declared['subsets']);
  return wanted.length > 0 && JSON.stringify(wanted) === JSON.stringify(endpointsOf(live['subsets']));
}

const withoutSubsets = ({ subsets: _subsets, ...rest }: JsonObject): JsonObject => rest;

/** Any write through another version of the autoscaler moves a metric to the end (facts/kubernetes.md). */
const isReorderedMetrics = ({ kind, group }: Identity): boolean =>
  kind === 'HorizontalPodAutoscaler' && group === 'autoscaling';

/** A list of maps that changed as a whole has another order and nothing else. */
function isNoOrder({ path, change, declared }: Difference): boolean {
  if (change !== 'changed' || path === null || !('field' in path.step) || path.step.field !== 'metrics') return true;
  return !Array.isArray(declared) || declared.length === 0;
}
