import { resolve } from 'node:path';
import { judgeTerraform } from '#drift/terraform/judge.ts';
import { readBounded } from '../config-file.ts';
import { type Terminal, UsageError } from '../terminal.ts';
import { offlineReport, printReport } from './offline.ts';

/** The largest plan and event stream that are read. */
const MAX_PLAN_BYTES = 256 * 1024 * 1024;
const MAX_EVENT_BYTES = 64 * 1024 * 1024;
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
  const tool = { name: 'terraform', version: judgement.toolVersion, exitCode };
  const report = offlineReport({ target: NAME, layer: 'terraform', seed: [plan ?? ''], tool, judgement });
  printReport(report, options.json === true, terminal);
}
