import type { Report } from '#drift/report.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { NodesTarget } from '#drift/target.ts';
import type { LocalRun } from './run.ts';

export async function checkNodesHere(_target: NodesTarget, { run }: LocalRun): Promise<Report> {
  return unknownReport(run, 'nodes cannot be checked locally yet', new Date());
}
