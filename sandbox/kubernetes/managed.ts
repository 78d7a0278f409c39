import { type Comparison, compare, FieldSet, fieldsOf } from './fields.ts';
import { clone, isObject, type Json, type JsonObject, listAt, textAt } from './json.ts';
import type { Type } from './schema.ts';

/** Who writes: one entry of managedFields is kept for each. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string;
}

interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | null;
  readonly fields: FieldSet;
}

/** What other managers own and an apply would change. */
export interface OwnerConflict {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | null;
  readonly fields: readonly (readonly string[])[];
}

const MOST_UPDATES = 10;
const IDENTITY = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'selfLink'];

/** Places that have no owner: what names the object, and what only the server sets. */
function stripped(set: FieldSet): FieldSet {
  const none = new FieldSet();
  none.add(['f:apiVersion']);
  none.add(['f:kind']);
  none.add(['f:metadata']);
  for (const name of [...IDENTITY, 'managedFields', 'deletionTimestamp']) none.add(['f:metadata', `f:${name}`]);
  return set.without(none);
}

export function entriesOf(object: JsonObject): readonly Entry[] {
  return listAt(object, 'metadata', 'managedFields')
    .filter(isObject)
    .map((entry) => ({
      manager: textAt(entry, 'manager'),
      operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
      apiVersion: textAt(entry, 'apiVersion'),
      subresource: textAt(entry, 'subresource'),
      time: textAt(entry, 'time') || null,
      fields: FieldSet.from(entry['fieldsV1']),
    }));
}

function toJson(entry: Entry): JsonObject {
  return {
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time === null ? {} : { time: entry.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: entry.fields.toJson(),
    ...(entry.subresource === '' ? {} : { subresource: entry.subresource }),
  };
}

/** The server's own order: appliers first, then the oldest. */
function encoded(entries: readonly Entry[]): Json[] {
  const key = (entry: Entry): string =>
    [
      entry.operation === 'Apply' ? '0' : '1',
      entry.time ?? '',
      entry.manager,
      entry.apiVersion,
      entry.subresource,
    ].join('\0');
  return [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1)).map(toJson);
}

const isSame = (entry: Entry, writer: Writer, operation: Entry['operation']): boolean =>
  entry.operation === operation &&
  entry.manager === writer.manager &&
  entry.subresource === writer.subresource &&
  (operation === 'Apply' || entry.apiVersion === writer.apiVersion);

const sameSet = (a: FieldSet, b: FieldSet): boolean => a.without(b).isEmpty() && b.without(a).isEmpty();

/** The entries after a plain write: what it changed is its writer's, what it removed is nobody's. */
export function afterUpdate(
  entries: readonly Entry[],
  before: JsonObject,
  after: JsonObject,
  type: Type,
  writer: Writer,
  now: string,
): Json[] {
  const change = strippedChange(compare(before, after, type));
  const touched = change.modified.union(change.added);
  const others = entries
    .filter((entry) => !isSame(entry, writer, 'Update'))
    .map((entry) => ({
      ...entry,
      fields: entry.fields.without(touched).without(change.removed),
    }));
  const own = entries.find((entry) => isSame(entry, writer, 'Update'));
  const fields = (own?.fields ?? new FieldSet()).without(change.removed).union(touched);
  const isUnchanged = own !== undefined && sameSet(fields, own.fields);
  const entry: Entry = {
    ...writer,
    operation: 'Update',
    time: isUnchanged ? own.time : now,
    fields,
  };
  return encoded(capped([...others, entry].filter((one) => !one.fields.isEmpty())));
}

/** Ten writers are remembered; those before them are history. */
function capped(entries: readonly Entry[]): readonly Entry[] {
  const updates = entries.filter((entry) => entry.operation === 'Update' && entry.subresource === '');
  const tooMany = updates.length - MOST_UPDATES;
  if (tooMany <= 0) return entries;
  const oldest = [...updates].sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).slice(0, tooMany + 1);
  const merged = oldest.reduce((sum, entry) => sum.union(entry.fields), new FieldSet());
  const last = oldest.at(-1);
  if (last === undefined) return entries;
  return [
    ...entries.filter((entry) => !oldest.includes(entry)),
    { ...last, manager: 'ancient-changes', fields: merged },
  ];
}

