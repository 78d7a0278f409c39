import pLimit from 'p-limit';
import { keys } from '#drift/names.ts';
import { MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { PathsOf } from '#drift/webhook/decide.ts';
import { type ObjectStore, ObjectTooLarge } from '#services/ports.ts';
import { DamagedRecord, readRecord } from '#services/records.ts';

/** States read side by side: a source may have hundreds of targets, and each state some megabytes. */
const WIDTH = 20;

/**
 * What targets are made of, as their newest verdicts remember it. One state that cannot be read is not known: it must not
 * keep a push from all others.
 */
export function pathsFromStates(store: Pick<ObjectStore, 'read'>): PathsOf {
  const limit = pLimit(WIDTH);
  return ({ name }) =>
    limit(async () => {
      try {
        return (await readRecord(store, keys.state(name), stateSchema, MAX_STATE_BYTES))?.value.paths ?? null;
      } catch (error) {
        if (error instanceof DamagedRecord || error instanceof ObjectTooLarge) return null;
        throw error;
      }
    });
}
