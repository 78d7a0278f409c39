import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes } from '#drift/kubernetes/judge.ts';
import { DEFAULT_OPTIONS } from '#drift/kubernetes/options.ts';
import { builtinKind } from '#drift/kubernetes/schema/builtin.ts';
import table from '#drift/kubernetes/schema/builtin-types.json' with { type: 'json' };
import { struct } from './builtin-objects.ts';

const KINDS = Object.entries(table.kinds).map(([key, value]): readonly [string, string, string] => {
  const [apiVersion = '', kind = ''] = key.split(' ');
  return [apiVersion, kind, value];
});
const judge = (declared: JsonObject, live: readonly JsonObject[]) =>
  judgeKubernetes(
    {
      declared: [{ value: declared, file: 'a.yaml', line: 1 }],
      problems: [],
      live: { objects: live, served: null, unreached: [], openapi: new Map(), notes: [] },
      notes: [],
    },
    DEFAULT_OPTIONS,
    { target: 'prod/apps', severity: 'critical', minCoverage: 1, fingerprintKey: null },
  );

it('there are kinds', () => expect(KINDS.length).toBeGreaterThan(90));

describe.each(KINDS)('%s %s', (apiVersion, kind, entry) => {
  const schema = builtinKind(apiVersion, kind)?.schema;
  const [type = '', scope] = entry.split(' ');

  it('declared and live the same: no finding, whatever the order and the spelling', () => {
    if (schema === undefined) throw new Error('not in the table');
    fc.assert(
      fc.property(struct(type, schema, 0), ([declared, live]) => {
        const metadata = { name: 'x', ...(scope === 'namespaced' ? { namespace: 'shop' } : {}) };
        const object = (side: Json): JsonObject => ({ apiVersion, kind, metadata, ...(side as JsonObject) });
        const { findings, verdict, coverage } = judge(object(declared), [object(live)]);
        expect(findings).toEqual([]);
        expect([verdict, coverage.uncovered]).toEqual(['in-sync', []]);
        expect(judge(object(declared), []).verdict).toBe('drifted');
      }),
      { numRuns: 100 },
    );
  });
});
