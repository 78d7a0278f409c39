import { finishRun } from '#checks/runs/finish.ts';
import { endedEventSchema, runEndedBy } from './ended-event.ts';
import { finishWorld } from './finish-world.ts';
import { entry, logger, parseEvent } from './setup.ts';

const world = finishWorld();

/**
 * Judges a run that ended: told by CodeBuild's state-change event, by the function that
 * compared, or by Lambda when that failed, by `dispatch` or by `sweep`.
 */
export const handler = entry(async (event) => {
  const ended = runEndedBy(parseEvent(endedEventSchema, event));
  if (typeof ended === 'string') return ended;
  logger.appendKeys({ target: ended.target, runId: ended.runId });
  return finishRun(ended, world);
});
