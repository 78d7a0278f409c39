import { keys } from '#drift/names.ts';
import { type Run, runSchema } from '#drift/run.ts';
import type { ObjectStore } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';

const MAX_RUN_BYTES = 64 * 1024;

/** The run as it was written down; null: it was not. */
export async function readRun(target: string, runId: string, store: Pick<ObjectStore, 'read'>): Promise<Run | null> {
  return (await readRecord(store, keys.run(target, runId), runSchema, MAX_RUN_BYTES))?.value ?? null;
}
