import type { Coverage } from '#drift/coverage.ts';
import type { Finding } from '#drift/finding.ts';
import type { Note } from '#drift/note.ts';
import { fewPaths } from '#drift/paths.ts';
import type { Report } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { Target } from '#drift/target.ts';
import type { Verdict } from '#drift/verdict.ts';

/** What the judge of any layer says. */
interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly coverage: Coverage;
  readonly findings: readonly Finding[];
  readonly unlisted: number;
  readonly unconfirmed: readonly Finding[];
  readonly notes: readonly Note[];
  readonly outputs?: NonNullable<Report['outputs']>;
}

export interface Checked {
  readonly target: Pick<Target, 'name' | 'layer'>;
  readonly run: Pick<Run, 'runId' | 'trigger' | 'commit' | 'config'>;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly tool: NonNullable<Report['tool']>;
  readonly judgement: Judgement;
  /** What the check itself has to say, beside the judge. */
  readonly notes: readonly Note[];
  /** What the target is made of, from the root of its repository; null: not known. */
  readonly paths: Iterable<string> | null;
}

/** The report of a check, as its judge left it. */
export function reportOf({ target, run, startedAt, endedAt, tool, judgement, notes, paths }: Checked): Report {
  const few = paths === null ? null : fewPaths(paths);
  const { unlisted, outputs, ...judged } = judgement;
  return {
    schema: 'plumbline.report/1',
    target: target.name,
    layer: target.layer,
    runId: run.runId,
    trigger: run.trigger,
    commit: { checked: run.commit, lastInSync: null },
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    verdict: judged.verdict,
    reason: judged.reason,
    log: null,
    tool,
    config: run.config,
    coverage: judged.coverage,
    findings: judged.findings,
    ...(unlisted > 0 ? { unlisted } : {}),
    unconfirmed: judged.unconfirmed,
    notes: [...judged.notes, ...notes],
    ...(outputs === undefined ? {} : { outputs }),
    ...(few === null ? {} : { paths: few }),
  };
}
