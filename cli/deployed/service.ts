import { LambdaClient } from '@aws-sdk/client-lambda';
import type * as z from 'zod';
import { deployed } from '#drift/names.ts';
import { type Row, type Status, statusSchema } from '#drift/overview.ts';
import { type Asked, type RerunRequest, rerunAnswerSchema } from '#drift/rerun.ts';
import { CallerError, callerIn } from '#services/aws/identity.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { within } from '#services/aws/within.ts';
import { FunctionError, type Functions } from '#services/ports.ts';
import { isPattern, selectTargets } from '../select.ts';
import { UsageError } from '../terminal.ts';

/** As long as the function that starts checks may take. */
const CLIENT = within(250_000);

/** The deployed service, as whoever's AWS credentials these are. */
export interface Service {
  /** @param names null: of all targets. @throws UsageError */
  status(names: readonly string[] | null): Promise<Status>;
  /** @throws UsageError */
  rerun(request: RerunRequest): Promise<readonly Asked[]>;
  /** ARN of the caller; null: nobody says. */
  caller(): Promise<string | null>;
}

/**
 * @param region undefined: that of the caller's settings
 * @param signal ends the wait for an answer
 */
export function serviceIn(region: string | undefined, signal: AbortSignal): Service {
  const config = { ...CLIENT, ...(region === undefined ? {} : { region }) };
  const functions = new LambdaFunctions(new LambdaClient(config), signal);
  // What was not answered in time may have started checks all the same: it is not asked again unasked.
  const starting = new LambdaFunctions(new LambdaClient({ ...config, maxAttempts: 1 }), signal);
  return {
    status: (names) =>
      ask(functions, 'widget', { format: 'json', ...(names === null ? {} : { targets: names }) }, statusSchema),
    rerun: async (request) => (await ask(starting, 'rerun', request, rerunAnswerSchema)).runs,
    caller: async () => {
      try {
        return (await callerIn(region, signal)).arn;
      } catch (error) {
        // Lambda says it better, if it is the credentials.
        if (error instanceof CallerError) return null;
        throw noRegion(error);
      }
    },
  };
}

async function ask<T>(
  functions: Pick<Functions, 'ask'>,
  name: string,
  payload: unknown,
  schema: z.ZodType<T>,
): Promise<T> {
  const functionName = deployed.function(name);
  const answer = await functions.ask(functionName, payload).catch((error: unknown) => {
    throw error instanceof FunctionError ? new UsageError(error.message, { cause: error }) : noRegion(error);
  });
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${functionName} answers otherwise than this version expects: deploy it, or take the other one`);
}

/** The SDK has no class for it. */
function noRegion(error: unknown): unknown {
  if (!(error instanceof Error) || error.message !== 'Region is missing') return error;
  return new UsageError('there is no AWS region: write --region eu-west-1, or set AWS_REGION', { cause: error });
}

/** How the targets stand that names and patterns mean; none: all. @throws UsageError for a name that fits nothing */
export async function select(wanted: readonly string[], service: Service): Promise<Status> {
  const named = wanted.length > 0 && !wanted.some(isPattern);
  const status = await service.status(named ? wanted : null);
  if (status.missing.length > 0) {
    throw new UsageError(status.missing.map((name) => `there is no target ${name} in the deployed config`).join('\n'));
  }
  if (named) return status;
  const rows = status.targets.map((row) => ({ name: row.target, row }));
  return { ...status, targets: selectTargets(rows, wanted).map(({ row }): Row => row) };
}
