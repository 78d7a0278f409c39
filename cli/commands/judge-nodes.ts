import { basename, resolve } from 'node:path';
import { judgeNodes } from '#drift/nodes/judge.ts';
import type { NodeStream } from '#drift/nodes/node.ts';
import { readBounded } from '../config-file.ts';
import { type Terminal, UsageError } from '../terminal.ts';
import { offlineReport, printReport } from './offline.ts';

/** The largest stream that is read. */
const MAX_STREAM_BYTES = 64 * 1024 * 1024;
const NAME = 'offline/nodes';

export interface JudgeNodesOptions {
  readonly events: readonly string[];
  readonly exitCode?: readonly string[];
  readonly json?: boolean;
}

/** `plumbline judge nodes`. */
export async function judgeNodesFiles(options: JudgeNodesOptions, terminal: Terminal): Promise<void> {
  const codes = exitCodes(options);
  const streams: NodeStream[] = [];
  for (const [index, file] of options.events.entries()) {
    const text = await streamText(file, terminal);
    streams.push({ name: basename(file), node: null, text, exitCode: codes[index] ?? null });
  }
  const judgement = judgeNodes(
    { streams },
    { target: NAME, severity: 'critical', minCoverage: 1, fingerprintKey: null },
  );
  const [code = null, ...others] = codes;
  const tool = { name: 'ansible-core', version: judgement.toolVersion, exitCode: others.length === 0 ? code : null };
  const seed = streams.map(({ text }) => text);
  const report = offlineReport({ target: NAME, layer: 'nodes', seed, tool, judgement });
  printReport(report, options.json === true, terminal);
}

function exitCodes({ events, exitCode = [] }: JudgeNodesOptions): readonly number[] {
  const wrong = exitCode.find((code) => !/^\d{1,3}$/.test(code));
  if (wrong !== undefined) throw new UsageError(`--exit-code ${wrong} is no exit code; write the number, such as 2`);
  if (exitCode.length > 0 && exitCode.length !== events.length) {
    throw new UsageError(`--exit-code has ${exitCode.length} numbers for ${events.length} streams; write one for each`);
  }
  return exitCode.map(Number);
}

/** A stream that is not there is judged as an empty one: the report says so, and so does stderr. */
async function streamText(file: string, terminal: Terminal): Promise<string> {
  try {
    const bytes = await readBounded(resolve(terminal.cwd, file), file, MAX_STREAM_BYTES + 1);
    if (bytes.length > MAX_STREAM_BYTES)
      throw new UsageError(`${file} is larger than ${MAX_STREAM_BYTES} bytes: it is not read`);
    return bytes.toString('utf8');
  } catch (error) {
    const isMissing = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (!(error instanceof UsageError) || !isMissing) throw error;
    terminal.err(error.message);
    return '';
  }
}
