import { RenderError } from '../error.ts';

/** JSON of jsonnet: its numbers are doubles already, no digit can get lost. */
type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

const MAX_DEPTH = 64;
const MAX_MANIFESTS = 100_000;

/**
 * The manifests in what a program made, as Tanka and kubecfg find them: an object with `apiVersion` and `kind` is one,
 * a List is its items, anything else is looked into; null is nothing.
 * @throws RenderError
 */
export function manifestsIn(file: string, json: string): readonly Value[] {
  const found: Value[] = [];
  const walk = (value: Value, path: string, depth: number): void => {
    if (value === null) return;
    if (depth > MAX_DEPTH) throw new RenderError(`${file}: ${path} lies more than ${MAX_DEPTH} levels deep`);
    if (typeof value !== 'object') {
      throw new RenderError(
        `${file}: ${path} is ${describe(value)}, and only objects with apiVersion and kind are manifests`,
      );
    }
    if (isArray(value)) {
      for (const [index, item] of value.entries()) walk(item, `${path}[${index}]`, depth + 1);
    } else if (!isManifest(value)) {
      for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`, depth + 1);
    } else if (value['kind'] === 'List') {
      walk(value['items'] ?? null, `${path}.items`, depth + 1);
    } else if (found.push(value) > MAX_MANIFESTS) {
      throw new RenderError(`${file}: it makes more than ${MAX_MANIFESTS} manifests`);
    }
  };
  walk(JSON.parse(json) as Value, '$', 0);
  if (found.length === 0) throw new RenderError(`${file}: it makes no manifest, no object with apiVersion and kind`);
  return found;
}

const isArray = (value: Value): value is readonly Value[] => Array.isArray(value);

const isManifest = (value: { readonly [key: string]: Value }): boolean =>
  typeof value['apiVersion'] === 'string' && typeof value['kind'] === 'string';

/** Not the value itself: it may be a secret. */
const describe = (value: boolean | number | string): string =>
  typeof value === 'string' ? 'a text' : `a ${typeof value}`;
