import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { judgeTexts } from './judging.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cases');
const read = (name: string, file: string): string => readFileSync(path.join(FOLDER, name, file), 'utf8');
const objects = (text: string) => readManifests([{ file: 'a.yaml', text }]).objects.map(({ value }) => value);
type Step = string | number;

/** What is in sync on a real server, with all that the server and its controllers added. */
const IN_SYNC = readdirSync(FOLDER).filter((name) => {
  const { expected, policy } = JSON.parse(read(name, 'expected.json')) as {
    expected: { verdict: string };
    policy: string;
  };
  return expected.verdict === 'in-sync' && policy === 'universal' && name.startsWith('r');
});

/** Scalars that both sides have at the same place, and in the same number where there are lists. */
function shared(a: Json | undefined, b: Json | undefined, at: readonly Step[] = []): readonly (readonly Step[])[] {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length
      ? a.flatMap((item: Json, index) => shared(item, b[index] as Json, [...at, index]))
      : [];
  }
  const areMaps = [a, b].every((side) => typeof side === 'object' && side !== null && !Array.isArray(side));
  if (areMaps) {
    const [left, right] = [a as JsonObject, b as JsonObject];
    return Object.keys(left).flatMap((key) =>
      Object.hasOwn(right, key) ? shared(left[key], right[key], [...at, key]) : [],
    );
  }
  return typeof a === typeof b && a !== null && typeof a !== 'object' ? [at] : [];
}

function changed(value: Json, [step, ...rest]: readonly Step[]): Json {
  if (step === undefined) {
    if (typeof value === 'boolean') return !value;
    if (typeof value === 'number') return Math.abs(value) > 1e9 ? value / 2 : value + 7;
    return /^[\d.]+[a-zA-Z]*$/.test(String(value)) ? '77' : 'b3RoZXI=';
  }
  if (Array.isArray(value)) return value.with(Number(step), changed(value[Number(step)] as Json, rest));
  return { ...(value as JsonObject), [step]: changed((value as JsonObject)[step] ?? null, rest) };
}

/** Told by their owners, or the object itself by another name. */
const OTHERS = /^(?:apiVersion|kind|status|stringData)|^metadata\.(?!labels|annotations)|caBundle$/;

it('there are such cases', () => expect(IN_SYNC.length).toBeGreaterThan(25));

describe.each(IN_SYNC)('%s', (name) => {
  const live = objects(read(name, 'live.yaml'));
  const declared = objects(read(name, 'config.yaml'));
  const { input } = JSON.parse(read(name, 'expected.json')) as {
    input: { options?: unknown; defaultNamespace?: string };
  };
  const idOf = ({ kind, metadata }: JsonObject): string => `${kind}/${(metadata as JsonObject)['name']}`;

  it('every declared value is found when it is another one', () => {
    let count = 0;
    for (const [index, object] of live.entries()) {
      const wanted = declared.find((other) => idOf(other) === idOf(object));
      for (const place of shared(wanted, object)) {
        const text = place.join('.');
        if (OTHERS.test(text)) continue;
        const dump = live.with(index, changed(object, place) as JsonObject);
        const { defaultNamespace = 'default' } = input;
        const { verdict } = judgeTexts(read(name, 'config.yaml'), '', input.options, {}, { defaultNamespace, dump });
        expect(verdict, `${idOf(object)} ${text}`).toBe('drifted');
        count += 1;
      }
    }
    if (live.length > 0 && !name.includes('secret')) expect(count).toBeGreaterThan(0);
  });
});
