import type { Tag, TagSpecification } from '@aws-sdk/client-ec2';
import type { Attribute, TypeJson } from './resource.ts';
import type { Value, Values } from './values.ts';

export const required = (type: TypeJson = 'string'): Attribute => ({ type, mode: 'required' });
export const fixed = (type: TypeJson = 'string'): Attribute => ({ type, mode: 'required', replace: true });
export const optional = (type: TypeJson = 'string'): Attribute => ({ type, mode: 'optional' });
export const computed = (type: TypeJson = 'string'): Attribute => ({ type, mode: 'computed' });
export const setOf = (fields: Readonly<Record<string, TypeJson>>): TypeJson => ['set', ['object', fields]];
export const TAGS: Attribute = { type: ['map', 'string'], mode: 'optional' };

export function text(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== 'string') throw new Error(`${name} is not a text`);
  return value;
}

export function list(values: Values, name: string): readonly Values[] {
  const value = values[name] ?? [];
  return Array.isArray(value) ? (value as readonly Values[]) : [];
}

export function texts(values: Values, name: string): readonly string[] {
  const value = values[name] ?? [];
  return Array.isArray(value) ? value.map(String) : [];
}

export function map(values: Values, name: string): Readonly<Record<string, string>> {
  const value = values[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, string>) : {};
}

/** Tags as EC2 and load balancers write them. */
export const tagList = (values: Values): Tag[] =>
  Object.entries(map(values, 'tags')).map(([Key, Value]) => ({ Key, Value }));

export const tagMap = (tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined): Value =>
  Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));

export function tagSpecification(
  kind: TagSpecification['ResourceType'] & string,
  values: Values,
): { TagSpecifications?: TagSpecification[] } {
  const Tags = tagList(values);
  return Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: kind, Tags }] };
}

/** Elements of `wanted` that `present` lacks. */
export function missingFrom(present: readonly Values[], wanted: readonly Values[]): readonly Values[] {
  const key = (item: Values): string => JSON.stringify(Object.entries(item).sort(([a], [b]) => a.localeCompare(b)));
  const have = new Set(present.map(key));
  return wanted.filter((item) => !have.has(key(item)));
}

/** Runs a read; an object that is not there is null, any other error is thrown. */
export async function unlessGone<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (/NotFound|NonExistent|NoSuch/.test(name)) return null;
    throw error;
  }
}
