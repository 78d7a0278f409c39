import { isList, isObject, type Json } from '../json.ts';

interface At {
  readonly element: Json;
  readonly index: number;
}
/** Elements that stand for each other; one side alone: it has no partner. */
export type Pair =
  | { readonly declared: At; readonly live: At }
  | { readonly declared: At; readonly live: null }
  | { readonly declared: null; readonly live: At };

/** Larger lists are paired by position: a table of all pairs would cost too much. */
const MAX_CELLS = 40_000;

/**
 * Finds what became of each element of a list whose order counts. `changed`: it can only be told of the list as a
 * whole (another order, or plain values that were exchanged).
 */
export function alignLists(
  declared: readonly Json[],
  live: readonly Json[],
  isSame: (a: Json, b: Json) => boolean,
): 'equal' | 'changed' | readonly Pair[] {
  const same = remembered(isSame);
  let start = 0;
  while (start < declared.length && start < live.length && same(at(declared, start), at(live, start))) start += 1;
  let [end, liveEnd] = [declared.length, live.length];
  while (end > start && liveEnd > start && same(at(declared, end - 1), at(live, liveEnd - 1))) {
    end -= 1;
    liveEnd -= 1;
  }
  const left = slice(declared, start, end);
  const right = slice(live, start, liveEnd);
  if (left.length === 0 && right.length === 0) return 'equal';
  if (declared.length === 0) return 'changed';
  if (left.length === 0) return right.map((element) => ({ declared: null, live: element }));
  if (right.length === 0) return left.map((element) => ({ declared: element, live: null }));
  const anchors = left.length * right.length > MAX_CELLS ? [] : commonOrder(left, right, same);
  const pairs = pairUp(left, right, anchors);
  if (
    isReordered(left, right, same) ||
    ![...left, ...right].every(({ element }) => isObject(element) || isList(element))
  ) {
    return pairs.every(({ declared, live }) => declared === null || live === null) && isOneSided(pairs)
      ? pairs
      : 'changed';
  }
  return pairs;
}

/** Comparing is what costs: no pair of elements is looked at twice. */
function remembered(isSame: (a: Json, b: Json) => boolean): (a: Json, b: Json) => boolean {
  const known = new Map<Json, Map<Json, boolean>>();
  return (a, b) => {
    const of = known.get(a) ?? new Map<Json, boolean>();
    known.set(a, of);
    const answer = of.get(b) ?? isSame(a, b);
    of.set(b, answer);
    return answer;
  };
}

const at = (list: readonly Json[], index: number): Json => list[index] ?? null;

const slice = (list: readonly Json[], start: number, end: number): readonly At[] =>
  list.slice(start, end).map((element, index) => ({ element, index: start + index }));

const isOneSided = (pairs: readonly Pair[]): boolean =>
  pairs.every(({ live }) => live === null) || pairs.every(({ declared }) => declared === null);

function isReordered(left: readonly At[], right: readonly At[], same: (a: Json, b: Json) => boolean): boolean {
  if (left.length !== right.length || left.length * right.length > MAX_CELLS) return false;
  const rest = [...right];
  return left.every(({ element }) => {
    const found = rest.findIndex((other) => same(element, other.element));
    if (found >= 0) rest.splice(found, 1);
    return found >= 0;
  });
}

/** The longest run of equal elements that both sides have in the same order, as pairs of positions. */
function commonOrder(
  left: readonly At[],
  right: readonly At[],
  same: (a: Json, b: Json) => boolean,
): readonly (readonly [number, number])[] {
  const width = right.length + 1;
  const equal = left.map((a) => right.map((b) => same(a.element, b.element)));
  const length = new Int32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      const [down, across] = [length[(i + 1) * width + j] ?? 0, length[i * width + j + 1] ?? 0];
      length[i * width + j] =
        equal[i]?.[j] === true ? (length[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(down, across);
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < left.length && j < right.length; ) {
    if (equal[i]?.[j] === true) {
      pairs.push([i, j]);
      i += 1;
      j += 1;
    } else if ((length[(i + 1) * width + j] ?? 0) >= (length[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return pairs;
}

/** Two things with names of their own stand for each other only if they have the same one. */
function areNamesakes(a: Json, b: Json): boolean {
  const [first, second] = [a, b].map((element) => (isObject(element) ? element['name'] : undefined));
  return typeof first !== 'string' || typeof second !== 'string' || first === second;
}

/** Between two equal pairs the elements stand for each other in their order; what is left over has no partner. */
function pairUp(
  left: readonly At[],
  right: readonly At[],
  anchors: readonly (readonly [number, number])[],
): readonly Pair[] {
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...anchors, [left.length, right.length] as const]) {
    while (i < nextI || j < nextJ) {
      const declared = i < nextI ? (left[i] ?? null) : null;
      const live = j < nextJ ? (right[j] ?? null) : null;
      if (declared !== null && live !== null && areNamesakes(declared.element, live.element))
        pairs.push({ declared, live });
      else if (declared !== null && live !== null) {
        pairs.push({ declared, live: null }, { declared: null, live });
      } else if (declared !== null) pairs.push({ declared, live: null });
      else if (live !== null) pairs.push({ declared: null, live });
      i = Math.min(i + 1, nextI);
      j = Math.min(j + 1, nextJ);
    }
    i = nextI + 1;
    j = nextJ + 1;
  }
  return pairs;
}
