import { at, clone, Exact, equal, isObject, type Json, type JsonObject, listAt, stringsAt, textAt } from './json.ts';
import type { Cause } from './status.ts';

/** Fills in the defaults of a custom kind's schema. */
export function applySchemaDefaults(value: Json | undefined, schema: JsonObject): void {
  if (Array.isArray(value)) {
    for (const item of value) applySchemaDefaults(item, at(schema, 'items'));
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of Object.entries(at(schema, 'properties'))) {
    if (!isObject(property)) continue;
    const isUnset = value[key] === undefined || (value[key] === null && property['nullable'] !== true);
    if (isUnset && property['default'] !== undefined) value[key] = clone(property['default']);
    applySchemaDefaults(value[key], property);
  }
  const other = schema['additionalProperties'];
  if (isObject(other)) for (const item of Object.values(value)) applySchemaDefaults(item, other);
}

/** What a custom object has that its schema does not allow. */
export function schemaCauses(value: Json | undefined, schema: JsonObject, path = ''): readonly Cause[] {
  if (value === undefined) return [];
  const wanted = textAt(schema, 'type');
  const found: Cause[] = [];
  const say = (message: string, place = path): void => {
    found.push({
      reason: message.startsWith('Required') ? 'FieldValueRequired' : 'FieldValueInvalid',
      message,
      field: place,
    });
  };
  if (value === null && schema['nullable'] === true) return [];
  if (wanted !== '' && schema['x-kubernetes-int-or-string'] !== true && !isOfType(value, wanted)) {
    const is = typeName(value);
    say(`Invalid value: "${is}": ${path} in body must be of type ${wanted}: "${is}"`);
    return found;
  }
  const choices = listAt(schema, 'enum');
  if (choices.length > 0 && !choices.some((one) => equal(one, value))) {
    say(
      `Unsupported value: ${JSON.stringify(value)}: supported values: ${choices.map((one) => JSON.stringify(one)).join(', ')}`,
    );
  }
  if (typeof value === 'number') {
    const [least, most] = [schema['minimum'], schema['maximum']];
    if (typeof least === 'number' && value < least)
      say(`Invalid value: ${value}: ${path} in body should be greater than or equal to ${least}`);
    if (typeof most === 'number' && value > most)
      say(`Invalid value: ${value}: ${path} in body should be less than or equal to ${most}`);
  }
  if (typeof value === 'string') {
    const pattern = textAt(schema, 'pattern');
    if (pattern !== '' && !new RegExp(pattern, 'u').test(value))
      say(`Invalid value: ${JSON.stringify(value)}: ${path} in body should match '${pattern}'`);
  }
  if (Array.isArray(value)) {
    const items = value.flatMap((item, index) => schemaCauses(item, at(schema, 'items'), `${path}[${index}]`));
    return [...found, ...items];
  }
  if (!isObject(value)) return found;
  for (const key of stringsAt(schema, 'required')) if (value[key] === undefined) say('Required value', join(path, key));
  const properties = at(schema, 'properties');
  const other = schema['additionalProperties'];
  for (const [key, item] of Object.entries(value)) {
    const property = properties[key] ?? other;
    if (isObject(property)) found.push(...schemaCauses(item, property, join(path, key)));
  }
  return found;
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function isOfType(value: Json, wanted: string): boolean {
  const is = typeName(value);
  return is === wanted || (wanted === 'number' && is === 'integer');
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Exact) return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
