import * as z from 'zod';

/** The lines that our callback plugin writes (checks/nodes/plugin): strict, since it travels with this version. */
export const STREAM_FORMAT = 'plumbline.nodes/1';

const count = z.number().int().nonnegative();
/** Conditions that are written as a plain false or true, and all others; null: there are none. */
const literal = z.enum(['never', 'always', 'expression']).nullable();

const taskSchema = z
  .strictObject({
    /** Of one execution of the task in a play; hosts share it. */
    id: z.string(),
    name: z.string(),
    /** `file:line`, from the folder of the source. */
    path: z.string(),
    module: z.string(),
    handler: z.boolean(),
    /** False: it runs for real, by its author's word. */
    checkMode: z.boolean(),
    changedWhen: literal,
    failedWhen: literal,
    /** Whether it has a condition. */
    when: z.boolean(),
    /** `any_errors_fatal` or `run_once`: its failure ends the play for every host. */
    stopsAll: z.boolean(),
    /** The file or template it copies. */
    src: z.string().optional(),
    /** Of a `meta` task: `end_play`, … */
    meta: z.string().optional(),
  })
  .readonly();
export type Task = z.infer<typeof taskSchema>;

/** One side of a difference; `cut`: the length of what is not shown whole. */
const sideSchema = z
  .strictObject({ text: z.string(), cut: count.optional(), sha256: z.string().optional() })
  .readonly();
export type Side = z.infer<typeof sideSchema>;

const diffSchema = z
  .strictObject({
    form: z.enum(['text', 'attributes', 'prepared', 'binary', 'larger']),
    /** Whether there is nothing before, and nothing after. */
    absent: z.tuple([z.boolean(), z.boolean()]).readonly().optional(),
    before: sideSchema.optional(),
    after: sideSchema.optional(),
  })
  .readonly();
export type Diff = z.infer<typeof diffSchema>;

/** What a task or an item of its loop says. `hidden`: check mode or `when` skipped it, and `no_log` hides which. */
const said = {
  status: z.enum(['ok', 'changed', 'failed', 'unreachable', 'skipped', 'unverifiable', 'hidden']),
  /** Under `no_log`: nothing but the status is known. */
  hidden: z.literal(true).optional(),
  /** `failed_when: false` made a failure look like success. */
  hidesFailure: z.literal(true).optional(),
  message: z.string().optional(),
  path: z.string().optional(),
  diff: z.array(diffSchema).readonly().optional(),
};

const line = { seq: count };
const statsSchema = z
  .object({ ok: count, failures: count, unreachable: count, skipped: count, rescued: count, ignored: count })
  .readonly();
export type Stats = z.infer<typeof statsSchema>;

export const lineSchema = z.discriminatedUnion('event', [
  z
    .strictObject({
      ...line,
      event: z.literal('begin'),
      format: z.literal(STREAM_FORMAT),
      ansible: z.string(),
      python: z.string(),
      check: z.boolean(),
      diff: z.boolean(),
      time: z.string(),
    })
    .readonly(),
  z.strictObject({ ...line, event: z.literal('playbook'), plays: count }).readonly(),
  /** The hosts of every play, as far as they are known when the first one begins. */
  z
    .strictObject({
      ...line,
      event: z.literal('plan'),
      hosts: z.array(z.array(z.string()).readonly().nullable()).readonly(),
    })
    .readonly(),
  z
    .strictObject({
      ...line,
      event: z.literal('play'),
      play: count,
      name: z.string(),
      hosts: z.array(z.string()).readonly(),
      /** Those of `hosts` that it looks at now (`serial`). */
      batch: z.array(z.string()).readonly(),
      maxFailPercentage: z.number().nullable(),
    })
    .readonly(),
  z.strictObject({ ...line, event: z.literal('no-hosts'), play: z.number().int() }).readonly(),
  z.strictObject({ ...line, event: z.literal('no-hosts-left'), play: z.number().int() }).readonly(),
  z.strictObject({ ...line, event: z.literal('start'), play: count, task: taskSchema }).readonly(),
  z
    .strictObject({
      ...line,
      event: z.literal('item'),
      play: count,
      host: z.string(),
      id: z.string(),
      item: z.string(),
      ...said,
    })
    .readonly(),
  z
    .strictObject({
      ...line,
      event: z.literal('task'),
      play: count,
      host: z.string(),
      task: taskSchema,
      ...said,
      ignored: z.boolean().optional(),
      /** Its `when` uses what these registered, which check mode did not run. */
      dependsOn: z.array(z.string()).readonly().optional(),
    })
    .readonly(),
  /** What went wrong in the plugin; `lost`: an event has no line because of it. */
  z
    .strictObject({
      ...line,
      event: z.literal('odd'),
      host: z.string().nullable(),
      text: z.string(),
      lost: z.boolean(),
    })
    .readonly(),
  z
    .strictObject({
      ...line,
      event: z.literal('end'),
      stats: z.record(z.string(), statsSchema).readonly(),
      time: z.string(),
    })
    .readonly(),
]);
export type Line = z.infer<typeof lineSchema>;
export type LineOf<E extends Line['event']> = Extract<Line, { readonly event: E }>;
