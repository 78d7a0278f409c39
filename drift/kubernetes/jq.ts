import { compile } from '@michaelhomer/jqjs';
import { isList, isObject, type Json } from './json.ts';

/** A jq path cannot be read: the message has it. */
export class JqError extends Error {
  override readonly name = 'JqError';
}

type Paths = (input: unknown) => Iterable<unknown>;
const compiled = new Map<string, Paths>();
const MAX_COMPILED = 1000;
/** A rule that names more places than this names everything. */
const MAX_PLACES = 10_000;

/** A value without the places that a jq path names. What is not there needs no taking out. @throws JqError */
export function withoutJq(value: Json, path: string): Json {
  const places: (readonly (string | number)[])[] = [];
  const find = compiledPath(path);
  try {
    for (const place of find(value)) {
      if (places.length >= MAX_PLACES) throw new JqError(`the jq path ${path} names more than ${MAX_PLACES} places`);
      if (Array.isArray(place)) places.push(place);
    }
  } catch (error) {
    if (error instanceof JqError) throw error;
    // jq fails where it goes into something that is not there: then there is nothing to take out.
  }
  // From the end, so that positions before stay what they are.
  return places.toSorted(comparePlaces).reduce(without, value);
}

/** @throws JqError */
export function compiledPath(path: string): Paths {
  const known = compiled.get(path);
  if (known !== undefined) return known;
  try {
    const filter = compile(`path(${path})`);
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(path, filter);
    return filter;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JqError(`"${path}" is no jq path: ${why}`, { cause: error });
  }
}

function comparePlaces(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, step] of a.entries()) {
    const other = b[index];
    if (other === undefined) return -1;
    if (step === other) continue;
    return typeof step === 'number' && typeof other === 'number' ? other - step : String(step) < String(other) ? 1 : -1;
  }
  return b.length - a.length;
}

/** A copy without one place. */
export function without(value: Json, [step, ...rest]: readonly (string | number)[]): Json {
  if (step === undefined) return value;
  if (isList(value)) {
    const index = Number(step);
    if (!Number.isInteger(index) || index < 0 || index >= value.length) return value;
    return rest.length === 0 ? value.toSpliced(index, 1) : value.with(index, without(value[index] ?? null, rest));
  }
  if (!isObject(value) || !Object.hasOwn(value, step)) return value;
  const { [step]: child, ...others } = value;
  return rest.length === 0 ? others : { ...others, [step]: without(child ?? null, rest) };
}
