import type { Cause } from '../cause.ts';
import { keyText, readKey } from './compare/keys.ts';
import { type ScalarRules, sameValue } from './compare/same.ts';
import { isList, isObject, type Json, type JsonObject, own } from './json.ts';
import { type Path, stepsOf } from './path.ts';
import { guessed } from './schema/guess.ts';
import { ANY, type ListSchema, type Schema } from './schema/schema.ts';

/** What git declared of one object at the last in-sync commit: null when it did not declare it. */
export interface Before {
  readonly object: JsonObject | null;
}

/** One place of what git declares now, and what it declared there before. */
interface Place {
  readonly now: Json | undefined;
  readonly before: Json | undefined;
  readonly schema: Schema;
}

/**
 * The cause that git's history tells (DESIGN §2.10): both sides were equal at the last in-sync commit, so whichever has
 * moved since made the difference. An object that git did not declare then is new in all its parts.
 */
export function causeByGit(
  path: Path,
  now: JsonObject,
  before: JsonObject | null,
  schema: Schema,
  rules: ScalarRules,
): Cause {
  if (before === null) return 'pending';
  let place: Place = { now, before, schema };
  for (const step of stepsOf(path)) {
    // Elements without a key are known by their position only, which moves: their list is compared whole.
    if ('index' in step) break;
    place = 'field' in step ? fieldOf(place, step.field) : elementOf(place, step.key);
  }
  return sameValue(place.now, place.before, place.schema, rules) ? 'out-of-band' : 'pending';
}

/** The cause of a missing object: it was there when git declared it before, so somebody deleted it. */
export const causeOfMissing = (before: Before): Cause => (before.object === null ? 'pending' : 'out-of-band');

/** The cause of an orphan: git gave it up, or it never was git's. */
export const causeOfOrphan = (before: Before): Cause => (before.object === null ? 'out-of-band' : 'pending');

function fieldOf({ now, before, schema }: Place, name: string): Place {
  const [left, right] = [memberOf(now, name), memberOf(before, name)];
  const known = guessed(schema, now, before);
  const field = known.shape === 'struct' ? known.field(name) : known.shape === 'map' ? known.value : null;
  return { now: left, before: right, schema: guessed(field, left, right) };
}

function elementOf({ now, before, schema }: Place, key: Readonly<Record<string, Json>>): Place {
  const known = guessed(schema, now, before);
  const names = Object.keys(key);
  // A key that only the live side could tell: the list is read by it all the same.
  const list: ListSchema =
    known.shape === 'list'
      ? { ...known, keys: names }
      : { shape: 'list', merge: 'keyed', keys: names, item: ANY, complete: false };
  const of = (side: Json | undefined): Json | undefined =>
    isList(side) ? side.find((element) => keyText(readKey(element, list) ?? {}) === keyText(key)) : undefined;
  const [left, right] = [of(now), of(before)];
  return { now: left, before: right, schema: list.item };
}

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) ? (own(value, name) ?? undefined) : undefined;