function strippedChange(change: Comparison): Comparison {
  return { added: stripped(change.added), modified: stripped(change.modified), removed: stripped(change.removed) };
}

export interface Applied {
  readonly object: JsonObject;
  readonly managedFields: Json[];
  readonly conflicts: readonly OwnerConflict[];
}

/** Server-side apply: the live object with a configuration merged in, and what its applier no longer wants taken out. */
export function applied(
  live: JsonObject,
  configuration: JsonObject,
  type: Type,
  writer: Writer,
  now: string,
  merge: (live: Json, config: Json, type: Type) => Json,
): Applied {
  const entries = entriesOf(live);
  const wanted = stripped(fieldsOf(configuration, type));
  const own = entries.find((entry) => isSame(entry, writer, 'Apply'));
  const others = entries.filter((entry) => entry !== own);
  const merged = merge(live, configuration, type);
  const object = isObject(merged) ? merged : {};
  if (own !== undefined) {
    const kept = others.reduce((sum, entry) => sum.union(entry.fields), wanted);
    for (const path of own.fields.without(wanted).paths()) if (!holds(kept, path)) remove(object, path);
  }
  const change = strippedChange(compare(live, object, type));
  const touched = change.modified.union(change.added);
  const conflicts = others.flatMap((entry): readonly OwnerConflict[] => {
    const fields = entry.fields.intersection(touched).paths();
    return fields.length === 0 ? [] : [{ ...entry, fields }];
  });
  const left = others
    .map((entry) => ({ ...entry, fields: entry.fields.without(touched).without(change.removed) }))
    .filter((entry) => !entry.fields.isEmpty());
  const isUnchanged = own !== undefined && sameSet(own.fields, wanted);
  const entry: Entry = { ...writer, operation: 'Apply', time: isUnchanged ? own.time : now, fields: wanted };
  const managedFields = encoded([...left, ...(wanted.isEmpty() ? [] : [entry])]);
  return { object, managedFields, conflicts };
}

/** Whether a place, or anything below it, is in the set. */
function holds(set: FieldSet, path: readonly string[]): boolean {
  let here: FieldSet | undefined = set;
  for (const key of path) here = here?.below.get(key);
  return here !== undefined && !here.isEmpty();
}

/** Takes a place of an object away, named as in FieldsV1. */
function remove(object: JsonObject, path: readonly string[]): void {
  let here: Json | undefined = object;
  for (const [index, key] of path.entries()) {
    const isLast = index === path.length - 1;
    if (key.startsWith('f:')) {
      if (!isObject(here)) return;
      const name = key.slice(2);
      if (isLast) delete here[name];
      else here = here[name];
      continue;
    }
    if (!Array.isArray(here)) return;
    const found: number = here.findIndex((item) => isItem(item, key));
    if (found < 0) return;
    if (isLast) here.splice(found, 1);
    else here = here[found];
  }
}

/** A key that the item leaves out is a protocol, which has a default. */
function isItem(item: Json, key: string): boolean {
  const wanted = JSON.parse(key.slice(2)) as Json;
  if (key.startsWith('v:')) return item === wanted;
  if (!isObject(item) || !isObject(wanted)) return false;
  return Object.entries(wanted).every(([name, value]) => (item[name] ?? 'TCP') === value);
}

/** Entries that a client sent along are taken instead of the live ones: so kubectl moves ownership. */
export function sentEntries(sent: JsonObject, live: JsonObject): readonly Entry[] {
  const own = entriesOf(sent);
  if (own.length === 0) return entriesOf(live);
  return own.length === 1 && own[0]?.manager === '' ? [] : own;
}

export function withEntries(object: JsonObject, managedFields: Json[]): JsonObject {
  const metadata = isObject(object['metadata']) ? { ...object['metadata'] } : {};
  if (managedFields.length === 0) delete metadata['managedFields'];
  else metadata['managedFields'] = managedFields;
  return { ...clone(object), metadata };
}
