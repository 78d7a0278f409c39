import { deployed } from '#drift/names.ts';
import type { Run } from '#drift/run.ts';
import type { Source } from '#drift/target.ts';
import type { Functions } from '#services/ports.ts';
import type { PushedRun } from '../statuses/tell.ts';

/** Has the git host told how far the check of a pushed commit is, where its source wants that; nobody waits for it. */
export async function askForStatus(
  { target, runId, trigger }: Pick<Run, 'target' | 'runId' | 'trigger'>,
  source: Source | undefined,
  functions: Pick<Functions, 'send'>,
): Promise<void> {
  if (trigger !== 'push' || source?.statuses === undefined) return;
  const run: PushedRun = { target, runId };
  await functions.send(deployed.function('commit-status'), run);
}
