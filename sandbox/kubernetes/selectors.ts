import { at, type JsonObject, textAt, valueAt } from './json.ts';
import type { Resource } from './resources.ts';
import { badRequest } from './status.ts';

export type Selects = (object: JsonObject) => boolean;

/** @throws Refused 400 as the server words it */
export function labelSelector(text: string): Selects {
  const tests = requirements(text).map(labelTest);
  return (object) => tests.every((test) => test(at(object, 'metadata', 'labels')));
}

/** Splits at commas that are not inside parentheses. */
function requirements(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter(Boolean);
}

function labelTest(part: string): (labels: JsonObject) => boolean {
  const set = /^([^\s!=,()]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return operator === 'in'
      ? (labels) => values.includes(textAt(labels, key)) && key in labels
      : (labels) => !(key in labels) || !values.includes(textAt(labels, key));
  }
  const equality = /^([^\s!=]+)\s*(==|=|!=)\s*(.*)$/.exec(part);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality;
    const stray = /[=!]/.exec(value);
    if (stray !== null) throw badRequest(`unable to parse requirement: found '${stray[0]}', expected: identifier`);
    return operator === '!=' ? (labels) => textAt(labels, key) !== value : (labels) => labels[key] === value;
  }
  if (/^![^\s!=()]+$/.test(part)) return (labels) => !(part.slice(1) in labels);
  if (/^[^\s!=()]+$/.test(part)) return (labels) => part in labels;
  throw badRequest(`unable to parse requirement: found '${part}', expected: identifier`);
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  '/pods': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
  ],
  '/secrets': ['type'],
  '/namespaces': ['status.phase'],
  '/nodes': ['spec.unschedulable'],
  'batch/jobs': ['status.successful'],
};

/** @throws Refused 400 where the field cannot be selected by */
export function fieldSelector(text: string, resource: Resource): Selects {
  const known = ['metadata.name', 'metadata.namespace', ...(FIELDS[`${resource.group}/${resource.plural}`] ?? [])];
  const tests = requirements(text).map((part): Selects => {
    const parts = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    if (parts === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, field = '', operator, value = ''] = parts;
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
    const read: Selects = (object) => String(valueAt(object, ...field.split('.')) ?? '') === value;
    return operator === '!=' ? (object) => !read(object) : read;
  });
  return (object) => tests.every((test) => test(object));
}
