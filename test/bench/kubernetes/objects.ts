import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

/** Manifests in a folder, and what a cluster that they were applied to with `kubectl apply` holds. */
type Value = null | boolean | number | string | readonly Value[] | Fields;
interface Fields {
  readonly [name: string]: Value;
}
export interface BenchObject extends Fields {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Fields & { readonly name: string };
}

const GENERATOR = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/generate-objects.mjs');
const TIME = '2026-01-01T00:00:00Z';
/** Only what the server itself says of an object has no owner. */
const UNOWNED = new Set(['apiVersion', 'kind', 'status']);
/** Keys of lists, by what their elements have. */
const LIST_KEYS = [['containerPort', 'protocol'], ['mountPath'], ['port', 'protocol'], ['name'], ['type']];

/** Writes manifests into a folder. @returns the objects as an API server would hold them, in as many bytes */
export function generate(count: number, manifests: string, live: string): readonly BenchObject[] {
  execFileSync(process.execPath, [GENERATOR, '--count', String(count), '--out', manifests, '--live', live]);
  const applied = new Map(declaredIn(manifests).map((object) => [keyOf(object), object]));
  const objects: readonly BenchObject[] = JSON.parse(readFileSync(live, 'utf8'));
  const there = new Set(objects.map(keyOf));
  // The generator leaves the namespaces out of what is live.
  const missing = [...applied].filter(([key]) => !there.has(key)).map(([, object]) => object);
  return [...missing, ...objects].map((object) => withBooks(object, applied.get(keyOf(object)) ?? object));
}

export function declaredIn(manifests: string): readonly BenchObject[] {
  return readdirSync(manifests).flatMap((file) =>
    readFileSync(path.join(manifests, file), 'utf8')
      .split(/^---$/m)
      .filter((text) => text.trim() !== '')
      .map((text): BenchObject => JSON.parse(text)),
  );
}

/** The same manifests as people write them, namespaces first; the generator's are JSON, and kubectl refuses `---` in it. */
export function writeYaml(manifests: string, folder: string): void {
  mkdirSync(folder);
  declaredIn(manifests).forEach((object, at) => {
    writeFileSync(path.join(folder, `${String(at).padStart(6, '0')}.yaml`), stringify(object));
  });
}

const keyOf = ({ kind, metadata }: BenchObject): string => `${kind} ${String(metadata['namespace'])} ${metadata.name}`;

/** Last-applied and `managedFields`: more than half of what a server sends. */
function withBooks(live: BenchObject, applied: BenchObject): BenchObject {
  const { annotations, labels } = live.metadata;
  const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
  const metadata = {
    ...live.metadata,
    annotations: { ...(annotations as Fields | undefined), [lastApplied]: `${JSON.stringify(applied)}\n` },
  };
  const own = Object.entries(live).filter(([name]) => !UNOWNED.has(name) && name !== 'metadata');
  const sent = { metadata: { annotations: metadata.annotations, ...(labels === undefined ? {} : { labels }) } };
  const { status } = live;
  const entry = { apiVersion: live.apiVersion, fieldsType: 'FieldsV1', operation: 'Update', time: TIME };
  const managedFields = [
    { ...entry, manager: 'kubectl-client-side-apply', fieldsV1: fieldsOf({ ...sent, ...Object.fromEntries(own) }) },
    ...(status === undefined
      ? []
      : [{ ...entry, manager: 'kube-controller-manager', subresource: 'status', fieldsV1: fieldsOf({ status }) }]),
  ];
  return { ...live, metadata: { ...metadata, managedFields } };
}

/** FieldsV1: a leaf for every scalar, a key for every element of a list that has one. */
function fieldsOf(value: Value): Fields {
  if (typeof value !== 'object' || value === null || !('length' in value || Object.keys(value).length > 0)) return {};
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [`f:${name}`, fieldsOf(child)]));
  }
  const keyed = value.map((element) => {
    const names = LIST_KEYS.find((keys) => keys.every((key) => element?.[key] !== undefined));
    const key = names === undefined ? null : Object.fromEntries(names.map((name) => [name, element[name]]));
    return key === null ? [] : [[`k:${JSON.stringify(key)}`, { '.': {}, ...fieldsOf(element) }] as const];
  });
  return keyed.some((own) => own.length === 0) ? {} : { '.': {}, ...Object.fromEntries(keyed.flat()) };
}
