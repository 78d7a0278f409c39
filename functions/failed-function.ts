import * as z from 'zod';
import type { RunEnded } from '#checks/runs/finish.ts';
import { functionProblem } from '#drift/function-failure.ts';
import { askedRunSchema } from '#drift/ticket.ts';

const text = z.string().optional().catch(undefined);

/**
 * What Lambda sends to a function's failure destination, as far as it is read here. Of an event that never got to run
 * there is no response. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
export const failedFunctionSchema = z.object({
  requestContext: z.object({ condition: z.string() }),
  requestPayload: askedRunSchema,
  responsePayload: z.object({ errorType: text, errorMessage: text }).nullish().catch(null),
});

/** The end of the run that the function was asked for. */
export function endOfFailed(event: z.infer<typeof failedFunctionSchema>): RunEnded {
  const { condition } = event.requestContext;
  const { errorType, errorMessage } = event.responsePayload ?? {};
  const problem = functionProblem({ condition, errorType, errorMessage });
  return { ...event.requestPayload, build: null, function: { problem }, failure: null };
}
