import * as z from 'zod';

/** What was not compared, and why. `unreached`: could not look; `unverifiable`: looking cannot tell. */
export const uncoveredSchema = z
  .object({ subject: z.string(), kind: z.enum(['unreached', 'unverifiable']), reason: z.string() })
  .readonly();
export type Uncovered = z.infer<typeof uncoveredSchema>;

/** Compared of total; the unit is the layer's (resource instances, objects, nodes and tasks). */
export const coverageSchema = z
  .object({
    compared: z.number().int().nonnegative(),
    total: z.number().int().nonnegative(),
    uncovered: z.array(uncoveredSchema).readonly(),
  })
  .readonly();
export type Coverage = z.infer<typeof coverageSchema>;

/** 0 to 1; 1 when there was nothing to compare (that case is the ending's to judge). */
export function coverageRatio(coverage: Coverage): number {
  return coverage.total === 0 ? 1 : coverage.compared / coverage.total;
}

/** Nothing seen: for runs that ended before they could look. */
export const NO_COVERAGE: Coverage = { compared: 0, total: 0, uncovered: [] };
