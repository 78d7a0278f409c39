import { keys } from '#drift/names.ts';
import { MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { PathsOf } from '#drift/webhook/decide.ts';
import type { ObjectStore } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';

/** What targets are made of, as their newest verdicts remember it. */
export function pathsFromStates(store: Pick<ObjectStore, 'read'>): PathsOf {
  return async ({ name }) =>
    (await readRecord(store, keys.state(name), stateSchema, MAX_STATE_BYTES))?.value.paths ?? null;
}
