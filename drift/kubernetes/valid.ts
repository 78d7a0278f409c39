import { isList, isObject, type Json } from './json.ts';
import { below, type Path, pathText } from './path.ts';
import { decodeBase64 } from './scalars/base64.ts';
import { isQuantity } from './scalars/quantity.ts';
import type { Schema } from './schema/schema.ts';

/** Why the API server would refuse a declaration: one sentence with the path; null when its types are right. */
export function refusal(value: Json, schema: Schema, path: Path = null): string | null {
  if (value === null) return null;
  switch (schema.shape) {
    case 'struct':
      if (!isObject(value)) return says(path, 'a map', value);
      return firstOf(Object.entries(value), ([name, child]) => {
        const field = name === 'status' && path === null ? null : schema.field(name);
        return field === null ? null : refusal(child, field, below(path, { field: name }));
      });
    case 'map':
      if (!isObject(value)) return says(path, 'a map', value);
      return firstOf(Object.entries(value), ([name, child]) =>
        refusal(child, schema.value, below(path, { field: name })),
      );
    case 'list':
      if (!isList(value)) return says(path, 'a list', value);
      return firstOf([...value.entries()], ([index, element]) =>
        refusal(element, schema.item, below(path, { index, element })),
      );
    default:
      return refusedScalar(value, schema.kind, path);
  }
}

/** The path of a declared field that a schema does not have; null: it has them all. */
export function unknownField(value: Json, schema: Schema, path: Path = null): string | null {
  switch (schema.shape) {
    case 'struct':
      return firstOf(isObject(value) ? Object.entries(value) : [], ([name, child]) => {
        if (path === null && NO_FIELDS.has(name)) return null;
        const at = below(path, { field: name });
        const field = schema.field(name);
        if (field === null) return schema.complete && child !== null ? pathText(at) : null;
        return unknownField(child, field, at);
      });
    case 'map':
      return firstOf(isObject(value) ? Object.entries(value) : [], ([name, child]) =>
        unknownField(child, schema.value, below(path, { field: name })),
      );
    case 'list':
      return firstOf(isList(value) ? [...value.entries()] : [], ([index, element]) =>
        unknownField(element, schema.item, below(path, { index, element })),
      );
    default:
      return null;
  }
}
const NO_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** As `refusal`, of a scalar. */
export function refusedScalar(value: Json, kind: string, path: Path): string | null {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  switch (kind) {
    case 'text':
    case 'time':
      return typeof value === 'string' ? null : says(path, 'a text (put it in quotes)', value);
    case 'integer':
      return isNumber && (typeof value === 'bigint' || Number.isInteger(value))
        ? null
        : says(path, 'an integer', value);
    case 'number':
      return isNumber ? null : says(path, 'a number', value);
    case 'boolean':
      return typeof value === 'boolean' ? null : says(path, 'true or false', value);
    case 'int-or-string':
      return isNumber || typeof value === 'string' ? null : says(path, 'a number or a text', value);
    case 'quantity':
      return isQuantity(value) ? null : says(path, 'an amount, such as 500m or 1Gi', value);
    case 'bytes':
      return decodeBase64(value) === null ? says(path, 'base64', value) : null;
    default:
      return null;
  }
}

function firstOf<T>(items: readonly T[], check: (item: T) => string | null): string | null {
  for (const item of items) {
    const reason = check(item);
    if (reason !== null) return reason;
  }
  return null;
}

/** Names the type only: the value may be a secret. */
function says(path: Path, wanted: string, value: Json): string {
  const is = isList(value)
    ? 'a list'
    : isObject(value)
      ? 'a map'
      : typeof value === 'string'
        ? 'a text'
        : `a ${typeof value}`;
  return `the API server would refuse ${pathText(path) || 'it'}: it must be ${wanted}, not ${is.replace('bigint', 'number')}`;
}
