import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isObject, type JsonObject } from './json.ts';

/**
 * Built-in kinds whose OpenAPI documents were not recorded, as the client library of the same release (1.36) has them,
 * with the keys of their lists from the shared table. Kept in a file, because loading the library takes seconds.
 */
export const OTHER_TYPES = path.resolve(import.meta.dirname, '../../test/fixtures/kubernetes/other-types.json');
const TABLE = path.resolve(import.meta.dirname, '../../test/fixtures/kubernetes/tables/list-map-keys.json');

const PACKAGES: Readonly<Record<string, string>> = {
  'admissionregistration.k8s.io': 'io.k8s.api.admissionregistration',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'certificates.k8s.io': 'io.k8s.api.certificates',
  'coordination.k8s.io': 'io.k8s.api.coordination',
  'discovery.k8s.io': 'io.k8s.api.discovery',
  'events.k8s.io': 'io.k8s.api.events',
  'flowcontrol.apiserver.k8s.io': 'io.k8s.api.flowcontrol',
  'node.k8s.io': 'io.k8s.api.node',
  'resource.k8s.io': 'io.k8s.api.resource',
  'scheduling.k8s.io': 'io.k8s.api.scheduling',
  'storage.k8s.io': 'io.k8s.api.storage',
  autoscaling: 'io.k8s.api.autoscaling',
};
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'admissionregistration.k8s.io': [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ],
  'apiregistration.k8s.io': ['APIService'],
  'certificates.k8s.io': ['CertificateSigningRequest'],
  'coordination.k8s.io': ['Lease'],
  'discovery.k8s.io': ['EndpointSlice'],
  'events.k8s.io': ['Event'],
  'flowcontrol.apiserver.k8s.io': ['FlowSchema', 'PriorityLevelConfiguration'],
  'node.k8s.io': ['RuntimeClass'],
  'resource.k8s.io': ['DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate', 'ResourceSlice'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': [
    'CSIDriver',
    'CSINode',
    'CSIStorageCapacity',
    'StorageClass',
    'VolumeAttachment',
    'VolumeAttributesClass',
  ],
  autoscaling: ['HorizontalPodAutoscaler'],
};
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const META_TYPES = ['ObjectMeta', 'LabelSelector', 'LabelSelectorRequirement', 'Condition', 'OwnerReference'];
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
/** Models that the library names after their package, because others are called the same. */
const PREFIXED: Readonly<Record<string, string>> = { 'events.k8s.io/Event': 'EventsV1Event' };

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}
interface ListRule {
  readonly list?: string;
  readonly keys?: readonly string[];
  readonly type?: string;
}
interface TypeRule {
  readonly struct?: string;
  readonly fields?: Readonly<Record<string, ListRule>>;
}

export function readOtherTypes(): JsonObject {
  return JSON.parse(readFileSync(OTHER_TYPES, 'utf8')) as JsonObject;
}

/** Makes the schemas anew. @param known names of the schemas that the recorded core document has */
export async function makeOtherTypes(known: ReadonlySet<string>): Promise<JsonObject> {
  const rules = (JSON.parse(readFileSync(TABLE, 'utf8')) as { readonly types: Readonly<Record<string, TypeRule>> })
    .types;
  const schemas: JsonObject = {};
  for (const [group, kinds] of Object.entries(KINDS)) {
    const maker = new Maker(`${PACKAGES[group] ?? group}.v1`, known, rules, schemas);
    for (const kind of kinds) {
      const model = PREFIXED[`${group}/${kind}`] ?? `V1${kind}`;
      const schema = schemas[await maker.make(model)];
      if (isObject(schema)) schema['x-kubernetes-group-version-kind'] = [{ group, kind, version: 'v1' }];
    }
  }
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}

class Maker {
  readonly #place: string;
  readonly #known: ReadonlySet<string>;
  readonly #rules: Readonly<Record<string, TypeRule>>;
  readonly #schemas: JsonObject;

  constructor(
    place: string,
    known: ReadonlySet<string>,
    rules: Readonly<Record<string, TypeRule>>,
    schemas: JsonObject,
  ) {
    this.#place = place;
    this.#known = known;
    this.#rules = rules;
    this.#schemas = schemas;
  }

  /** @returns the name of the model's schema */
  async make(model: string): Promise<string> {
    const short = model.replace(/^[A-Z][a-z]+(?=V1[A-Z])/, '').replace(/^V1/, '');
    if (META_TYPES.includes(short)) return `${META}.${short}`;
    const core = `io.k8s.api.core.v1.${short}`;
    const name = `${this.#place}.${short}`;
    if (name in this.#schemas) return name;
    // The same name in core is the same type, but where the library says that it is not.
    if (model.startsWith('V1') && this.#known.has(core)) return core;
    const schema: JsonObject = { type: 'object' };
    this.#schemas[name] = schema;
    const rule = this.#rules[name] ?? {};
    if (rule.struct === 'atomic') schema['x-kubernetes-map-type'] = 'atomic';
    const { attributes, required } = await readModel(model);
    const properties: JsonObject = {};
    for (const { baseName, type, format } of attributes) {
      const field = rule.fields?.[baseName] ?? {};
      const property =
        field.type === 'Quantity' ? { $ref: `#/components/schemas/${QUANTITY}` } : await this.#property(type, format);
      const isAlways = required.includes(baseName) || ['metadata', 'spec', 'status'].includes(baseName);
      properties[baseName] = {
        ...(isAlways && '$ref' in property && !String(property['$ref']).includes('Time')
          ? { default: {}, allOf: [property] }
          : property),
        ...(field.list === undefined ? {} : { 'x-kubernetes-list-type': field.list }),
        ...(field.keys === undefined
          ? {}
          : {
              'x-kubernetes-list-map-keys': [...field.keys],
              'x-kubernetes-patch-merge-key': field.keys[0] ?? '',
              'x-kubernetes-patch-strategy': 'merge',
            }),
      };
    }
    schema['properties'] = properties;
    if (required.length > 0) schema['required'] = [...required];
    return name;
  }

  async #property(type: string, format: string): Promise<JsonObject> {
    const list = /^Array<(.*)>$/.exec(type)?.[1];
    if (list !== undefined) return { type: 'array', items: await this.#property(list, '') };
    const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
    if (map !== undefined) return { type: 'object', additionalProperties: await this.#property(map, '') };
    switch (type) {
      case 'string':
        return { type, ...(format === '' ? {} : { format }) };
      case 'boolean':
        return { type };
      case 'number':
        return { type: format.startsWith('int') ? 'integer' : 'number', ...(format === '' ? {} : { format }) };
      case 'Date':
      case 'V1MicroTime':
        return { $ref: `#/components/schemas/${META}.Time` };
      case 'IntOrString':
        return { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString' };
      case 'any':
        return { type: 'object' };
      default:
        return { $ref: `#/components/schemas/${await this.make(type)}` };
    }
  }
}

async function readModel(
  model: string,
): Promise<{ readonly attributes: readonly Attribute[]; readonly required: readonly string[] }> {
  const library = path.dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node'));
  const file = path.join(library, 'gen/models', model);
  const loaded = (await import(pathToFileURL(`${file}.js`).href)) as Readonly<
    Record<string, { readonly attributeTypeMap?: readonly Attribute[] }>
  >;
  const required = [...readFileSync(`${file}.d.ts`, 'utf8').matchAll(/^ {4}'(\w+)': /gm)].map(
    (match) => match[1] ?? '',
  );
  return { attributes: loaded[model]?.attributeTypeMap ?? [], required };
}
