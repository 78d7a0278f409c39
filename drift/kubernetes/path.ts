import { createHash } from 'node:crypto';
import { type Json, textOf } from './json.ts';

/** One step down into an object. */
export type Step =
  | { readonly field: string }
  /** An element of a keyed list, by its key. */
  | { readonly key: Readonly<Record<string, Json>> }
  /** An element of an atomic list or a set: where it stands, for the reader, and what it is, for identity. */
  | {
      readonly index: number;
      readonly element: Json;
      /** What stands before it, where that tells what it is: a flag, before its value. */
      readonly after?: Json | undefined;
    };

/** A place in an object, from its end; null is the object itself. */
export type Path = { readonly parent: Path; readonly step: Step } | null;

export const below = (parent: Path, step: Step): Path => ({ parent, step });

export function stepsOf(path: Path): readonly Step[] {
  const steps: Step[] = [];
  for (let at = path; at !== null; at = at.parent) steps.push(at.step);
  return steps.reverse();
}

const PLAIN_NAME = /^[A-Za-z_$][\w$]*$/;

function fieldText(field: string, first: boolean): string {
  if (!PLAIN_NAME.test(field)) return `[${JSON.stringify(field)}]`;
  return first ? field : `.${field}`;
}

const keyText = (key: Readonly<Record<string, Json>>): string =>
  `[${Object.entries(key)
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .join()}]`;

/** As a person reads it: dots, `[key=value]` for keyed lists, `[i]` for the others, `["a.b"]` for odd keys. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of stepsOf(path)) {
    if ('field' in step) text += fieldText(step.field, text === '');
    else if ('key' in step) text += keyText(step.key);
    else text += `[${step.index}]`;
  }
  return text;
}

/** For identity: an element of a list without keys is known by what it is, never by where it stands. */
export function identityText(path: Path): string {
  let text = '';
  for (const step of stepsOf(path)) {
    if ('field' in step) text += fieldText(step.field, text === '');
    else if ('key' in step) text += keyText(step.key);
    else text += `[~${digest(step.element)}]`;
  }
  return text;
}

function digest(element: Json): string {
  const text = JSON.stringify(element, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Names of fields only, `[]` for an element of any list: what tables of fields go by. */
export function shapeText(path: Path): string {
  let text = '';
  for (const step of stepsOf(path)) {
    if ('field' in step) text += text === '' ? step.field : `.${step.field}`;
    else text += '[]';
  }
  return text;
}
