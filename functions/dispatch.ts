import { randomBytes } from 'node:crypto';
import { type StartWorld, startRequestSchema, startRun } from '#checks/runs/start.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { CodeBuild } from '#services/aws/codebuild.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { S3Uploads } from '#services/aws/s3-uploads.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { HttpsChanges } from '#services/git/host-changes.ts';
import { HttpsGit } from '#services/git-remote.ts';
import { deployedConfig, entry, logger, parseEvent, variable } from './setup.ts';

const bucket = variable(FUNCTION_ENV.bucket);

const world: StartWorld = {
  config: deployedConfig(),
  store: new S3Store(bucket),
  builds: new CodeBuild(),
  git: new HttpsGit(),
  changes: new HttpsChanges(),
  secrets: new AwsSecrets(),
  functions: new LambdaFunctions(),
  uploads: new S3Uploads(bucket),
  recordFunction: variable(FUNCTION_ENV.recordFunction),
  fingerprintSecret: { secret: variable(FUNCTION_ENV.fingerprintSecret) },
  bucket,
  now: () => new Date(),
  random: () => randomBytes(24).toString('hex'),
  log: logger,
};

/**
 * Starts a run of one target: `{ target, trigger, at?, seed?, by?, commit?, push?, since? }`, from a schedule, a person or
 * another function. Answers `{ runId, sentence }`.
 */
export const handler = entry(async (event) => {
  const request = parseEvent(startRequestSchema, event);
  const { target, trigger, by } = request;
  logger.appendKeys({ target, trigger, by: by ?? null });
  return startRun(request, world);
});
