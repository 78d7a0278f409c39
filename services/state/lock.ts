import * as z from 'zod';
import { jsonOf } from '../json.ts';
import type { StateWriter } from '../ports.ts';

/** A lock is some hundred bytes; a longer one is not read to its end. */
export const MAX_LOCK_BYTES = 16 * 1024;

const lockSchema = z.object({
  Operation: z.string().default(''),
  Who: z.string().default('somebody'),
  Created: z.string().default('a time that its lock does not tell'),
});

/**
 * Who writes, by what terraform writes into its locks. Planning takes the lock too and writes nothing: nobody, then. A
 * lock that cannot be read is a lock all the same.
 */
export function writerOf(lock: string): StateWriter | null {
  const { Operation, Who, Created } = lockSchema.catch(lockSchema.parse({})).parse(jsonOf(lock));
  if (Operation === 'OperationTypePlan') return null;
  const time = Date.parse(Created);
  return { who: Who.slice(0, 100), since: Number.isNaN(time) ? Created.slice(0, 50) : new Date(time).toISOString() };
}
