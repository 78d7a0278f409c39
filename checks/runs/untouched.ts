import { setTimeout as sleep } from 'node:timers/promises';
import { keys } from '#drift/names.ts';
import type { Source } from '#drift/target.ts';
import {
  type Changes,
  changesSchema,
  changesText,
  isUntouched,
  MAX_ANSWER_BYTES,
  type PushRange,
  type UnsurePush,
} from '#drift/webhook/changes.ts';
import type { Host } from '#drift/webhook/delivery.ts';
import type { GitChanges, Log, ObjectStore, Secrets } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';

/** As long as another may ask: reading a token, then three seconds for the host. */
const PATIENCE = { forMs: 6000, pauseMs: 300 } as const;

/** How long, and how often, the answer to another's question is looked for. */
export interface Patience {
  readonly forMs: number;
  readonly pauseMs: number;
}

export interface UntouchedWorld {
  readonly store: Pick<ObjectStore, 'create' | 'put' | 'read'>;
  readonly changes: GitChanges;
  readonly secrets: Secrets;
  readonly log: Log;
}

/**
 * Why a push asks nothing of a target; null: it does, or nobody can tell. All targets of a source come here at once: the
 * first one asks the host, the others wait for its answer.
 */
export async function reasonAgainstPush(
  target: string,
  push: UnsurePush,
  { host, source }: { readonly host: Host; readonly source: Source },
  world: UntouchedWorld,
  patience: Patience = PATIENCE,
): Promise<string | null> {
  const key = keys.changes(source.url, push.before, push.after);
  const asking: Changes = { is: 'asking' };
  if (await world.store.create(key, `${JSON.stringify(asking)}\n`, 'application/json')) {
    const files = await askHost(host, source, push, world);
    await world.store.put(key, changesText(files), 'application/json');
  }
  const changes = await answerAt(key, patience, world);
  if (!isUntouched(changes, push)) return null;
  return `nothing that ${target} is made of was changed between ${push.before} and ${push.after}`;
}

/** Null when it cannot be told, for whatever reason: then all is looked at, which is what a push is told for. */
async function askHost(
  host: Host,
  source: Source,
  { before, after }: PushRange,
  world: UntouchedWorld,
): Promise<readonly string[] | null> {
  try {
    const token = source.token === undefined ? null : await world.secrets.read(source.token);
    const files = await world.changes.between(host, source.url, { before, after }, token);
    world.log.info('git told what was pushed', { source: source.name, before, after, files: files.length });
    return files;
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    world.log.warn('git did not tell what was pushed', { source: source.name, before, after, reason });
    return null;
  }
}

/** Null: whoever asks has not answered for longer than that may take. */
async function answerAt(key: string, { forMs, pauseMs }: Patience, { store }: UntouchedWorld): Promise<Changes | null> {
  for (let waited = 0; waited <= forMs; waited += pauseMs) {
    const changes = (await readRecord(store, key, changesSchema, MAX_ANSWER_BYTES))?.value ?? null;
    if (changes?.is !== 'asking') return changes;
    await sleep(pauseMs);
  }
  return null;
}
