import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { DEPLOYED_CONFIG_FILE } from '#drift/names.ts';
import type { DeployedConfig } from '#drift/target.ts';

/** One JSON object a line. */
export const logger = new Logger({ serviceName: 'plumbline' });

/** @throws with the variable's name when it is not set: the deployment is broken, nothing can be done here */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`the variable ${name} is not set: deploy again`);
  return value;
}

/** The config that was deployed with this very code; it was validated at synth. */
export function deployedConfig(): DeployedConfig {
  return JSON.parse(readFileSync(path.join(variable('LAMBDA_TASK_ROOT'), DEPLOYED_CONFIG_FILE), 'utf8'));
}

/** @throws with what is wrong, so that the event ends in the dead-letter queue and a person sees it */
export function parseEvent<T>(schema: z.ZodType<T>, event: unknown): T {
  const parsed = schema.safeParse(event);
  if (!parsed.success) throw new Error(`this event cannot be read: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/**
 * A function's entry: logs and returns what `act` answers with, one sentence or more than that. What it throws is logged and thrown
 * on, so that retries and the dead-letter queue see it.
 */
export function entry<T>(act: (event: unknown, context: Context) => Promise<T>) {
  return middy<unknown, T>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .onError(({ error }) => {
      logger.error('failed', error ?? 'without an error');
    })
    .handler(async (event: unknown, context) => {
      const answer = await act(event, context);
      logger.info('answered', { answer });
      return answer;
    });
}
