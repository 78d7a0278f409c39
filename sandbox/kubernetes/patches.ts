import { itemKey } from './fields.ts';
import { clone, equal, isObject, type Json, type JsonObject, textAt } from './json.ts';
import { deduced, fieldOf, type Type } from './schema.ts';
import { badRequest, Refused } from './status.ts';

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return clone(patch);
  const made: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    else made[key] = mergePatch(made[key], value);
  }
  return made;
}

/** RFC 6902. @throws Refused 422 where an operation does not fit */
export function jsonPatch(target: JsonObject, operations: Json): JsonObject {
  if (!Array.isArray(operations)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value');
  let document: Json = clone(target);
  for (const operation of operations) document = operate(document, isObject(operation) ? operation : {});
  return isObject(document) ? document : {};
}

function operate(document: Json, operation: JsonObject): Json {
  const [op, place] = [textAt(operation, 'op'), textAt(operation, 'path')];
  const value = operation['value'] ?? null;
  switch (op) {
    case 'test':
      if (!equal(read(document, place), value)) throw unfit(`testing value ${place} failed`);
      return document;
    case 'add':
    case 'replace':
      if (op === 'replace' && read(document, place) === undefined) throw missing(op, place);
      return write(document, place, clone(value), op);
    case 'remove':
      return erase(document, place);
    case 'copy':
    case 'move': {
      const from = textAt(operation, 'from');
      const found = read(document, from);
      if (found === undefined) throw missing(op, from);
      return write(op === 'move' ? erase(document, from) : document, place, clone(found), 'add');
    }
    default:
      throw unfit(`Unexpected kind: ${op}`);
  }
}

const unfit = (why: string): Refused =>
  new Refused(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`, {});
const missing = (op: string, place: string): Refused =>
  unfit(`${op} operation does not apply: doc is missing path: ${place}`);
const steps = (place: string): readonly string[] =>
  place
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

function read(document: Json, place: string): Json | undefined {
  let here: Json | undefined = document;
  for (const step of steps(place)) {
    if (Array.isArray(here)) here = here[Number(step)];
    else here = isObject(here) ? here[step] : undefined;
  }
  return here;
}

function parent(
  document: Json,
  place: string,
  op: string,
): { readonly holder: Json[] | JsonObject; readonly last: string } {
  const all = steps(place);
  const last = all.at(-1) ?? '';
  const holder = read(document, place.slice(0, place.lastIndexOf('/')));
  if (!Array.isArray(holder) && !isObject(holder)) throw missing(op, place);
  return { holder, last };
}

function write(document: Json, place: string, value: Json, op: 'add' | 'replace'): Json {
  if (place === '') return value;
  const { holder, last } = parent(document, place, op);
  if (!Array.isArray(holder)) {
    holder[last] = value;
    return document;
  }
  const index = last === '-' ? holder.length : Number(last);
  if (!Number.isInteger(index) || index < 0 || index > holder.length) throw missing(op, place);
  holder.splice(index, op === 'replace' ? 1 : 0, value);
  return document;
}

function erase(document: Json, place: string): Json {
  if (read(document, place) === undefined) throw missing('remove', place);
  const { holder, last } = parent(document, place, 'remove');
  if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else delete holder[last];
  return document;
}

/** Kubernetes' own patch: lists are merged by key where the schema says so, with its directives. */
export function strategicPatch(target: Json | undefined, patch: JsonObject, type: Type): JsonObject {
  const made: JsonObject = isObject(target) ? { ...target } : {};
  if (patch['$patch'] === 'replace') {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  const kept = patch['$retainKeys'];
  if (Array.isArray(kept)) for (const key of Object.keys(made)) if (!kept.includes(key)) delete made[key];
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$setElementOrder/') || key === '$retainKeys' || key === '$patch') continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const name = key.slice(key.indexOf('/') + 1);
      const [gone, list] = [Array.isArray(value) ? value : [], made[name]];
      if (Array.isArray(list)) made[name] = list.filter((item) => !gone.includes(item));
      continue;
    }
    if (value === null) {
      delete made[key];
      continue;
    }
    const field = fieldOf(type, key);
    if (Array.isArray(value)) {
      const order = patch[`$setElementOrder/${key}`];
      made[key] = patchedList(made[key], value, field, Array.isArray(order) ? order : null);
    } else if (isObject(value)) {
      if (value['$patch'] === 'delete') delete made[key];
      else made[key] = strategicPatch(made[key], value, field?.type ?? deduced(value));
    } else made[key] = value;
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith('$setElementOrder/') || !Array.isArray(order)) continue;
    const name = key.slice(key.indexOf('/') + 1);
    const list = made[name];
    if (Array.isArray(list) && !(name in patch))
      made[name] = inOrder(list, order, fieldOf(type, name)?.mergeKey ?? null);
  }
  return made;
}

function patchedList(
  target: Json | undefined,
  patch: Json[],
  field: ReturnType<typeof fieldOf>,
  order: readonly Json[] | null,
): Json[] {
  const isMerged = field?.strategy.includes('merge') === true;
  const directive = patch.find((item) => isObject(item) && item['$patch'] === 'replace');
  const items = patch.filter((item) => item !== directive);
  if (!isMerged || directive !== undefined) return clone(items);
  const made: Json[] = Array.isArray(target) ? [...target] : [];
  const type = field?.type.is === 'list' ? field.type.item.type : deduced(undefined);
  const key = field?.mergeKey ?? null;
  for (const item of items) {
    if (key === null || !isObject(item)) {
      if (!made.some((one) => equal(one, item))) made.push(clone(item));
      continue;
    }
    const found = made.findIndex((one) => isObject(one) && equal(one[key], item[key]));
    if (item['$patch'] === 'delete') {
      if (found >= 0) made.splice(found, 1);
    } else if (found >= 0) made[found] = strategicPatch(made[found], item, type);
    else made.push(strategicPatch({}, item, type));
  }
  return order === null ? made : inOrder(made, order, key);
}

/** Items that the patch names in its order; the others stay behind the one that they followed. */
function inOrder(list: readonly Json[], order: readonly Json[], key: string | null): Json[] {
  const nameOf = (item: Json | undefined): Json | undefined => (key !== null && isObject(item) ? item[key] : item);
  const place = (item: Json): number => order.findIndex((one) => equal(nameOf(one), nameOf(item)));
  const named = list.filter((item) => place(item) >= 0).sort((a, b) => place(a) - place(b));
  const made: Json[] = [];
  let next = 0;
  for (const item of list) {
    if (place(item) < 0) made.push(item);
    else made.push(named[next++] ?? item);
  }
  return made;
}

/** Merges an applied configuration into the live object, by the schema's own keys. */
export function structuredMerge(live: Json | undefined, config: Json, given: Type): Json {
  const type = given.is === 'any' ? deduced(config) : given;
  if ((type.is === 'struct' || type.is === 'map') && !type.atomic && isObject(config)) {
    const made: JsonObject = isObject(live) ? clone(live) : {};
    for (const [key, value] of Object.entries(config)) {
      made[key] = structuredMerge(made[key], value, fieldOf(type, key)?.type ?? deduced(value));
    }
    return made;
  }
  if (type.is === 'list' && type.mode !== 'atomic' && Array.isArray(config)) return mergedList(live, config, type);
  return clone(config);
}

function mergedList(live: Json | undefined, config: readonly Json[], type: Type & { is: 'list' }): Json[] {
  const keyOf = (item: Json): string => itemKey(type, item) ?? '';
  const old = Array.isArray(live) ? live : [];
  const [oldKeys, newKeys] = [new Map(old.map((item) => [keyOf(item), item])), new Set(config.map(keyOf))];
  const made: Json[] = [];
  let next = 0;
  // What only the live list has stays in front of the shared item that it stood before.
  const takeUpTo = (key: string | null): void => {
    while (next < old.length) {
      const item = old[next] ?? null;
      const isShared = newKeys.has(keyOf(item));
      if (isShared && keyOf(item) === key) break;
      if (!isShared) made.push(item);
      next++;
    }
  };
  for (const item of config) {
    const key = keyOf(item);
    const found = oldKeys.get(key);
    if (found !== undefined && old.slice(next).some((one) => keyOf(one) === key)) {
      takeUpTo(key);
      next++;
    }
    made.push(found === undefined ? clone(item) : structuredMerge(found, item, type.item.type));
  }
  takeUpTo(null);
  return made;
}
