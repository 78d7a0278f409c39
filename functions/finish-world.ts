import * as z from 'zod';
import type { FinishWorld } from '#checks/runs/finish.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { CloudWatch } from '#services/aws/cloudwatch.ts';
import { EventBridge } from '#services/aws/eventbridge.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { deployedConfig, logger, variable } from './setup.ts';

/** What `record` and `sweep` both act on. */
export function finishWorld(): FinishWorld {
  const cloudwatch = new CloudWatch();
  return {
    config: deployedConfig(),
    store: new S3Store(variable(FUNCTION_ENV.bucket)),
    metrics: cloudwatch,
    alarms: cloudwatch,
    events: new EventBridge(),
    functions: new LambdaFunctions(),
    dispatchFunction: variable(FUNCTION_ENV.dispatchFunction),
    buildRoles: z.record(z.string(), z.string()).parse(JSON.parse(variable(FUNCTION_ENV.buildRoles))),
    now: () => new Date(),
    log: logger,
  };
}
