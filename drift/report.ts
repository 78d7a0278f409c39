import * as z from 'zod';
import { coverageSchema } from './coverage.ts';
import { findingSchema } from './finding.ts';
import { noteSchema } from './note.ts';
import { MAX_PATHS } from './paths.ts';
import { askedBySchema, TRIGGERS } from './run.ts';
import { LAYERS } from './target.ts';
import { VERDICTS } from './verdict.ts';

/** `report.json`: the result of one run. Additions only within a version. Times are ISO. */
export const reportSchema = z
  .object({
    schema: z.literal('plumbline.report/1'),
    target: z.string(),
    layer: z.enum(LAYERS),
    runId: z.string(),
    trigger: z.enum(TRIGGERS),
    /** Who asked for it, as far as that is known. */
    by: askedBySchema.optional(),
    /** Of a commit that somebody named: it is no verdict on the target, whose source is elsewhere. */
    aside: z.literal(true).optional(),
    commit: z.object({ checked: z.string().nullable(), lastInSync: z.string().nullable() }).readonly(),
    startedAt: z.string(),
    endedAt: z.string(),
    verdict: z.enum(VERDICTS),
    /** One sentence a person can act on. */
    reason: z.string(),
    /** The build log's address, where there is one. */
    log: z.string().nullable(),
    tool: z
      .object({ name: z.string(), version: z.string().nullable(), exitCode: z.number().int().nullable() })
      .readonly()
      .nullable(),
    config: z.object({ hash: z.string().nullable(), commit: z.string().nullable() }).readonly(),
    coverage: coverageSchema,
    findings: z.array(findingSchema).readonly(),
    /** Findings beyond those that are listed; absent: none. */
    unlisted: z.number().int().nonnegative().optional(),
    /** What a run that ended badly had found until then. */
    unconfirmed: z.array(findingSchema).readonly(),
    notes: z.array(noteSchema).readonly(),
    /** Outputs of a terraform root module that are not sensitive, each as JSON text: other targets may use them. */
    outputs: z.record(z.string(), z.string()).readonly().optional(),
    /** Folders and files, from the root of the repository, that the target is made of; absent: not known. */
    paths: z.array(z.string().max(4096)).max(MAX_PATHS).readonly().optional(),
  })
  .readonly();
export type Report = z.infer<typeof reportSchema>;

/** The largest report that is read back, in bytes; larger ones are refused by size before they are read. */
export const MAX_REPORT_BYTES = 8 * 1024 * 1024;

/** As it is handed over: one that is too large to be read back says so, instead of what it found. */
export function reportText(report: Report): string {
  const text = JSON.stringify(report);
  if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) return text;
  const reason = `the report of ${report.findings.length} findings is larger than ${MAX_REPORT_BYTES} bytes: split the target`;
  const empty = { findings: [], unconfirmed: [], notes: [], coverage: { ...report.coverage, uncovered: [] } };
  return JSON.stringify({ ...report, ...empty, verdict: 'unknown', reason } satisfies Report);
}

/** The report's JSON Schema, as published in `schema/`. */
export function reportJsonSchema(): unknown {
  return z.toJSONSchema(reportSchema, { io: 'output' });
}
