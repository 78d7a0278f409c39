import { randomUUID } from 'node:crypto';
import { type RerunWorld, rerun } from '#checks/people/rerun.ts';
import { objectLink } from '#drift/console.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { rerunRequestSchema } from '#drift/rerun.ts';
import { renderAsked } from '#drift/widget/popup.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { deployedConfig, entry, logger, parseEvent, variable } from './setup.ts';

const bucket = variable(FUNCTION_ENV.bucket);
const place = { region: variable('AWS_REGION'), bucket };

const world: Omit<RerunWorld, 'msLeft'> = {
  config: deployedConfig(),
  store: new S3Store(bucket),
  functions: new LambdaFunctions(),
  dispatchFunction: variable(FUNCTION_ENV.dispatchFunction),
  linkTo: (key) => objectLink(place, key),
  now: () => new Date(),
  random: randomUUID,
  log: logger,
};

/**
 * The one way in which people start checks: the dashboard's buttons, the SSM runbook, `plumbline run`, a build that was
 * started by hand, and the console's test event `{ "action": "rerun", "target": "prod/network" }`. Answers `{ runs }`,
 * or to the dashboard with HTML.
 */
export const handler = entry(async (event, context) => {
  const request = parseEvent(rerunRequestSchema, event);
  const isWidget = request.widgetContext !== undefined;
  const msLeft = (): number => context.getRemainingTimeInMillis();
  const runs = await rerun({ ...(isWidget ? { via: 'console' as const } : {}), ...request }, { ...world, msLeft });
  if (isWidget) return renderAsked(runs);
  // An execution of the runbook that started nothing must not end well.
  const refused = request.via === 'runbook' ? runs.find(({ runId }) => runId === null) : undefined;
  if (refused !== undefined) throw new Error(refused.sentence);
  return { runs };
});
