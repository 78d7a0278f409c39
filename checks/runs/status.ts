import { deployed } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import type { Source } from '#drift/target.ts';
import type { Host } from '#drift/webhook/delivery.ts';
import type { Functions } from '#services/ports.ts';
import type { PushedRun } from '../statuses/tell.ts';

/**
 * Has the git host told how far the check of a pushed commit is, where its source wants that; nobody waits for it.
 * @param joinedFrom host of a push that joined the run, which its record does not tell
 */
export async function askForStatus(
  { target, runId, trigger, aside }: Pick<Report, 'target' | 'runId' | 'trigger' | 'aside'>,
  joinedFrom: Host | undefined,
  source: Source | undefined,
  functions: Pick<Functions, 'send'>,
): Promise<void> {
  if (source?.statuses === undefined || aside === true) return;
  if (trigger !== 'push' && joinedFrom === undefined) return;
  const run: PushedRun = { target, runId, ...(joinedFrom === undefined ? {} : { host: joinedFrom }) };
  await functions.send(deployed.function('commit-status'), run);
}
