import pLimit from 'p-limit';
import { keys } from '#drift/names.ts';
import { type Known, overviewRow, type Row, type Status, worstFirst } from '#drift/overview.ts';
import { MAX_QUEUE_BYTES, queueSchema } from '#drift/state/queue.ts';
import { MAX_STATE_BYTES, stateSchema } from '#drift/state/state.ts';
import type { DeployedConfig, Target } from '#drift/target.ts';
import type { Log, ObjectStore } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';

export interface OverviewWorld {
  readonly config: DeployedConfig;
  readonly store: Pick<ObjectStore, 'read'>;
  /** The console's page of a target's latest report. */
  readonly linkTo: (target: string) => string;
  readonly now: () => Date;
  readonly log: Log;
}

/** Targets looked at side by side; so many states are in memory at most. */
const WIDTH = 20;

/**
 * How the targets of the deployed config stand now. Writes nothing. What cannot be read of a target is a row that says
 * so, and takes no other target with it.
 * @param names those that are asked for; null: all
 */
export async function overview(names: readonly string[] | null, world: OverviewWorld): Promise<Status> {
  const { config } = world;
  const wanted = names === null ? null : new Set(names);
  const targets = config.targets.filter(({ name }) => wanted === null || wanted.has(name));
  const known = new Set(targets.map(({ name }) => name));
  const at = world.now();
  const rowOf = (target: Target): Promise<Row> => row(target, at, world);
  const rows = await pLimit(WIDTH).map(targets, rowOf);
  return {
    schema: 'plumbline.status/1',
    at: at.toISOString(),
    config: { hash: config.hash, commit: config.commit },
    targets: rows.sort(worstFirst),
    missing: [...(wanted ?? [])].filter((name) => !known.has(name)),
  };
}

async function row(target: Target, at: Date, { store, log, linkTo }: OverviewWorld): Promise<Row> {
  const { name } = target;
  const stands = (known: Known): Row => overviewRow(target, known, at, linkTo(name));
  try {
    const [state, queue] = await Promise.all([
      readRecord(store, keys.state(name), stateSchema, MAX_STATE_BYTES),
      readRecord(store, keys.queue(name), queueSchema, MAX_QUEUE_BYTES),
    ]);
    return stands({ state: state?.value ?? null, queue: queue?.value ?? null });
  } catch (error) {
    log.warn('target could not be read', { target: name, error: String(error) });
    return stands({ unreadable: error instanceof Error ? error.message : String(error) });
  }
}
