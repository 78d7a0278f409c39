import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNodeAnswer } from '#drift/nodes/node-answer.ts';
import { type CommandOutcome, hasEnded, isWaiting, wordOf } from '#drift/nodes/outcome.ts';

const SHA = 'a'.repeat(64);
const GOOD = {
  ...{ sha256: SHA, size: 12, exit: 0, hint: null, problem: null },
  ...{ ansible: '2.19.14', python: '3.11.2', left: null },
};
const lineOf = (answer: unknown): string => `plumbline-node/1 ${JSON.stringify(answer)}`;
const outcome = (details: string, output = '', status = details): CommandOutcome => ({
  ...{ node: 'i-1', status, details, output },
});

describe('the last line of a node', () => {
  test.each([
    ['alone', lineOf(GOOD)],
    ['with a line end', `${lineOf(GOOD)}\r\n`],
    ['after others', `plumbline-node/1 {}\nanything\n${lineOf(GOOD)}\n`],
    ['before what came on stderr', `${lineOf(GOOD)}\n\n----------ERROR-------\nwarning\nplumbline-node/1 {}`],
  ])('is read %s', (_, output) => {
    expect(readNodeAnswer(output)).toEqual(GOOD);
  });

  test.each([
    ['there is none', ''],
    ['it came on stderr', `\n----------ERROR-------\n${lineOf(GOOD)}`],
    ['something comes after it', `${lineOf(GOOD)}\nmore`],
    ['something stands before it', ` x ${lineOf(GOOD)}`],
    ['it is of another version', lineOf(GOOD).replace('/1', '/2')],
    ['it is cut', lineOf(GOOD).slice(0, -3)],
    ['it is no object', lineOf([GOOD])],
    ['it is too long', `${lineOf(GOOD)}${' '.repeat(10)}${'x'.repeat(2000)}`],
    ['something is missing', lineOf({ ...GOOD, exit: undefined })],
    ['something is too much', lineOf({ ...GOOD, verdict: 'in-sync' })],
    ['the hash is none', lineOf({ ...GOOD, sha256: SHA.toUpperCase() })],
    ['the hash is short', lineOf({ ...GOOD, sha256: 'a' })],
    ['the size is negative', lineOf({ ...GOOD, size: -1 })],
    ['the size is no whole number', lineOf({ ...GOOD, size: 1.5 })],
    ['the size is a text', lineOf({ ...GOOD, size: '12' })],
    ['the exit code is none', lineOf({ ...GOOD, exit: 256 })],
    ['a text has a line end', lineOf({ ...GOOD, problem: 'a\nb' })],
    ['a text moves the cursor', lineOf({ ...GOOD, hint: 'a\u001b[2Jb' })],
    ['a text turns its direction', lineOf({ ...GOOD, hint: 'a\u202eb' })],
    ['a text is empty', lineOf({ ...GOOD, problem: '' })],
    ['a folder has a line end', lineOf({ ...GOOD, left: '/tmp/a\nb' })],
    ['a version is none', lineOf({ ...GOOD, ansible: '<b>' })],
  ])('is none of ours when %s', (_, output) => {
    expect(readNodeAnswer(output)).toBeNull();
  });

  test('never throws, whatever a node prints', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.json(), (text, json) => {
        for (const output of [text, `plumbline-node/1 ${text}`, `plumbline-node/1 ${json}`]) readNodeAnswer(output);
      }),
    );
  });
});

test('a node whose document does not tell of folders that are left is read all the same', () => {
  const { left: _, ...older } = GOOD;
  expect(readNodeAnswer(lineOf(older))).toEqual(GOOD);
});

describe('what SSM says of a node', () => {
  test('is believed with a whole answer of a command that ended well', () => {
    const word = wordOf(outcome('Success', lineOf({ ...GOOD, exit: 2, hint: 'a role is missing' })));
    expect(word).toMatchObject({ stream: { sha256: SHA, size: 12 }, answer: { exit: 2, hint: 'a role is missing' } });
  });

  const good = lineOf(GOOD);
  const why = lineOf({ ...GOOD, sha256: null, size: null, problem: 'the disk is full' });
  test.each([
    ['Success', '', /ended without a word that can be trusted: look at its output in Run Command/],
    ['Success', lineOf({ ...GOOD, sha256: null }), /ended without a word that can be trusted/],
    ['Success', lineOf({ ...GOOD, size: null }), /ended without a word that can be trusted/],
    ['Success', why, /^the disk is full$/],
    ['Success', lineOf({ ...GOOD, size: 33_554_433 }), /larger than 32 MiB: check fewer tasks/],
    ['Failed', why, /^the disk is full$/],
    [
      'Failed',
      lineOf({ ...GOOD, sha256: null, size: null, problem: 'it ended', left: '/var/tmp/plumbline-node-a' }),
      /^it ended; a folder of the run is left on the node: remove \/var\/tmp\/plumbline-node-a$/,
    ],
    // What a command that failed says of a stream does not count.
    ['Failed', good, /its command failed without saying why: .*Python 3/],
    ['Failed', 'Traceback', /its command failed without saying why/],
    ['DeliveryTimedOut', '', /did not reach it in time: look whether its SSM agent runs/],
    ['Delivery Timed Out', '', /did not reach it in time/],
    ['ExecutionTimedOut', good, /took longer on it than its time: .*raise the target's timeout/],
    ['TimedOut', '', /took longer on it than its time/],
    ['Cancelled', good, /was cancelled before it had ended on this node: check again/],
    ['Undeliverable', '', /could not deliver the command: look whether the node is still there/],
    ['Terminated', '', /gave the command up before it came to this node: check again/],
    ['InvalidPlatform', '', /does not run on its platform: select Linux nodes only/],
    ['AccessDenied', '', /may not send the command to it: deploy the stack/],
    ['Pending', '', /did not begin on it in time: look whether its SSM agent runs/],
    ['Delayed', '', /did not begin on it in time/],
    ['InProgress', good, /had not ended when the check had no time left: find out what hangs/],
    ['Cancelling', good, /had not ended when the check had no time left/],
    ['Exploded', good, /^SSM says "Exploded" of the command on this node: check again$/],
    ['constructor', good, /^SSM says "constructor" of the command/],
    ['', '', /^SSM says "" of the command/],
  ])('%s with %s is a reason', (details, output, reason) => {
    expect(wordOf(outcome(details, output))).toEqual({ reason: expect.stringMatching(reason) });
  });

  test('is its closer word, and the other one where there is none', () => {
    expect(wordOf(outcome('DeliveryTimedOut', '', 'TimedOut'))).toEqual(wordOf(outcome('DeliveryTimedOut')));
    expect(wordOf(outcome('', good, 'Success'))).toHaveProperty('stream');
    expect(wordOf(outcome('Failed', good, 'Success'))).toHaveProperty('reason');
  });

  test.each([
    ['Pending', false, true],
    ['Delayed', false, true],
    ['InProgress', false, false],
    ['Cancelling', false, false],
    ['Success', true, false],
    ['DeliveryTimedOut', true, false],
    ['Exploded', true, false],
  ])('%s is the last word: %s; nothing has begun: %s', (details, ended, waiting) => {
    expect(hasEnded(outcome(details))).toBe(ended);
    expect(isWaiting(outcome(details))).toBe(waiting);
  });
});
