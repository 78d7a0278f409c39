import { type SweepWorld, sweep } from '#checks/runs/tend.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { CodeBuild } from '#services/aws/codebuild.ts';
import { DeadLetterQueues } from '#services/aws/sqs.ts';
import { finishWorld } from './finish-world.ts';
import { entry, variable } from './setup.ts';

const world: SweepWorld = {
  ...finishWorld(),
  builds: new CodeBuild(),
  deadLetters: new DeadLetterQueues(variable(FUNCTION_ENV.deadLetterQueues).split(',')),
  recordFunction: variable(FUNCTION_ENV.recordFunction),
};

/** What time does, every few minutes, whatever the event says. */
export const handler = entry(async () => sweep(world));
