import { at, clone, type Json, type JsonObject, textAt, valueAt } from './json.ts';
import type { Resource } from './resources.ts';

interface Column {
  readonly name: string;
  readonly cell: (object: JsonObject) => Json;
}

const NAME: Column = { name: 'Name', cell: (object) => textAt(object, 'metadata', 'name') };
const AGE: Column = { name: 'Age', cell: (object) => age(textAt(object, 'metadata', 'creationTimestamp')) };
const count = (name: string, ...path: readonly string[]): Column => ({
  name,
  cell: (object) => String(valueAt(object, ...path) ?? 0),
});
const text = (name: string, ...path: readonly string[]): Column => ({
  name,
  cell: (object) => textAt(object, ...path) || '<none>',
});
const size = (name: string, key: string): Column => ({ name, cell: (object) => Object.keys(at(object, key)).length });

const OWN: Readonly<Record<string, readonly Column[]>> = {
  '/configmaps': [size('Data', 'data')],
  '/secrets': [text('Type', 'type'), size('Data', 'data')],
  '/namespaces': [text('Status', 'status', 'phase')],
  '/services': [text('Type', 'spec', 'type'), text('Cluster-IP', 'spec', 'clusterIP')],
  'apps/deployments': [
    {
      name: 'Ready',
      cell: (object) =>
        `${valueAt(object, 'status', 'readyReplicas') ?? 0}/${valueAt(object, 'spec', 'replicas') ?? 0}`,
    },
    count('Up-to-date', 'status', 'updatedReplicas'),
    count('Available', 'status', 'availableReplicas'),
  ],
};

/** What `kubectl get` prints. */
export function tableOf(objects: readonly JsonObject[], resource: Resource, metadata: JsonObject): JsonObject {
  const columns = [NAME, ...(OWN[`${resource.group}/${resource.plural}`] ?? []), AGE];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: clone(at(object, 'metadata')) },
    })),
  };
}

function age(created: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(created || new Date().toISOString())) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
