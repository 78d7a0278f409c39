import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes } from '#drift/kubernetes/judge.ts';
import { DEFAULT_OPTIONS } from '#drift/kubernetes/options.ts';
import { builtinKind } from '#drift/kubernetes/schema/builtin.ts';
import table from '#drift/kubernetes/schema/builtin-types.json' with { type: 'json' };
import { ANY, type Schema } from '#drift/kubernetes/schema/schema.ts';
import { struct } from './builtin-objects.ts';

const KINDS = Object.entries(table.kinds).map(([key, type]): readonly [string, string, string] => {
  const [apiVersion = '', kind = ''] = key.split(' ');
  return [apiVersion, kind, type.split(' ')[0] ?? ''];
});

type Step = string | number;
/** Every scalar of a value, by its place. */
function leavesOf(
  value: Json,
  path: readonly Step[] = [],
): readonly { readonly path: readonly Step[]; readonly value: Json }[] {
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => leavesOf(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, item]) => leavesOf(item, [...path, key]));
}

function withValue(value: Json, [step, ...rest]: readonly Step[], other: Json | undefined): Json | undefined {
  if (step === undefined) return other;
  if (Array.isArray(value)) {
    const item = withValue(value[Number(step)] as Json, rest, other);
    return item === undefined ? value.toSpliced(Number(step), 1) : value.with(Number(step), item);
  }
  const { [step]: child = null, ...others } = value as JsonObject;
  const item = withValue(child, rest, other);
  return item === undefined ? others : { ...others, [step]: item };
}

/** Another value of the same type, which no server makes of the first. */
function other(value: Json): Json {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 7;
  if (value === '77') return '78';
  return typeof value === 'string' && /^[\d.]+(?:m|Gi|Mi)?$/.test(value) ? '77' : 'b3RoZXI=';
}

const judge = (declared: JsonObject, live: JsonObject) =>
  judgeKubernetes(
    {
      declared: [{ value: declared, file: 'a.yaml', line: 1 }],
      problems: [],
      live: { objects: [live], served: null, unreached: [], openapi: new Map(), notes: [] },
      notes: [],
    },
    DEFAULT_OPTIONS,
    { target: 'prod/apps', severity: 'critical', minCoverage: 1, fingerprintKey: null },
  );

/** Whether a server puts the very value there when it is not declared. */
function isDefault(schema: Schema, declared: Json, [step, ...rest]: readonly Step[], value: Json): boolean {
  if (schema.shape === 'list')
    return isDefault(schema.item, (declared as readonly Json[])[Number(step)] ?? null, rest, value);
  const child = (declared as JsonObject)[String(step)] ?? null;
  if (schema.shape === 'map') return rest.length > 0 && isDefault(schema.value, child, rest, value);
  if (schema.shape !== 'struct') return false;
  const { [String(step)]: _gone, ...others } = declared as JsonObject;
  if (rest.length === 0) return schema.defaultOf(String(step), others) === value;
  return isDefault(schema.field(String(step)) ?? ANY, child, rest, value);
}

/** Somebody else's to set although they are declared: bundles that are no certificate, rules of aggregated roles, and ports of `Endpoints` that nobody is behind. */
const DELEGATED = /caBundle$|^rules\b|^subsets\b.*ports/;

describe.each(KINDS)('%s %s', (apiVersion, kind, type) => {
  const schema = builtinKind(apiVersion, kind)?.schema;
  const metadata = { name: 'x', namespace: 'shop' };

  it('whatever is declared and has another value is found', () => {
    if (schema === undefined) throw new Error('not in the table');
    fc.assert(
      fc.property(struct(type, schema, 0), fc.nat(), ([declared], choice) => {
        const leaves = leavesOf(declared).filter(({ path }) => path.length > 0 && !DELEGATED.test(path.join('.')));
        const leaf = leaves[choice % Math.max(1, leaves.length)];
        if (leaf === undefined) return;
        const live = withValue(declared, leaf.path, other(leaf.value)) as JsonObject;
        const judged = judge(
          { apiVersion, kind, metadata, ...(declared as JsonObject) },
          { apiVersion, kind, metadata, ...live },
        );
        expect(
          judged.verdict,
          `${leaf.path.join('.')}: ${JSON.stringify(leaf.value)} → ${JSON.stringify(other(leaf.value))}`,
        ).not.toBe('in-sync');
      }),
      { numRuns: 200 },
    );
  });

  it('whatever is declared and gone is found, unless it says nothing', () => {
    if (schema === undefined) throw new Error('not in the table');
    fc.assert(
      fc.property(struct(type, schema, 0), fc.nat(), ([declared], choice) => {
        const leaves = leavesOf(declared).filter(
          ({ path, value }) =>
            path.length > 0 && !DELEGATED.test(path.join('.')) && value !== '' && value !== false && value !== 0,
        );
        const leaf = leaves[choice % Math.max(1, leaves.length)];
        if (leaf === undefined || isDefault(schema, declared, leaf.path, leaf.value)) return;
        const live = (withValue(declared, leaf.path, undefined) ?? {}) as JsonObject;
        const judged = judge(
          { apiVersion, kind, metadata, ...(declared as JsonObject) },
          { apiVersion, kind, metadata, ...live },
        );
        expect(judged.verdict, `${leaf.path.join('.')}: ${JSON.stringify(leaf.value)}`).not.toBe('in-sync');
      }),
      { numRuns: 200 },
    );
  });

  it('whatever is added to a list that is declared is found', () => {
    if (schema === undefined) throw new Error('not in the table');
    fc.assert(
      fc.property(struct(type, schema, 0), fc.nat(), ([declared], choice) => {
        const lists = listsOf(declared).filter(({ path }) => !GROWING.test(path.join('.')));
        const list = lists[choice % Math.max(1, lists.length)];
        if (list === undefined) return;
        const longer = [...list.value, moved(list.value[0] ?? null)];
        const live = withValue(declared, list.path, longer) as JsonObject;
        const judged = judge(
          { apiVersion, kind, metadata, ...(declared as JsonObject) },
          { apiVersion, kind, metadata, ...live },
        );
        expect(judged.verdict, `${list.path.join('.')}: ${JSON.stringify(longer)}`).not.toBe('in-sync');
      }),
      { numRuns: 200 },
    );
  });
});

/** Lists that controllers add to, and what nobody is behind. */
const GROWING =
  /^(?:rules|secrets|spec\.(?:finalizers|podCIDRs|ephemeralContainers|taints|clusterIPs|ipFamilies|groups|extra|nodeAffinity|claimRef))\b|^subsets\b/;

function listsOf(
  value: Json,
  path: readonly Step[] = [],
): readonly { readonly path: readonly Step[]; readonly value: readonly Json[] }[] {
  if (Array.isArray(value)) {
    const below = value.flatMap((item: Json, index) => listsOf(item, [...path, index]));
    return value.length > 0 ? [{ path, value }, ...below] : below;
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => listsOf(item, [...path, key]));
}

/** The same shape with other values, so that it has another key too. */
function moved(value: Json): Json {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, moved(item)]));
  return typeof value === 'number' ? value + 1000 : typeof value === 'boolean' ? value : other(value);
}
