import { pushedRunSchema, type TellWorld, tellStatus } from '#checks/statuses/tell.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { CloudWatch } from '#services/aws/cloudwatch.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { HttpsStatuses } from '#services/git/statuses.ts';
import { deployedConfig, entry, logger, parseEvent, variable } from './setup.ts';

const bucket = variable(FUNCTION_ENV.bucket);
const world: TellWorld = {
  config: deployedConfig(),
  store: new S3Store(bucket),
  secrets: new AwsSecrets(),
  statuses: new HttpsStatuses(),
  metrics: new CloudWatch(),
  bucket,
  region: variable('AWS_REGION'),
  now: () => new Date(),
  log: logger,
};

/** Tells a git host how far the check of a pushed commit is: `{ target, runId }`, from `dispatch` and `record`. */
export const handler = entry(async (event) => {
  const run = parseEvent(pushedRunSchema, event);
  logger.appendKeys({ target: run.target, runId: run.runId });
  return tellStatus(run, world);
});
