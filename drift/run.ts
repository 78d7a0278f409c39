import { createHash } from 'node:crypto';
import * as z from 'zod';
import { LAYERS } from './target.ts';
import { HOSTS } from './webhook/delivery.ts';

export const TRIGGERS = ['schedule', 'push', 'manual', 'confirm', 'canary'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** Where a person asked for it. */
export const VIAS = ['console', 'runbook', 'cli', 'build'] as const;
export type Via = (typeof VIAS)[number];

/** Who asked for a run, as far as that is known. */
export const askedBySchema = z
  .object({
    /** Whom the caller says that it is: an ARN, or a name. */
    actor: z.string().max(2048).exactOptional(),
    via: z.enum(VIAS).exactOptional(),
    /** Whose delivery asked for it. */
    host: z.enum(HOSTS).exactOptional(),
    /** Its id. */
    delivery: z.string().max(200).exactOptional(),
    /** Who pushed, as the git host names them. */
    author: z.string().max(500).exactOptional(),
  })
  .readonly();
export type AskedBy = z.infer<typeof askedBySchema>;

/** One comparison as it was asked for: `run.json`, immutable. Times are ISO. */
export const runSchema = z
  .object({
    schema: z.literal('plumbline.run/1'),
    runId: z.string(),
    target: z.string(),
    layer: z.enum(LAYERS),
    trigger: z.enum(TRIGGERS),
    by: askedBySchema.exactOptional(),
    /** It looks at a commit that somebody named: its verdict is none on the target, whose source is elsewhere. */
    aside: z.literal(true).exactOptional(),
    /** Null when the commit could not be resolved: such a run ends `unknown` and starts no build. */
    commit: z.string().nullable(),
    requestedAt: z.string(),
    /** After this the run is over, whatever became of it. */
    deadline: z.string(),
    config: z.object({ hash: z.string(), commit: z.string().nullable() }).readonly(),
  })
  .readonly();
export type Run = z.infer<typeof runSchema>;

/** A commit, as people name one. */
export const COMMIT_ID = /^[0-9a-f]{40}$/;

const RUN_ID = /^\d{8}T\d{9}Z-[0-9a-f]{16}$/;

/**
 * A run id that sorts by time, and is the same for the same request: a redelivered trigger is the same run.
 * @param seed what makes the request one request: the scheduled time, a delivery id, a random number
 */
export function newRunId(at: Date, target: string, trigger: Trigger, seed: string): string {
  const time = at.toISOString().replace(/[-:.]/g, '');
  const hash = createHash('sha256')
    .update(JSON.stringify([target, trigger, seed]))
    .digest('hex')
    .slice(0, 16);
  return `${time}-${hash}`;
}

/** Whether a string has the shape of a run id. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}
