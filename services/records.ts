import type * as z from 'zod';
import type { ObjectStore } from './ports.ts';

/** How often a write is tried again because another writer was faster. */
const MAX_CONFLICTS = 8;

/** A stored record that cannot be read as what it should be. The message names key and place. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord';
}

/** The record at `key`, or null when there is none. @throws DamagedRecord */
export async function readRecord<T>(
  store: Pick<ObjectStore, 'read'>,
  key: string,
  schema: z.ZodType<T>,
  maxBytes: number,
): Promise<{ readonly value: T; readonly etag: string } | null> {
  const object = await store.read(key, maxBytes);
  return object === null ? null : { value: parseRecord(key, object.text, schema), etag: object.etag };
}

/**
 * Changes the record at `key` by a pure function, over the version that was read; tried again when another writer was
 * faster. Nothing is written when the function returns what it was given.
 * @returns the record as it now is
 */
export async function updateRecord<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
  maxBytes: number,
  change: (current: T | null) => T,
): Promise<T> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const current = await readRecord(store, key, schema, maxBytes);
    const next = change(current?.value ?? null);
    if (current !== null && next === current.value) return next;
    const text = `${JSON.stringify(next)}\n`;
    if (await store.replace(key, text, 'application/json', current?.etag ?? null)) return next;
  }
  throw new Error(`${key}: other writers were faster ${MAX_CONFLICTS} times; trying again later is safe`);
}

function parseRecord<T>(key: string, text: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DamagedRecord(`${key} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DamagedRecord(`${key} is not valid at ${issue?.path.join('.') || 'its root'}: ${issue?.message}`);
}
