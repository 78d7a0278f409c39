import type { Cause } from '../cause.ts';
import type { Report } from '../report.ts';
import type { Verdict } from '../verdict.ts';

/** What a git host shows beside a commit. */
export interface CommitStatus {
  readonly state: 'pending' | Verdict;
  /** At most 140 characters, GitHub's limit. */
  readonly description: string;
  /** Whose status it is: a later one of the same name takes its place. */
  readonly context: string;
  /** A page that outlives any signature. */
  readonly link: string;
}

const WHY: Readonly<Record<Cause, string>> = {
  pending: 'merged and not applied yet',
  'out-of-band': 'changed out of band',
  both: 'changed on both sides',
  unclear: 'of unclear cause',
};
/** The order in which causes are told. */
const CAUSES = Object.keys(WHY) as readonly Cause[];

/**
 * The status of a pushed commit for one target. It counts and names nothing that was found: who may read the repository
 * need not be one who may read the account.
 * @param report null: the run has not been judged
 */
export function statusOf(target: string, report: Report | null, link: string): CommitStatus {
  const about = { context: `plumbline/${target}`, link };
  if (report === null) return { ...about, state: 'pending', description: 'is being compared with what runs' };
  return { ...about, state: report.verdict, description: describe(report) };
}

function describe({ verdict, coverage, findings, unlisted = 0 }: Report): string {
  if (verdict === 'unknown') return 'unknown: it could not be compared; the report says why';
  if (verdict === 'in-sync') return `in sync: ${coverage.compared} of ${coverage.total} compared`;
  const counted = findings.filter(({ acknowledged }) => acknowledged === null);
  const total = counted.length + unlisted;
  const causes = CAUSES.flatMap((cause) => {
    const count = counted.filter((finding) => finding.cause === cause).length;
    if (count === 0) return [];
    return count === total ? [WHY[cause]] : [`${count} ${WHY[cause]}`];
  });
  return `drifted: ${total} finding${total === 1 ? '' : 's'}${causes.length === 0 ? '' : `, ${causes.join(', ')}`}`;
}
