import type { JsonObject } from '../json.ts';
import table from './builtin-types.json' with { type: 'json' };
import { DEFAULTS, PLAIN, POINTERS, TELLING } from './defaults.ts';
import { type ListSchema, SCALARS, type ScalarKind, type Schema, type StructSchema } from './schema.ts';

/** A kind that Kubernetes brings with it. */
export interface BuiltinKind {
  readonly schema: StructSchema;
  readonly namespaced: boolean;
}

const KINDS = table.kinds as Readonly<Record<string, string>>;
const TYPES = table.types as unknown as Readonly<Record<string, Readonly<Record<string, string>>>>;
const ATOMIC = new Set(table.atomic);

const LETTERS: Readonly<Record<string, ScalarKind>> = {
  s: 'text',
  i: 'integer',
  n: 'number',
  b: 'boolean',
  q: 'quantity',
  x: 'int-or-string',
  t: 'time',
  y: 'bytes',
  '*': 'any',
};

/** Groups that kinds moved from, in Kubernetes' younger years. */
const MOVED: Readonly<Record<string, readonly string[]>> = {
  extensions: ['apps', 'networking.k8s.io', 'policy'],
};
/** Newest first: the shape that a version which is no longer served most likely has. */
const VERSIONS = ['v1', 'v2', 'v1beta1', 'v1alpha1'];

/** @returns null for a kind that Kubernetes does not bring with it */
export function builtinKind(apiVersion: string, kind: string): BuiltinKind | null {
  const [type, scope] = lookUp(apiVersion, kind)?.split(' ') ?? [];
  return type === undefined ? null : { schema: structOf(type), namespaced: scope === 'namespaced' };
}

/** Whether an API group is Kubernetes' own, so that the table knows its kinds. */
export function isBuiltinVersion(apiVersion: string): boolean {
  return BUILTIN_VERSIONS.has(apiVersion);
}
const BUILTIN_VERSIONS = new Set(Object.keys(KINDS).map((key) => key.split(' ')[0] ?? ''));

/** A type by its name in Kubernetes' own words: `core/v1/PodSpec`; null when there is none. */
export function builtinType(name: string): Schema | null {
  const [group = '', version = '', type = ''] = name.split('/');
  if (type === 'Quantity' || name === 'core/Quantity') return SCALARS.quantity;
  if (type === 'ResourceList') return { shape: 'map', atomic: false, value: SCALARS.quantity };
  const model = `${version.charAt(0).toUpperCase()}${version.slice(1)}${type}`;
  const found = [`${group.charAt(0).toUpperCase()}${group.slice(1)}${model}`, model].find((key) => key in TYPES);
  return found === undefined ? null : structOf(found);
}

function lookUp(apiVersion: string, kind: string): string | undefined {
  const exact = KINDS[`${apiVersion} ${kind}`];
  if (exact !== undefined || !apiVersion.includes('/')) return exact;
  const group = apiVersion.split('/')[0] ?? '';
  for (const candidate of [group, ...(MOVED[group] ?? [])]) {
    for (const version of VERSIONS) {
      const other = KINDS[`${candidate}/${version} ${kind}`];
      if (other !== undefined) return other;
    }
  }
  return undefined;
}

const structs = new Map<string, StructSchema>();

function structOf(type: string): StructSchema {
  const known = structs.get(type);
  if (known !== undefined) return known;
  const fields = new Map<string, Schema>();
  const codes = TYPES[type] ?? {};
  const defaults = DEFAULTS[type];
  const plain = new Set(PLAIN[type] ?? []);
  const pointers = new Set(POINTERS[type] ?? []);
  const schema: StructSchema = {
    shape: 'struct',
    atomic: ATOMIC.has(type),
    complete: true,
    field(name) {
      const code = Object.hasOwn(codes, name) ? codes[name] : undefined;
      if (code === undefined) return null;
      let field = fields.get(name);
      if (field === undefined) {
        field = schemaOf(code);
        fields.set(name, field);
      }
      return field;
    },
    defaultOf(name, parent: JsonObject) {
      const given = defaults !== undefined && Object.hasOwn(defaults, name) ? defaults[name] : undefined;
      return typeof given === 'function' ? given(parent) : given;
    },
    zeroIsAbsent(name) {
      if (plain.has(name)) return true;
      return !pointers.has(name) && !TELLING.has(name) && !(defaults !== undefined && Object.hasOwn(defaults, name));
    },
  };
  structs.set(type, schema);
  return schema;
}

/** The code of a field, as `cli/builtin-types.ts` writes it. */
function schemaOf(code: string): Schema {
  if (code.startsWith('[')) return listOf(code);
  if (code.startsWith('{')) {
    const end = code.indexOf('}');
    return { shape: 'map', atomic: code[1] === '!', value: schemaOf(code.slice(end + 1)) };
  }
  const kind = LETTERS[code];
  return kind === undefined ? structOf(code) : SCALARS[kind];
}

function listOf(code: string): ListSchema {
  const end = code.indexOf(']');
  const how = code.slice(1, end);
  const item = schemaOf(code.slice(end + 1));
  const merge = how === '' ? 'atomic' : how === '=' ? 'set' : 'keyed';
  return { shape: 'list', merge, keys: merge === 'keyed' ? how.split(',') : [], item, complete: true };
}
