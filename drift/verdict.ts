import { type Coverage, coverageRatio } from './coverage.ts';

export const VERDICTS = ['in-sync', 'drifted', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** How a run ended, before anything it found is looked at. */
export type Ending = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * The verdict of one run (DESIGN §2, rules 1 to 4).
 * @param counted findings that are neither ignored nor acknowledged
 * @param minCoverage 0 to 1
 */
export function decideVerdict(
  ending: Ending,
  counted: number,
  coverage: Coverage,
  minCoverage: number,
): { verdict: Verdict; reason: string } {
  if (!ending.ok) return { verdict: 'unknown', reason: ending.reason };
  if (counted > 0) return { verdict: 'drifted', reason: counted === 1 ? '1 finding' : `${counted} findings` };
  if (!coverageSuffices(coverage, minCoverage)) {
    const seen = `${coverage.compared} of ${coverage.total} compared, ${percent(minCoverage)} wanted`;
    return { verdict: 'unknown', reason: `not enough could be seen: ${seen}` };
  }
  return { verdict: 'in-sync', reason: `${coverage.compared} of ${coverage.total} compared, nothing differs` };
}

/** Whether enough was seen for the target's `minCoverage`. */
export function coverageSuffices(coverage: Coverage, minCoverage: number): boolean {
  return coverageRatio(coverage) >= minCoverage;
}

const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`;
