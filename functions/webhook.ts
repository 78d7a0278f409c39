import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { pathsFromStates } from '#checks/hooks/paths.ts';
import { type ReceiveWorld, receive } from '#checks/hooks/receive.ts';
import { HookSecrets } from '#checks/hooks/secrets.ts';
import { FUNCTION_ENV } from '#drift/names.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { deployedConfig, logger, parseEvent, variable } from './setup.ts';

const config = deployedConfig();
const store = new S3Store(variable(FUNCTION_ENV.bucket));
const world: ReceiveWorld = {
  config,
  secrets: new HookSecrets(config.sources, new AwsSecrets(), logger),
  store,
  functions: new LambdaFunctions(),
  dispatchFunction: variable(FUNCTION_ENV.dispatchFunction),
  pathsOf: pathsFromStates(store),
  now: () => new Date(),
  log: logger,
};

/** As far as it is read: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads */
const urlEventSchema = z.object({
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
});

/**
 * Answers a delivery of a git host, `{ message }`. What goes wrong with us is thrown: the function's address answers 502
 * then, the host shows the delivery as failed, and the alarm counts it.
 */
export const handler = middy<unknown, { statusCode: number; headers: Record<string, string>; body: string }>()
  .use(injectLambdaContext(logger, { resetKeys: true }))
  .onError(({ error }) => {
    logger.error('failed', error ?? 'without an error');
  })
  .handler(async (event) => {
    const { requestContext, headers, body, isBase64Encoded } = parseEvent(urlEventSchema, event);
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const { status, sentence } = await receive(requestContext.http.method, { headers: named, body: bytes }, world);
    logger.info('answered', { status, answer: sentence });
    return {
      statusCode: status,
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify({ message: sentence })}\n`,
    };
  });
