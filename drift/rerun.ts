import * as z from 'zod';
import { COMMIT_ID, VIAS } from './run.ts';

const name = z.string().min(1).max(200);

/**
 * A widget whose own parameters, those of the dashboard's editor, ask for a run: it would start one whenever a viewer
 * sees it. After a click they are those of the table, which asks for none.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
 */
const startsWhenDrawn = z.object({ params: z.object({ action: z.literal('rerun') }) });

const about = {
  action: z.literal('rerun'),
  /** Another commit than that of the source's ref, where the target allows it. */
  commit: z.string().regex(COMMIT_ID, 'is no commit: write all 40 hex digits').optional(),
  /** Whom the caller says that it is. Nothing proves it. */
  actor: z.string().min(1).max(2048).optional(),
  via: z.enum(VIAS).optional(),
  /** What the console adds: a person wants to see the answer. */
  widgetContext: z
    .unknown()
    .refine((context) => !startsWhenDrawn.safeParse(context).success, 'a widget starts nothing by being drawn')
    .optional(),
} as const;

/** Targets of one request. */
export const MAX_ASKED = 500;

/** What people may ask of `plumbline-rerun`. */
export const rerunRequestSchema = z.union(
  [
    z.strictObject({ ...about, target: name }),
    z.strictObject({ ...about, targets: z.array(name).min(1).max(MAX_ASKED) }),
    z.strictObject({ ...about, stale: z.literal(true) }),
  ],
  { error: 'write { "action": "rerun", "target": "prod/network" }; "targets": [ … ] or "stale": true go for "target"' },
);
/** As a caller writes it. */
export type RerunRequest = z.input<typeof rerunRequestSchema>;

const askedSchema = z
  .object({
    target: z.string(),
    /** The run that looks: a new one, or the one that it joined. Null: none does. */
    runId: z.string().nullable(),
    sentence: z.string(),
    /** The console's page of that run's report, there once it is judged; else of the target. Null: no such target. */
    link: z.string().nullable(),
  })
  .readonly();
/** What became of one target that was asked for. */
export type Asked = z.infer<typeof askedSchema>;

/** What `plumbline-rerun` answers. */
export const rerunAnswerSchema = z.object({ runs: z.array(askedSchema).readonly() }).readonly();
