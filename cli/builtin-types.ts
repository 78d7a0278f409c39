/**
 * `npm run builtin-types`: writes the table of Kubernetes' built-in types. The types and their fields are those of the
 * models in `@kubernetes/client-node`, made from the API's own description; how lists and maps merge, and which fields
 * are quantities, is what client-go says (`list-map-keys.json`). A test keeps the table fresh.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}
interface FieldRule {
  readonly list?: 'map' | 'set';
  readonly keys?: readonly string[];
  readonly map?: 'atomic';
  readonly type?: string;
}
interface TypeRule {
  readonly fields?: Readonly<Record<string, FieldRule>>;
  readonly struct?: 'atomic';
}

const ROOT = path.resolve(import.meta.dirname, '..');
const RULES = path.join(ROOT, 'test/fixtures/kubernetes/tables/list-map-keys.json');
const TABLE = path.join(ROOT, 'drift/kubernetes/schema/builtin-types.json');
const client = path.dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node'));

/** The table as text. */
export async function builtinTypes(): Promise<string> {
  const models = (await import(path.join(client, 'gen/models/all.js'))) as Record<string, unknown>;
  const rules = (JSON.parse(readFileSync(RULES, 'utf8')) as { types: Record<string, TypeRule> }).types;
  const ruleOf = rulesByModel(rules, new Set(Object.keys(models)));
  const kinds = new Map<string, string>();
  for (const file of readdirSync(path.join(client, 'gen/apis')).filter((name) => name.endsWith('Api.js'))) {
    collectKinds(readFileSync(path.join(client, 'gen/apis', file), 'utf8'), kinds);
  }
  const types = new Map<string, Record<string, string>>();
  const queue = [...kinds.values()].map((entry) => entry.split(' ')[0] ?? '');
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const model = models[name];
    if (types.has(name) || !isModel(model)) continue;
    const rule = ruleOf.get(name);
    const fields = model
      .getAttributeTypeMap()
      .map(({ baseName, type, format }): [string, string] => [
        baseName,
        fieldCode(type, format, rule?.fields?.[baseName]),
      ]);
    types.set(name, Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))));
    for (const [, code] of fields) queue.push(code.replace(/^(\[[^\]]*\]|\{[^}]*\})+/, ''));
  }
  const atomic = [...types.keys()].filter((name) => ruleOf.get(name)?.struct === 'atomic').sort();
  const lines = (entries: Iterable<readonly [string, unknown]>): string =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
      .join(',\n');
  return `{\n  "kinds": {\n${lines(kinds)}\n  },\n  "atomic": ${JSON.stringify(atomic)},\n  "types": {\n${lines(types)}\n  }\n}\n`;
}

const isModel = (value: unknown): value is { getAttributeTypeMap(): readonly Attribute[] } =>
  typeof value === 'function' && 'getAttributeTypeMap' in value;

/** `io.k8s.api.core.v1.Container` is the model `V1Container`; where two groups clash, `CoreV1Event`. */
function rulesByModel(
  rules: Readonly<Record<string, TypeRule>>,
  models: ReadonlySet<string>,
): ReadonlyMap<string, TypeRule> {
  const found = new Map<string, TypeRule>();
  for (const [name, rule] of Object.entries(rules)) {
    const [group = '', version = '', type = ''] = name.split('.').slice(-3);
    const short = `${upper(version)}${type}`;
    const model = [`${upper(group)}${short}`, short].find((candidate) => models.has(candidate));
    if (model !== undefined) found.set(model, rule);
  }
  return found;
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** From the paths that replace an object: `apps/v1 Deployment` → `V1Deployment namespaced`. */
function collectKinds(source: string, kinds: Map<string, string>): void {
  const sections = source.split("const localVarPath = '").slice(1);
  for (const section of sections) {
    const place = section.slice(0, section.indexOf("'"));
    const type = /HttpMethod\.PUT[\s\S]*?serialize\(body, "(\w+)"/.exec(section)?.[1];
    const matched = /^\/(?:api|apis)\/([^{}]+?)\/(namespaces\/\{namespace\}\/)?([a-z]+)\/\{name\}$/.exec(place);
    if (type === undefined || matched === null) continue;
    const kind = type.replace(/^.*?V\d+(?:(?:alpha|beta)\d+)?/, '');
    kinds.set(`${matched[1]} ${kind}`, `${type} ${matched[2] === undefined ? 'cluster' : 'namespaced'}`);
  }
}

/**
 * One letter a scalar: string, integer, number, boolean, quantity, x = int-or-string, time, y = bytes, * = any JSON;
 * else the name of a type. In front of it `[]` an atomic list, `[=]` a set, `[a,b]` a list with these keys, `{}` a map,
 * `{!}` an atomic one.
 */
function fieldCode(type: string, format: string, rule: FieldRule | undefined): string {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    const keys = rule?.list === 'map' ? (rule.keys ?? []).join() : rule?.list === 'set' ? '=' : '';
    return `[${keys}]${fieldCode(list, format, undefined)}`;
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    const value = rule?.type?.includes('Quantity') === true ? 'q' : fieldCode(map, format, undefined);
    return `{${rule?.map === 'atomic' ? '!' : ''}}${value}`;
  }
  if (rule?.type === 'Quantity') return 'q';
  switch (type) {
    case 'string':
      return format === 'byte' ? 'y' : 's';
    case 'number':
      return format === 'double' ? 'n' : 'i';
    case 'boolean':
      return 'b';
    case 'IntOrString':
      return 'x';
    case 'Date':
    case 'V1MicroTime':
      return 't';
    case 'any':
      return '*';
    default:
      return type;
  }
}

if (process.argv[1] === import.meta.filename) writeFileSync(TABLE, await builtinTypes());
