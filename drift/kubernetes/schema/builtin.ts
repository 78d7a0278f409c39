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
const MOVED: ReadonlyMap<string, readonly string[]> = new Map([
  ['extensions', ['apps', 'networking.k8s.io', 'policy']],
]);
/** Newest first: the shape that a version which is no longer served most likely has. `v2beta2` became `v2`. */
const VERSIONS = ['v1', 'v2', 'v1beta1', 'v1alpha1'];
const SECOND_VERSIONS = ['v2', ...VERSIONS];
/** Kinds that Kubernetes had once, by group: whether they lived in namespaces. */
const REMOVED: Readonly<Record<string, boolean>> = {
  'policy/PodSecurityPolicy': false,
  'extensions/PodSecurityPolicy': false,
  'extensions/ThirdPartyResource': false,
  'auditregistration.k8s.io/AuditSink': false,
  'networking.k8s.io/ClusterCIDR': false,
  'resource.k8s.io/ResourceClass': false,
  'settings.k8s.io/PodPreset': true,
};

/** Whether a kind that Kubernetes brings with it, or once did, lives in namespaces; null: it never was one. */
export function isNamespacedKind(apiVersion: string, kind: string): boolean | null {
  return builtinKind(apiVersion, kind)?.namespaced ?? REMOVED[`${apiVersion.split('/')[0]}/${kind}`] ?? null;
}

/** Whether exactly this version has the kind. */
export const hasKind = (apiVersion: string, kind: string): boolean => Object.hasOwn(KINDS, `${apiVersion} ${kind}`);

/** @returns null for a kind that Kubernetes does not bring with it */
export function builtinKind(apiVersion: string, kind: string): BuiltinKind | null {
  const [type, scope] = lookUp(apiVersion, kind)?.split(' ') ?? [];
  return type === undefined ? null : { schema: structOf(type), namespaced: scope === 'namespaced' };
}

/** The kind of a resource by its plural, `deployments` or `deployments.apps`; null: Kubernetes brings none with it. */
export function kindOfResource(resource: string): { readonly group: string; readonly kind: string } | null {
  const [plural = '', ...rest] = resource.split('.');
  for (const key of Object.keys(KINDS)) {
    const [apiVersion = '', kind = ''] = key.split(' ');
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
    if (pluralOf(kind) === plural && (rest.length === 0 || rest.join('.') === group)) return { group, kind };
  }
  return null;
}

function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (name === 'endpoints') return name;
  if (name.endsWith('y')) return `${name.slice(0, -1)}ies`;
  return /(?:s|x|ch)$/.test(name) ? `${name}es` : `${name}s`;
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
  const [group = '', asked = ''] = apiVersion.split('/');
  const versions = asked.startsWith('v2') ? SECOND_VERSIONS : VERSIONS;
  for (const candidate of [group, ...(MOVED.get(group) ?? [])]) {
    for (const version of versions) {
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
