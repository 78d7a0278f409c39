import { equal, isObject, type Json, type JsonObject } from './json.ts';
import { deduced, fieldOf, type Type } from './schema.ts';

/** A set of places in an object, as a tree; the keys are those of FieldsV1 (`f:name`, `k:{…}`, `v:…`). */
export class FieldSet {
  /** Whether the place itself is in the set, not only some below it. */
  self = false;
  readonly below = new Map<string, FieldSet>();

  child(key: string): FieldSet {
    const found = this.below.get(key);
    if (found !== undefined) return found;
    const made = new FieldSet();
    this.below.set(key, made);
    return made;
  }

  add(path: readonly string[]): void {
    let here: FieldSet = this;
    for (const key of path) here = here.child(key);
    here.self = true;
  }

  isEmpty(): boolean {
    return !this.self && [...this.below.values()].every((child) => child.isEmpty());
  }

  union(other: FieldSet): FieldSet {
    const made = new FieldSet();
    made.self = this.self || other.self;
    for (const key of new Set([...this.below.keys(), ...other.below.keys()])) {
      made.below.set(key, (this.below.get(key) ?? new FieldSet()).union(other.below.get(key) ?? new FieldSet()));
    }
    return made;
  }

  without(other: FieldSet): FieldSet {
    const made = new FieldSet();
    made.self = this.self && !other.self;
    for (const [key, child] of this.below) {
      const left = child.without(other.below.get(key) ?? new FieldSet());
      if (!left.isEmpty()) made.below.set(key, left);
    }
    return made;
  }

  intersection(other: FieldSet): FieldSet {
    const made = new FieldSet();
    made.self = this.self && other.self;
    for (const [key, child] of this.below) {
      const shared = child.intersection(other.below.get(key) ?? new FieldSet());
      if (!shared.isEmpty()) made.below.set(key, shared);
    }
    return made;
  }

  paths(prefix: readonly string[] = []): readonly (readonly string[])[] {
    const own = this.self ? [prefix] : [];
    return [...own, ...[...this.below].flatMap(([key, child]) => child.paths([...prefix, key]))];
  }

  toJson(): JsonObject {
    const made: JsonObject = {};
    if (this.self && this.below.size > 0) made['.'] = {};
    for (const [key, child] of [...this.below].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!child.isEmpty()) made[key] = child.toJson();
    }
    return made;
  }

  static from(json: Json | undefined): FieldSet {
    const made = new FieldSet();
    if (!isObject(json)) return made;
    for (const [key, below] of Object.entries(json)) {
      if (key === '.') made.self = true;
      else made.below.set(key, FieldSet.#entry(below));
    }
    return made;
  }

  static #entry(json: Json): FieldSet {
    const made = FieldSet.from(json);
    if (isObject(json) && Object.keys(json).length === 0) made.self = true;
    return made;
  }
}

/** The key of a list's item in FieldsV1; null where the list is one value. */
export function itemKey(type: Type & { is: 'list' }, item: Json): string | null {
  if (type.mode === 'set') return `v:${JSON.stringify(item)}`;
  if (type.mode !== 'map' || !isObject(item)) return null;
  const key: JsonObject = {};
  for (const name of [...type.keys].sort()) {
    const value = item[name] ?? fieldOf(type.item.type, name)?.fallback;
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

/** All places that a configuration sets: what its applier owns. */
export function fieldsOf(value: Json, type: Type): FieldSet {
  const set = new FieldSet();
  collect(value, type, set);
  return set;
}

function collect(value: Json, given: Type, set: FieldSet): void {
  const type = given.is === 'any' ? deduced(value) : given;
  if (type.is === 'list') {
    if (type.mode === 'atomic' || !Array.isArray(value)) {
      set.self = true;
      return;
    }
    for (const item of value) {
      const key = itemKey(type, item);
      if (key === null) continue;
      const child = set.child(key);
      collect(item, type.item.type, child);
      child.self = true;
    }
    return;
  }
  if (type.is !== 'struct' && type.is !== 'map') {
    set.self = true;
    return;
  }
  if (type.atomic) {
    set.self = true;
    return;
  }
  if (!isObject(value)) return;
  for (const [key, below] of Object.entries(value)) {
    const field = fieldOf(type, key);
    const child = set.child(`f:${key}`);
    collect(below, field?.type ?? deduced(below), child);
    const isEmpty = below === null || (isObject(below) && Object.keys(below).length === 0);
    if (isEmpty || type.is !== 'struct' || field === null) child.self = true;
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Where an object differs from what it was. */
export function compare(before: Json | undefined, after: Json | undefined, type: Type): Comparison {
  const found = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  walk(before, after, type, [], found);
  return found;
}

function walk(
  before: Json | undefined,
  after: Json | undefined,
  given: Type,
  path: readonly string[],
  found: Comparison,
): void {
  const type = given.is === 'any' ? deduced(after ?? before) : given;
  const isLeaf = compareBelow(before, after, type, path, found);
  if (before === undefined) found.added.add(path);
  else if (after === undefined) found.removed.add(path);
  else if (isLeaf && !equal(before, after)) found.modified.add(path);
}

/** @returns whether the value is one whole for its owners */
function compareBelow(
  before: Json | undefined,
  after: Json | undefined,
  type: Type,
  path: readonly string[],
  found: Comparison,
): boolean {
  if (isNothing(before) && isNothing(after)) return true;
  if (type.is === 'list') {
    if (type.mode === 'atomic') return true;
    const [old, now] = [byKey(before, type), byKey(after, type)];
    for (const key of new Set([...old.keys(), ...now.keys()])) {
      walk(old.get(key), now.get(key), type.item.type, [...path, key], found);
    }
    return false;
  }
  if ((type.is !== 'struct' && type.is !== 'map') || type.atomic) return true;
  const [old, now] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const below = fieldOf(type, key)?.type ?? deduced(now[key] ?? old[key]);
    walk(old[key], now[key], below, [...path, `f:${key}`], found);
  }
  return false;
}

function isNothing(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function byKey(value: Json | undefined, type: Type & { is: 'list' }): ReadonlyMap<string, Json> {
  const items = Array.isArray(value) ? value : [];
  return new Map(items.flatMap((item) => [[itemKey(type, item) ?? '', item] as const]));
}
