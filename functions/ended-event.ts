import * as z from 'zod';
import type { RunEnded } from '#checks/runs/finish.ts';
import { BUILD_ENV } from '#drift/names.ts';
import { isRunId } from '#drift/run.ts';
import { endOfFailed, failedFunctionSchema } from './failed-function.ts';

const buildSchema = z.object({ arn: z.string(), status: z.string(), log: z.string().nullable() });

/** Sent by `dispatch` and `sweep`: a run that never began, or whose end no event told; and by the function that compared. */
const ourEventSchema = z.object({
  source: z.literal('plumbline'),
  ended: z.object({
    target: z.string().max(200),
    runId: z.string().refine(isRunId, 'is no run id'),
    // Unknown to a `sweep` or `dispatch` of before.
    ticket: z.string().nullable().default(null),
    build: buildSchema.nullable(),
    function: z.object({ problem: z.string().nullable() }).nullable().default(null),
    failure: z.string().nullable(),
  }),
});

/** https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html, as far as it is read here. */
const buildEventSchema = z.object({
  source: z.literal('aws.codebuild'),
  detail: z.object({
    'build-status': z.string(),
    /** The full ARN. */
    'build-id': z.string(),
    'additional-information': z.object({
      environment: z.object({
        'environment-variables': z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
      }),
      logs: z.object({ 'deep-link': z.string().optional() }).optional(),
    }),
  }),
});

const toldSchema = z.discriminatedUnion('source', [ourEventSchema, buildEventSchema]);

export const endedEventSchema = z.union([toldSchema, failedFunctionSchema]);

/** The run that ended; or, in a sentence, why the event speaks of none. */
export function runEndedBy(event: z.infer<typeof endedEventSchema>): RunEnded | string {
  if ('requestContext' in event) return endOfFailed(event);
  if (event.source === 'plumbline') return event.ended;
  const { 'build-id': arn, 'build-status': status, 'additional-information': about } = event.detail;
  if (status === 'IN_PROGRESS') return `the build ${arn} has not ended`;
  const variables = about.environment['environment-variables'];
  const named = (name: string): string => variables.find((variable) => variable.name === name)?.value ?? '';
  const target = named(BUILD_ENV.target);
  const runId = named(BUILD_ENV.runId);
  if (target === '' || !isRunId(runId)) return `the build ${arn} was started by hand, for no run: not judged`;
  const build = { arn, status, log: about.logs?.['deep-link'] ?? null };
  return { target, runId, ticket: null, build, function: null, failure: null };
}
