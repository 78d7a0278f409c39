import pLimit from 'p-limit';
import { keys } from '#drift/names.ts';
import { MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { PathsOf } from '#drift/webhook/decide.ts';
import { isOfConfig } from '#drift/webhook/named.ts';
import { type ObjectStore, ObjectTooLarge } from '#services/ports.ts';
import { DamagedRecord, readRecord } from '#services/records.ts';

/** States read side by side: a source may have hundreds of targets, and each state some megabytes. */
const WIDTH = 20;

/**
 * What targets are made of, as their newest verdicts remember it; of a target whose config names something else by now it
 * is not known. One state that cannot be read is not known either: it must not keep a push from all others.
 */
export function pathsFromStates(store: Pick<ObjectStore, 'read'>): PathsOf {
  const limit = pLimit(WIDTH);
  return (target) =>
    limit(async () => {
      try {
        const state = await readRecord(store, keys.state(target.name), stateSchema, MAX_STATE_BYTES);
        const paths = state?.value.paths ?? null;
        return paths !== null && isOfConfig(paths, target) ? paths : null;
      } catch (error) {
        if (error instanceof DamagedRecord || error instanceof ObjectTooLarge) return null;
        throw error;
      }
    });
}
