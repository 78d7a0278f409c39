import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPlainlySame } from '#drift/kubernetes/compare/plainly-same.ts';
import { isList, isObject, type Json, type JsonObject } from '#drift/kubernetes/json.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { differencesOf } from '#drift/kubernetes/object-diff.ts';
import { groupOf, metadataOf } from '#drift/kubernetes/objects.ts';
import { builtinKind } from '#drift/kubernetes/schema/builtin.ts';
import type { StructSchema } from '#drift/kubernetes/schema/schema.ts';
import { refusal } from '#drift/kubernetes/valid.ts';
import { objectsOf } from './judging.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cases');

interface Pair {
  readonly declared: JsonObject;
  readonly live: JsonObject;
  readonly schema: StructSchema;
}

const keyOf = (object: JsonObject): string => `${object['apiVersion']} ${object['kind']} ${metadataOf(object)['name']}`;

/** What is declared and live under one name, in every recorded case. */
const PAIRS: readonly Pair[] = readdirSync(FOLDER).flatMap((name) => {
  const read = (file: string): readonly JsonObject[] =>
    readManifests([{ file, text: readFileSync(path.join(FOLDER, name, file), 'utf8') }]).objects.map(
      ({ value }) => value,
    );
  const live = new Map(read('live.yaml').map((object) => [keyOf(object), object]));
  return read('config.yaml').flatMap((declared) => {
    const other = live.get(keyOf(declared));
    const schema = builtinKind(String(declared['apiVersion']), String(declared['kind']))?.schema;
    return other === undefined || schema === undefined ? [] : [{ declared, live: other, schema }];
  });
});

const isPlain = ({ declared, live, schema }: Pair): boolean => isPlainlySame(declared, live, schema, { custom: false });

/** What those say whom it saves from being asked. */
function saidOf({ declared, live, schema }: Pair): number {
  const apiVersion = String(declared['apiVersion']);
  const differences = differencesOf(declared, live, {
    identity: {
      ...{ apiVersion, group: groupOf(apiVersion), kind: String(declared['kind']) },
      ...{ namespace: 'shop', name: String(metadataOf(declared)['name']) },
    },
    ...{ schema, isBuiltin: true, appliers: [], people: [], isScaled: false, before: null },
    trusted: () => false,
  });
  return differences.length + (refusal(declared, schema) === null ? 0 : 1);
}

it('what it calls the same has no difference, in every recorded case', () => {
  const plain = PAIRS.filter(isPlain);
  expect(plain.length).toBeGreaterThan(30);
  expect(plain.filter((pair) => saidOf(pair) > 0)).toEqual([]);
});

it('what the API server would refuse is not, even where the live side is said to have it', () => {
  const declared = objectsOf('{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: "3"}}');
  const [object = {}] = declared.map(({ value }) => value);
  const schema = builtinKind('apps/v1', 'Deployment')?.schema;
  expect(schema && isPlainlySame(object, object, schema, { custom: false })).toBe(false);
});

it('whatever part of one side is exchanged: what it calls the same has no difference', () => {
  const places = fc.array(fc.nat(), { minLength: 1, maxLength: 12 });
  const value = fc.constantFrom<Json | undefined>(undefined, null, 'other', '', 0, 7, false, true, [], {}, { a: 'b' });
  const choice = fc.constantFrom('git', 'live', 'live, declared as it stands', 'git, declared as it is live');
  let count = 0;
  fc.assert(
    fc.property(fc.constantFrom(...PAIRS), choice, places, value, (pair, side, at, other) => {
      const declared = side.includes(',') ? pair.live : pair.declared;
      const mutant: Pair = side.startsWith('git')
        ? { ...pair, declared: exchanged(declared, at, other) }
        : { ...pair, declared, live: exchanged(pair.live, at, other) };
      if (!isPlain(mutant)) return;
      count += 1;
      expect(saidOf(mutant)).toBe(0);
    }),
    { numRuns: 20_000 },
  );
  expect(count).toBeGreaterThan(200);
});

/** An object with one part of it, found by numbers, exchanged; what it is it stays. */
function exchanged(object: JsonObject, at: readonly number[], other: Json | undefined): JsonObject {
  const { apiVersion = '', kind = '', ...rest } = object;
  const changed = without(rest, at, other);
  return { ...(isObject(changed) ? changed : {}), apiVersion, kind };
}

/** A value with one part of it exchanged; undefined: taken out. */
function without(value: Json, [first = 0, ...rest]: readonly number[], other: Json | undefined): Json {
  if (isList(value) && value.length > 0) {
    const at = first % value.length;
    const item = without(value[at] ?? null, rest, other);
    return rest.length === 0 && other === undefined ? value.toSpliced(at, 1) : value.with(at, item);
  }
  if (!isObject(value) || Object.keys(value).length === 0) return other ?? 'other';
  const names = Object.keys(value);
  const name = names[first % names.length] ?? '';
  if (rest.length > 0) return { ...value, [name]: without(value[name] ?? null, rest, other) };
  const { [name]: _taken, ...others } = value;
  return other === undefined ? others : { ...others, [name]: other };
}
