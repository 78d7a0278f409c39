import { at, isObject, type Json, type JsonObject } from './json.ts';
import type { OwnerConflict } from './managed.ts';
import type { Resource } from './resources.ts';
import { Refused } from './status.ts';

/** The scale of an object: what `kubectl scale` reads and writes. */
export function scaleOf(object: JsonObject, resource: Resource): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = at(object, 'metadata');
  const selector = at(object, 'spec', 'selector', 'matchLabels');
  const text = Object.entries(selector)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(',');
  const metadata: JsonObject = {
    name: name ?? '',
    namespace: namespace ?? '',
    uid: uid ?? '',
    resourceVersion: resourceVersion ?? '',
    creationTimestamp: creationTimestamp ?? '',
  };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: at(object, 'spec')['replicas'] ?? 0 },
    status: {
      replicas: at(object, 'status')['replicas'] ?? 0,
      ...(resource.custom === null ? { selector: text } : {}),
    },
  };
}

/** What an apply is refused with when others own what it would change. */
export function ownerConflict(conflicts: readonly OwnerConflict[]): Refused {
  const causes = conflicts.flatMap((one) =>
    one.fields.map((path) => {
      const subresource = one.subresource === '' ? '' : ` with subresource "${one.subresource}"`;
      const using = one.operation === 'Update' ? ` using ${one.apiVersion}` : '';
      const who = `"${one.manager}"${subresource}${using}`;
      return { who, field: fieldText(path) };
    }),
  );
  const groups = [...new Set(causes.map((cause) => cause.who))].map((who) => {
    const fields = causes.filter((cause) => cause.who === who).map((cause) => cause.field);
    return fields.length === 1
      ? `conflict with ${who}: ${fields[0]}`
      : `conflicts with ${who}:\n${fields.map((field) => `- ${field}`).join('\n')}`;
  });
  const text = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${groups.join('\n')}`;
  const listed = causes.map(
    (cause): Json => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${cause.who}`,
      field: cause.field,
    }),
  );
  return new Refused(409, 'Conflict', text, { causes: listed });
}

/** A place as an apply conflict names it: `.spec.containers[name="web"].image`. */
function fieldText(path: readonly string[]): string {
  return path
    .map((key) => {
      if (key.startsWith('f:')) return `.${key.slice(2)}`;
      const value = JSON.parse(key.slice(2)) as Json;
      if (!isObject(value)) return `[=${JSON.stringify(value)}]`;
      return `[${Object.entries(value)
        .map(([name, part]) => `${name}=${JSON.stringify(part)}`)
        .join(',')}]`;
    })
    .join('');
}
