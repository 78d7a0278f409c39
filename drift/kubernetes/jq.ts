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
      if (Array.isArray(place)) places.push(...concrete(value, place));
    }
  } catch (error) {
    if (error instanceof JqError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (UNSUPPORTED.test(why))
      throw new JqError(`"${path}" cannot be used as a jq path here: ${why}`, { cause: error });
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
    const filter = compile(`path(${rewritten(path)})`);
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(path, filter);
    return filter;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JqError(`"${path}" is no jq path: ${why}`, { cause: error });
  }
}

/** What the library says of filters that it knows and whose places it cannot tell. */
const UNSUPPORTED = /^no paths for|is not iterable$|^Invalid flag/;
/** Every further part begins with a sign of its own, so that there is one way only to read a path that ends without a mark. */
const TOKEN =
  /"(?:[^"\\]|\\.)*"|\.(?:[A-Za-z_]\w*|"[^"]*"|\[[^[\]]*\])(?:\??(?:\.(?:[A-Za-z_]\w*|"[^"]*")|\.?\[[^[\]]*\]))*\?/g;
const IGNORING_CASE = /\btest\(\s*"((?:[^"\\]|\\.)*)"\s*;\s*"i"\s*\)/g;

/** A question mark stands for all of the path before it, which the library only knows of what is in brackets. */
function rewritten(path: string): string {
  const told = path.replace(TOKEN, (token) => {
    if (token.startsWith('"')) return token;
    const [first = '', ...rest] = token.split('?');
    return rest.reduce((text, part) => `(${text})?${part}`, first);
  });
  return told.replace(IGNORING_CASE, 'test("(?i:$1)")');
}

/** The places of a place that counts from the end, or names a slice. */
function concrete(value: Json, place: readonly unknown[]): readonly (readonly (string | number)[])[] {
  let found: readonly { readonly at: readonly (string | number)[]; readonly value: Json | undefined }[] = [
    { at: [], value },
  ];
  for (const step of place) {
    found = found.flatMap(({ at, value: inner }) =>
      stepsInto(inner, step).map((own) => ({
        at: [...at, own],
        value: isList(inner) ? inner[Number(own)] : isObject(inner) ? inner[String(own)] : undefined,
      })),
    );
  }
  return found.map(({ at }) => at);
}

function stepsInto(value: Json | undefined, step: unknown): readonly (string | number)[] {
  if (typeof step === 'string') return [step];
  if (typeof step === 'number') return [step < 0 && isList(value) ? value.length + step : step];
  if (typeof step !== 'object' || step === null || !isList(value)) return [];
  const { start, end } = step as { readonly start: number; readonly end: number };
  // The library writes -1 for "to the end".
  return [...value.keys()].slice(start, end === -1 ? value.length : end);
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
