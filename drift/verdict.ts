import { type Coverage, coverageRatio } from './coverage.ts';

export const VERDICTS = ['in-sync', 'drifted', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Characters of why one thing was not compared; the coverage has all of it. */
const MAX_WHY = 500;

/** How a run ended, before anything it found is looked at. */
export type Ending = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * The verdict of one run (DESIGN §2, rules 1 to 4).
 * @param counted findings that are neither ignored nor acknowledged
 * @param minCoverage 0 to 1
 * @param known findings that rules took out of the count; they change the reason only
 */
export function decideVerdict(
  ending: Ending,
  counted: number,
  coverage: Coverage,
  minCoverage: number,
  known: { readonly acknowledged: number; readonly ignored: number } = { acknowledged: 0, ignored: 0 },
): { verdict: Verdict; reason: string } {
  if (!ending.ok) return { verdict: 'unknown', reason: ending.reason };
  if (counted > 0) return { verdict: 'drifted', reason: counted === 1 ? '1 finding' : `${counted} findings` };
  if (!coverageSuffices(coverage, minCoverage)) {
    return { verdict: 'unknown', reason: [shortfall(coverage, minCoverage), ...firstOf(coverage)].join('; ') };
  }
  const differs = [
    ...(known.acknowledged > 0 ? [`${known.acknowledged} acknowledged`] : []),
    ...(known.ignored > 0 ? [`${known.ignored} ignored`] : []),
  ];
  const result = differs.length === 0 ? 'nothing differs' : `nothing else differs than ${differs.join(' and ')}`;
  return { verdict: 'in-sync', reason: `${coverage.compared} of ${coverage.total} compared, ${result}` };
}

/**
 * How a run ended, from what was judged of it: an `unknown` ended badly, unless its only reason is the one that
 * `decideVerdict` gives for too little coverage. So a rule that changes the coverage may settle that one, and no other.
 */
export function endingOf(
  judged: { readonly verdict: Verdict; readonly reason: string; readonly coverage: Coverage },
  minCoverage: number,
): Ending {
  if (judged.verdict !== 'unknown') return { ok: true };
  const short = shortfall(judged.coverage, minCoverage);
  // What follows it may have been redacted in other ways than the coverage itself.
  const onlyCoverage = judged.reason === short || judged.reason.startsWith(`${short}; `);
  return onlyCoverage && !coverageSuffices(judged.coverage, minCoverage)
    ? { ok: true }
    : { ok: false, reason: judged.reason };
}

/** Whether enough was seen for the target's `minCoverage`. */
export function coverageSuffices(coverage: Coverage, minCoverage: number): boolean {
  return coverageRatio(coverage) >= minCoverage;
}

const shortfall = ({ compared, total }: Coverage, minCoverage: number): string =>
  `not enough could be seen: ${compared} of ${total} compared, ${percent(minCoverage)} wanted`;

/** Why, of one that was not seen: often it is the same for all of them. */
function firstOf({ uncovered }: Coverage): readonly string[] {
  const [first] = uncovered;
  return first === undefined ? [] : [`${first.subject}: ${first.reason}`.slice(0, MAX_WHY)];
}

const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`;
