import { canonicalNumber, ExactNumber, parseJson } from './decode.ts';

type Json = unknown;
export type Path = readonly string[];

/** Keys of IAM documents whose lists have no order, and where one element may stand without its list. */
const IAM_SETS = new Set([
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'AWS',
  'Service',
  'Federated',
  'CanonicalUser',
]);

export const isObject = (value: Json): value is Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

/** null, "", [] and {} mean the same to a provider. */
export function isEmpty(value: Json): boolean {
  if (value === null || value === undefined || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/**
 * A text that is the same for values that mean the same: keys in order, numbers by value, JSON in strings by meaning,
 * IAM lists as sets, empty as null.
 */
export function canonical(value: Json, meaning: 'exact' | 'set' = 'exact'): string {
  if (isEmpty(value)) return 'null';
  if (typeof value === 'number' || value instanceof ExactNumber) return canonicalNumber(value);
  if (typeof value === 'string') return canonicalString(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item));
    return `[${(meaning === 'set' ? [...new Set(items)].sort() : items).join()}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => !isEmpty(item));
  return `{${entries
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
    .sort()
    .join()}}`;
}

/** Whether two values mean the same. */
export const same = (a: Json, b: Json): boolean => canonical(a) === canonical(b);

function canonicalString(text: string): string {
  const document = jsonDocument(text);
  return document === null ? JSON.stringify(text) : `json:${canonicalDocument(document)}`;
}

/** A string that holds a JSON object or list, parsed; null for any other string. */
function jsonDocument(text: string): Json {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** Inside a JSON document empty is not absent, but IAM's lists are sets and a lone element equals its list. */
function canonicalDocument(value: Json, iamSet = false): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonicalDocument(item));
    if (!iamSet) return `[${items.join()}]`;
    return items.length === 1 ? (items[0] ?? '') : `[${[...new Set(items)].sort().join()}]`;
  }
  if (typeof value === 'number' || value instanceof ExactNumber) return canonicalNumber(value);
  if (!isObject(value)) return JSON.stringify(value);
  const iam = 'Statement' in value || 'Effect' in value || [...IAM_SETS].some((key) => key in value);
  return `{${Object.entries(value)
    .map(
      ([key, item]) =>
        `${JSON.stringify(key)}:${canonicalDocument(item, iam && (IAM_SETS.has(key) || key === 'Statement'))}`,
    )
    .sort()
    .join()}}`;
}

/** What a mask or `after_unknown` tree says at a path: `all` below is meant, `some` of it, or `none`. */
export function markAt(tree: Json, path: Path): 'all' | 'some' | 'none' {
  let node = tree;
  for (const step of path) {
    if (node === true) return 'all';
    node = isObject(node) ? node[step] : Array.isArray(node) ? node[Number(step)] : undefined;
  }
  if (node === true) return 'all';
  return holdsTrue(node) ? 'some' : 'none';
}

function holdsTrue(node: Json): boolean {
  if (node === true) return true;
  return typeof node === 'object' && node !== null && Object.values(node).some(holdsTrue);
}

export function valueAt(value: Json, path: Path): Json {
  let node = value;
  for (const step of path) node = isObject(node) ? node[step] : undefined;
  return node;
}

/**
 * The paths at which two values differ in meaning. It goes down into objects and stops at lists: a path never holds a
 * position, because sets are written as lists and elements have no key that a plan names. It also stops where a mask
 * hides all below: keys of a secret map are as secret as its values.
 */
export function differingPaths(sides: Sides, at: Path = []): readonly Path[] {
  const { before, after, unknown, masks } = sides;
  if (unknown === true) return [at];
  if (!isObject(before) || !(isObject(after) || isObject(unknown)) || masks.includes(true)) {
    return same(before, after) && !holdsTrue(unknown) ? [] : [at];
  }
  const keys = new Set([before, after, unknown].flatMap((side) => (isObject(side) ? Object.keys(side) : [])));
  const below = (side: Json, key: string): Json => (isObject(side) ? side[key] : undefined);
  return [...keys].sort().flatMap((key) =>
    differingPaths(
      {
        before: before[key],
        after: below(after, key),
        unknown: below(unknown, key),
        masks: masks.map((mask) => below(mask, key)),
      },
      [...at, key],
    ),
  );
}

/** Two values, with the trees that say what of the second is not known yet and what of either is hidden. */
export interface Sides {
  readonly before: Json;
  readonly after: Json;
  readonly unknown: Json;
  readonly masks: readonly Json[];
}

/** Whether one path is the other or lies above or below it. */
export const related = (a: Path, b: Path): boolean => a.slice(0, b.length).every((step, index) => step === b[index]);

/** `tags.Name`, `settings["a.b"]`. */
export function pathText(path: Path): string {
  return path
    .map((step, index) =>
      /^[A-Za-z_][\w-]*$/.test(step) ? `${index === 0 ? '' : '.'}${step}` : `[${JSON.stringify(step)}]`,
    )
    .join('');
}
