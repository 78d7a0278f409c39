import { at, equal, isObject, type Json, type JsonObject, listAt, textAt, valueAt } from './json.ts';
import { containersOf, objects } from './pod-defaults.ts';
import type { Resource } from './resources.ts';
import type { Cause } from './status.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const PATH_SEGMENT = /^(?!\.{1,2}$)[^/%]+$/;
const SERVICE = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const DATA_KEY = /^[-._a-zA-Z0-9]+$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const required = (field: string, message = 'Required value'): Cause => ({
  reason: 'FieldValueRequired',
  message,
  field,
});
const wrong = (field: string, value: Json | undefined, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`,
  field,
});
const said = (field: string, message: string): Cause => ({ reason: 'FieldValueInvalid', message, field });
const kindOf = (resource: Resource): string => `${resource.group}/${resource.plural}`;

/** What is wrong with an object; the common mistakes, not all that the server knows. */
export function causesOf(object: JsonObject, before: JsonObject | null, resource: Resource): readonly Cause[] {
  const found = [...nameCauses(object, resource), ...labelCauses(object)];
  const check = CHECKS[kindOf(resource)];
  if (check !== undefined) found.push(...check(object));
  if (before !== null) found.push(...immutableCauses(object, before, resource));
  return found;
}

function nameCauses(object: JsonObject, resource: Resource): readonly Cause[] {
  const name = textAt(object, 'metadata', 'name');
  const field = 'metadata.name';
  if (name === '') return [required(field, 'Required value: name or generateName is required')];
  const kind = kindOf(resource);
  if (resource.group === 'rbac.authorization.k8s.io') {
    return PATH_SEGMENT.test(name) ? [] : [wrong(field, name, "may not contain '/' or '%'")];
  }
  if (kind === '/services' || kind === '/namespaces') {
    const form = kind === '/services' ? SERVICE : LABEL;
    const rule = `a lowercase RFC ${kind === '/services' ? 1035 : 1123} label must consist of lower case alphanumeric characters or '-'`;
    return form.test(name) && name.length <= 63 ? [] : [wrong(field, name, rule)];
  }
  if (SUBDOMAIN.test(name) && name.length <= 253) return [];
  const rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'";
  return [wrong(field, name, `${rule}, and must start and end with an alphanumeric character`)];
}

function labelCauses(object: JsonObject): readonly Cause[] {
  const found: Cause[] = [];
  for (const [key, value] of Object.entries(at(object, 'metadata', 'labels'))) {
    const [name = '', prefix] = key.split('/').reverse();
    if (!QUALIFIED.test(name) || name.length > 63 || (prefix !== undefined && !SUBDOMAIN.test(prefix))) {
      found.push(wrong('metadata.labels', key, 'name part must consist of alphanumeric characters'));
    }
    if (typeof value !== 'string' || !LABEL_VALUE.test(value) || value.length > 63) {
      found.push(
        wrong('metadata.labels', value, 'a valid label must be an empty string or consist of alphanumeric characters'),
      );
    }
  }
  return found;
}

const CHECKS: Readonly<Record<string, (object: JsonObject) => readonly Cause[]>> = {
  'apps/deployments': workloadCauses,
  'apps/replicasets': workloadCauses,
  'apps/daemonsets': workloadCauses,
  'apps/statefulsets': workloadCauses,
  'batch/jobs': (object) => podCauses(at(object, 'spec', 'template', 'spec'), 'spec.template.spec', true),
  'batch/cronjobs': (object) => {
    const place = 'spec.jobTemplate.spec.template.spec';
    const schedule = textAt(object, 'spec', 'schedule');
    return [
      ...(schedule === '' ? [required('spec.schedule')] : []),
      ...podCauses(at(object, 'spec', 'jobTemplate', 'spec', 'template', 'spec'), place, true),
    ];
  },
  '/pods': (object) => podCauses(at(object, 'spec'), 'spec', false),
  '/configmaps': (object) => dataCauses(object, ['data', 'binaryData']),
  '/secrets': (object) => dataCauses(object, ['data']),
  '/services': serviceCauses,
  'networking.k8s.io/ingresses': (object) => {
    const isEmpty =
      objects(at(object, 'spec')['rules']).length === 0 && at(object, 'spec')['defaultBackend'] === undefined;
    const why = 'either `defaultBackend` or `rules` must be specified';
    return isEmpty ? [wrong('spec', [], why)] : [];
  },
  'autoscaling/horizontalpodautoscalers': (object) => {
    const spec = at(object, 'spec');
    const [least, most] = [Number(spec['minReplicas'] ?? 1), Number(spec['maxReplicas'] ?? 0)];
    if (most < 1) return [wrong('spec.maxReplicas', most, 'must be greater than 0')];
    const why = 'must be greater than or equal to `minReplicas`';
    return most < least ? [wrong('spec.maxReplicas', most, why)] : [];
  },
  'apiextensions.k8s.io/customresourcedefinitions': (object) => {
    const wanted = `${textAt(object, 'spec', 'names', 'plural')}.${textAt(object, 'spec', 'group')}`;
    const name = textAt(object, 'metadata', 'name');
    const why = 'must be spec.names.plural+"."+spec.group';
    return name === wanted ? [] : [wrong('metadata.name', name, why)];
  },
  'rbac.authorization.k8s.io/rolebindings': bindingCauses,
  'rbac.authorization.k8s.io/clusterrolebindings': bindingCauses,
};

function bindingCauses(object: JsonObject): readonly Cause[] {
  return textAt(object, 'roleRef', 'name') === '' ? [required('roleRef.name')] : [];
}

function workloadCauses(object: JsonObject): readonly Cause[] {
  const found: Cause[] = [];
  const selector = at(object, 'spec')['selector'];
  const labels = at(object, 'spec', 'template', 'metadata', 'labels');
  if (!isObject(selector) || Object.keys(selector).length === 0) {
    found.push(required('spec.selector'));
    found.push(wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  } else {
    const wanted = Object.entries(at(selector, 'matchLabels'));
    if (!wanted.every(([key, value]) => labels[key] === value)) {
      found.push(wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
    }
  }
  const replicas = valueAt(object, 'spec', 'replicas');
  if (typeof replicas === 'number' && replicas < 0) {
    found.push(wrong('spec.replicas', replicas, 'must be greater than or equal to 0'));
  }
  const claims = objects(at(object, 'spec')['volumeClaimTemplates']).map((claim) => textAt(claim, 'metadata', 'name'));
  return [...found, ...podCauses(at(object, 'spec', 'template', 'spec'), 'spec.template.spec', false, claims)];
}

/** @param claims volumes that a StatefulSet adds to its pods */
function podCauses(spec: JsonObject, place: string, isJob: boolean, claims: readonly string[] = []): readonly Cause[] {
  const found: Cause[] = [];
  if (objects(spec['containers']).length === 0) found.push(required(`${place}.containers`));
  if (isJob && spec['restartPolicy'] === 'Always') {
    found.push(required(`${place}.restartPolicy`, 'Required value: valid values: "OnFailure", "Never"'));
  }
  const volumes = new Set([...claims, ...objects(spec['volumes']).map((volume) => textAt(volume, 'name'))]);
  const names = new Set<string>();
  for (const [index, container] of containersOf(spec).entries()) {
    const here = `${place}.containers[${index}]`;
    const name = textAt(container, 'name');
    if (names.has(name)) found.push(said(`${here}.name`, `Duplicate value: ${JSON.stringify(name)}`));
    names.add(name);
    found.push(...containerCauses(container, here, volumes));
  }
  return found;
}

function containerCauses(container: JsonObject, here: string, volumes: ReadonlySet<string>): readonly Cause[] {
  const found: Cause[] = [];
  const name = textAt(container, 'name');
  const rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";
  if (name === '') found.push(required(`${here}.name`));
  else if (!LABEL.test(name)) found.push(wrong(`${here}.name`, name, rule));
  if (textAt(container, 'image') === '') found.push(required(`${here}.image`));
  for (const [index, mount] of objects(container['volumeMounts']).entries()) {
    const volume = textAt(mount, 'name');
    if (volumes.has(volume)) continue;
    found.push(said(`${here}.volumeMounts[${index}].name`, `Not found: ${JSON.stringify(volume)}`));
  }
  for (const part of ['limits', 'requests'] as const) {
    for (const [resource, amount] of Object.entries(at(container, 'resources', part))) {
      if (!String(amount).startsWith('-')) continue;
      found.push(wrong(`${here}.resources.${part}[${resource}]`, amount, 'must be greater than or equal to 0'));
    }
  }
  return found;
}

function dataCauses(object: JsonObject, keys: readonly string[]): readonly Cause[] {
  const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
  return keys.flatMap((key) =>
    Object.keys(at(object, key))
      .filter((name) => !DATA_KEY.test(name))
      .map((name) => wrong(`${key}[${name}]`, name, rule)),
  );
}

function serviceCauses(object: JsonObject): readonly Cause[] {
  const spec = at(object, 'spec');
  const ports = objects(spec['ports']);
  if (ports.length === 0 && spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None')
    return [required('spec.ports')];
  const unnamed = ports.length > 1 ? ports.findIndex((port) => textAt(port, 'name') === '') : -1;
  return unnamed < 0 ? [] : [required(`spec.ports[${unnamed}].name`)];
}

const IMMUTABLE: Readonly<Record<string, readonly string[]>> = {
  'apps/deployments': ['spec.selector'],
  'apps/replicasets': ['spec.selector'],
  'apps/daemonsets': ['spec.selector'],
  'batch/jobs': ['spec.selector', 'spec.template', 'spec.completions'],
  '/secrets': ['type'],
  'rbac.authorization.k8s.io/rolebindings': ['roleRef'],
  'rbac.authorization.k8s.io/clusterrolebindings': ['roleRef'],
  'storage.k8s.io/storageclasses': ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'],
};
const STATEFUL_SET = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function immutableCauses(object: JsonObject, before: JsonObject, resource: Resource): readonly Cause[] {
  const changed = (IMMUTABLE[kindOf(resource)] ?? []).filter(
    (place) => !equal(valueAt(object, ...place.split('.')), valueAt(before, ...place.split('.'))),
  );
  const found = changed.map((place) => wrong(place, valueAt(object, ...place.split('.')), 'field is immutable'));
  if (kindOf(resource) === 'apps/statefulsets') {
    const keys = Object.keys({ ...at(object, 'spec'), ...at(before, 'spec') }).filter(
      (key) => !STATEFUL_SET.includes(key),
    );
    if (keys.some((key) => !equal(at(object, 'spec')[key], at(before, 'spec')[key]))) {
      const list =
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'";
      found.push({
        reason: 'FieldValueForbidden',
        field: 'spec',
        message: `Forbidden: updates to statefulset spec for fields other than ${list} are forbidden`,
      });
    }
  }
  if (before['immutable'] === true && ['/configmaps', '/secrets'].includes(kindOf(resource))) {
    const isChanged = !equal(object['data'], before['data']) || object['immutable'] !== true;
    if (isChanged)
      found.push({
        reason: 'FieldValueForbidden',
        field: 'data',
        message: 'Forbidden: field is immutable when `immutable` is set',
      });
  }
  if (listAt(before, 'metadata', 'finalizers').length === 0 && textAt(before, 'metadata', 'deletionTimestamp') !== '') {
    const added = listAt(object, 'metadata', 'finalizers');
    if (added.length > 0)
      found.push({
        reason: 'FieldValueForbidden',
        field: 'metadata.finalizers',
        message: 'Forbidden: no new finalizers can be added if the object is being deleted',
      });
  }
  return found;
}
