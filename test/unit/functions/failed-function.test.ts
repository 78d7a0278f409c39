import { describe, expect, test } from 'vitest';
import { endedEventSchema, runEndedBy } from '#functions/ended-event.ts';

const ASKED = {
  target: 'prod/shop',
  runId: '20261124T100000000Z-0123456789abcdef',
  ticket: 'c0ffee00c0ffee00c0ffee00',
};
const ARN = 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-kubernetes-prod:$LATEST';

/** As https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html shows it. */
const failed = (responsePayload: unknown, condition = 'RetriesExhausted') => ({
  version: '1.0',
  timestamp: '2026-11-24T10:14:59.568Z',
  requestContext: {
    requestId: 'e4b46cbf-b738-4e1e-8880-a18cdf61200e',
    functionArn: ARN,
    condition,
    approximateInvokeCount: 1,
  },
  requestPayload: ASKED,
  responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
  responsePayload,
});
const { responseContext: _response, responsePayload: _payload, ...aged } = failed(null, 'EventAgeExceeded');
const ID = 'RequestId: e4b46cbf-b738-4e1e-8880-a18cdf61200e';

describe('what Lambda tells of a function that failed', () => {
  test.each<[string, unknown, RegExp]>([
    [
      'it was killed for its memory',
      failed({
        errorType: 'Runtime.ExitError',
        errorMessage: `${ID} Error: Runtime exited with error: signal: killed`,
      }),
      /^the check ran out of memory \(1024 MB\): split the target, or raise KUBERNETES_FUNCTION\.memoryMb and deploy$/,
    ],
    [
      'its heap was full',
      failed({
        errorType: 'Runtime.ExitError',
        errorMessage: `${ID} Error: Runtime exited with error: signal: aborted (core dumped)`,
      }),
      /^the check ran out of memory/,
    ],
    ['its memory has a name', failed({ errorType: 'Runtime.OutOfMemory', errorMessage: ID }), /^the check ran out of/],
    [
      'its time was over',
      failed({ errorType: 'Sandbox.Timedout', errorMessage: `${ID} Error: Task timed out after 900.00 seconds` }),
      /^the check took longer than 900 s, which is all that its function has: split the target$/,
    ],
    [
      'its time was over, as it was said before',
      failed({ errorMessage: '2026-11-24T10:14:59.568Z e4b46cbf Task timed out after 900.10 seconds' }),
      /^the check took longer than 900 s/,
    ],
    [
      'it threw',
      failed({ errorType: 'UploadFailed', errorMessage: 'of https://signed', trace: ['UploadFailed: …'] }),
      /^the function failed \(UploadFailed\) before the check was complete; its log tells why$/,
    ],
    [
      'it ended by itself',
      failed({
        errorType: 'Runtime.ExitError',
        errorMessage: `${ID} Error: Runtime exited without providing a reason`,
      }),
      /^the function failed \(Runtime\.ExitError\)/,
    ],
    [
      'it threw something with a name of its own making',
      failed({ errorType: 'https://signed?secret' }),
      /^the function failed \(without a name\)/,
    ],
    ['it left nothing', failed(null), /^the function failed \(without a name\)/],
    ['it left something odd', failed('odd'), /^the function failed \(without a name\)/],
    ['it never began', aged, /^the check could not be started for 10 minutes: Lambda had no room .*raise the account/],
  ])('%s', (_, event, problem) => {
    expect(runEndedBy(endedEventSchema.parse(event))).toEqual({
      ...ASKED,
      build: null,
      function: { problem: expect.stringMatching(problem) },
      failure: null,
    });
  });

  test('shows nothing of its message, which may hold anything', () => {
    const event = failed({ errorType: 'TypeError', errorMessage: 'password hunter22 is wrong' });
    expect(JSON.stringify(runEndedBy(endedEventSchema.parse(event)))).not.toContain('hunter22');
  });

  test.each<[string, object]>([
    ['no ticket', { ...ASKED, ticket: undefined }],
    ['a ticket that leads elsewhere', { ...ASKED, ticket: '../../state/prod/shop' }],
    ['no run', { ...ASKED, runId: 'latest' }],
  ])('is refused with %s', (_, requestPayload) => {
    expect(endedEventSchema.safeParse({ ...failed(null), requestPayload }).success).toBe(false);
  });
});

describe('what is told by our own functions', () => {
  const build = { arn: 'arn:build', status: 'FAILED', log: null };
  const { target, runId, ticket } = ASKED;

  test('is the end of a run of a function, with its ticket', () => {
    const ended = { target, runId, ticket, build: null, function: { problem: null }, failure: null };
    expect(runEndedBy(endedEventSchema.parse({ source: 'plumbline', ended }))).toEqual(ended);
  });

  test('is read too as it was said before there were functions', () => {
    const ended = { target, runId, build, failure: null };
    const read = runEndedBy(endedEventSchema.parse({ source: 'plumbline', ended }));
    expect(read).toEqual({ ...ended, ticket: null, function: null });
  });
});
