import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Report } from '#drift/report.ts';
import { newRunId } from '#drift/run.ts';
import { judgeTerraform } from '#drift/terraform/judge.ts';
import { readBounded } from '../config-file.ts';
import { exitCodeOf, reportText } from '../output/report-text.ts';
import { type Terminal, UsageError } from '../terminal.ts';

/** The largest plan and event stream that are read. */
const MAX_PLAN_BYTES = 256 * 1024 * 1024;
const MAX_EVENT_BYTES = 64 * 1024 * 1024;
/** Judging the same evidence again gives the same report: its times and its run are not now. */
const NO_TIME = new Date(0);
const NAME = 'offline/plan';

export interface JudgeOptions {
  readonly plan: string;
  readonly exitCode?: string;
  readonly planWithoutRefresh?: string;
  readonly events?: string;
  readonly json?: boolean;
}

/** `plumbline judge terraform`. */
export async function judgeTerraformFiles(options: JudgeOptions, terminal: Terminal): Promise<void> {
  if (options.exitCode !== undefined && !/^\d{1,3}$/.test(options.exitCode)) {
    throw new UsageError(`--exit-code ${options.exitCode} is no exit code; write the number, such as 2`);
  }
  const exitCode = options.exitCode === undefined ? null : Number(options.exitCode);
  const read = async (file: string, maxBytes: number): Promise<Buffer> => {
    const content = await readBounded(resolve(terminal.cwd, file), file, maxBytes + 1);
    if (content.length > maxBytes) throw new UsageError(`${file} is larger than ${maxBytes} bytes: it is not read`);
    return content;
  };
  // Evidence that is not there is judged as such: a report says what is missing, and so does stderr.
  const readIfThere = async (file: string | undefined, maxBytes: number): Promise<Buffer | null> => {
    if (file === undefined) return null;
    try {
      return await read(file, maxBytes);
    } catch (error) {
      if (!(error instanceof UsageError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
        throw error;
      terminal.err(error.message);
      return null;
    }
  };
  const plan = await readIfThere(options.plan, MAX_PLAN_BYTES);
  const second = await readIfThere(options.planWithoutRefresh, MAX_PLAN_BYTES);
  const events = (await readIfThere(options.events, MAX_EVENT_BYTES))?.toString('utf8') ?? null;
  const judgement = judgeTerraform(
    { plan, exitCode, planWithoutRefresh: second, events },
    { target: NAME, severity: 'critical', minCoverage: 1, fingerprintKey: null },
  );
  const time = NO_TIME.toISOString();
  const report: Report = {
    schema: 'plumbline.report/1',
    target: NAME,
    layer: 'terraform',
    runId: newRunId(
      NO_TIME,
      NAME,
      'manual',
      createHash('sha256')
        .update(plan ?? '')
        .digest('hex'),
    ),
    trigger: 'manual',
    commit: { checked: null, lastInSync: null },
    startedAt: time,
    endedAt: time,
    verdict: judgement.verdict,
    reason: judgement.reason,
    log: null,
    tool: { name: 'terraform', version: judgement.toolVersion, exitCode },
    config: { hash: null, commit: null },
    coverage: judgement.coverage,
    findings: judgement.findings,
    ...(judgement.unlisted > 0 ? { unlisted: judgement.unlisted } : {}),
    unconfirmed: judgement.unconfirmed,
    notes: judgement.notes,
  };
  terminal.out(options.json === true ? JSON.stringify(report, null, 2) : reportText(report, terminal.colours));
  terminal.exit(exitCodeOf([report.verdict]));
}
