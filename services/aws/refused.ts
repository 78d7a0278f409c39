import { FleetError } from '../ports.ts';
import { isNamed } from './errors.ts';
import { within } from './within.ts';

/**
 * For clients that ask for many nodes: the SDK waits longer and longer while AWS throttles, and slows down by itself
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). No call hangs for ever.
 */
export const PATIENT = {
  retryMode: 'adaptive',
  maxAttempts: 8,
  ...within(30_000),
} as const;

/** AWS's own words that are passed on. */
const MAX_WORDS = 300;

const SENTENCES: readonly (readonly [names: readonly string[], sentence: (act: string, words: string) => string])[] = [
  [
    ['AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation', 'UnauthorizedException', 'ForbiddenException'],
    (act, words) => `this check's role may not ${act}: deploy the stack of this environment again (AWS: ${words})`,
  ],
  [
    ['ExpiredTokenException', 'ExpiredToken', 'RequestExpired', 'CredentialsProviderError'],
    (act) => `there were no valid credentials left to ${act}: keep the target's timeout below an hour`,
  ],
  [
    ['ThrottlingException', 'Throttling', 'RequestLimitExceeded', 'TooManyRequestsException', 'ThrottledException'],
    (act) => `AWS was too busy to ${act} (it throttles this account): check again later, or run fewer checks at once`,
  ],
  [
    ['InvalidDocument', 'InvalidDocumentVersion', 'MaxDocumentSizeExceeded'],
    (act, words) => `SSM has no such document to ${act}: deploy the stack of this environment (AWS: ${words})`,
  ],
  [
    ['InvalidParameters', 'ValidationException', 'InvalidParameterValue', 'InvalidTarget', 'BadRequestException'],
    (act, words) => `AWS does not take what was asked to ${act}: deploy the version that runs here (AWS: ${words})`,
  ],
  [
    ['InvalidInstanceId'],
    (act, words) => `SSM knows a node no longer, and would not ${act}: check again (AWS: ${words})`,
  ],
  [
    ['NotFoundException'],
    (act, words) => `AWS found nothing to ${act}: create the resource group, or mend nodes.select (AWS: ${words})`,
  ],
  [
    ['TimeoutError', 'InternalServerError', 'InternalError', 'ServiceUnavailable', 'Unavailable', 'AggregateError'],
    (act, words) => `AWS did not answer when asked to ${act}: check again later (${words})`,
  ],
];

/**
 * What a call throws: a sentence where a person can do something about it, the error itself where it cannot be explained.
 * @param act what was to be done: `list instances`
 */
export function refused(error: unknown, act: string): unknown {
  if (!(error instanceof Error)) return error;
  const isNetwork = 'code' in error && typeof error.code === 'string' && 'syscall' in error;
  const found = SENTENCES.find(([names]) => isNamed(error, ...names) || (isNetwork && names.includes('TimeoutError')));
  if (found === undefined) return error;
  const words = error.message === '' ? error.name : error.message.slice(0, MAX_WORDS);
  return new FleetError(found[1](act, words), { cause: error });
}
