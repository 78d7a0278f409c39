import { createHash } from 'node:crypto';
import type { Report } from '#drift/report.ts';
import { newRunId } from '#drift/run.ts';
import type { Layer } from '#drift/target.ts';
import { exitCodeOf, reportText } from '../output/report-text.ts';
import type { Terminal } from '../terminal.ts';

/** Judging the same evidence again gives the same report: its times and its run are not now. */
const NO_TIME = new Date(0);

type Judged = Pick<Report, 'verdict' | 'reason' | 'coverage' | 'findings' | 'unconfirmed' | 'notes'> & {
  readonly unlisted?: number;
};

/** The report of evidence that lies in files. `seed`: what was judged, for the run's id. */
export function offlineReport(of: {
  readonly target: string;
  readonly layer: Layer;
  readonly seed: readonly (string | Uint8Array)[];
  readonly tool: Report['tool'];
  readonly judgement: Judged;
}): Report {
  const { judgement } = of;
  const hash = createHash('sha256');
  for (const part of of.seed) hash.update(part);
  const time = NO_TIME.toISOString();
  return {
    schema: 'plumbline.report/1',
    target: of.target,
    layer: of.layer,
    runId: newRunId(NO_TIME, of.target, 'manual', hash.digest('hex')),
    trigger: 'manual',
    commit: { checked: null, lastInSync: null },
    startedAt: time,
    endedAt: time,
    verdict: judgement.verdict,
    reason: judgement.reason,
    log: null,
    tool: of.tool,
    config: { hash: null, commit: null },
    coverage: judgement.coverage,
    findings: judgement.findings,
    ...(judgement.unlisted !== undefined && judgement.unlisted > 0 ? { unlisted: judgement.unlisted } : {}),
    unconfirmed: judgement.unconfirmed,
    notes: judgement.notes,
  };
}

/** Prints one report and ends with its exit code. */
export function printReport(report: Report, json: boolean, terminal: Terminal): void {
  terminal.out(json ? JSON.stringify(report, null, 2) : reportText(report, terminal.colours));
  terminal.exit(exitCodeOf([report.verdict]));
}
