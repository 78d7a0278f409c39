import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { failureSentence } from '#checks/terraform/sentences.ts';

const LAB = new URL('../../fixtures/terraform/lab/', import.meta.url);
const PLACES = { hidden: ['/tmp/plumbline-x/source'], module: 'terraform/network' };

const event = (summary: string, detail: string, more: object = {}) =>
  JSON.stringify({ type: 'diagnostic', diagnostic: { severity: 'error', summary, detail, ...more } });
const at = (filename: string, line: number) => ({ range: { filename, start: { line } } });

describe('one sentence for a failure', () => {
  test.each<[string, string]>([
    [
      event('Unsupported argument', 'An argument named "x" is not expected here.', at('main.tf', 3)),
      'plan failed: Unsupported argument (terraform/network/main.tf:3): An argument named "x" is not expected here; mend it in the repository',
    ],
    [
      event('Reference to undeclared module', 'No module.', at('../modules/a/main.tf', 7)),
      'plan failed: Reference to undeclared module (terraform/modules/a/main.tf:7): No module; mend it in the repository',
    ],
    [
      event('No valid credential sources found', 'Please see the docs.'),
      'plan failed: No valid credential sources found: Please see the docs; give the check valid credentials',
    ],
    [
      event(
        'reading EC2 VPC',
        'operation error EC2: DescribeVpcs, https response error StatusCode: 403, UnauthorizedOperation',
      ),
      'plan failed: reading EC2 VPC: operation error EC2: DescribeVpcs, https response error StatusCode: 403, UnauthorizedOperation; let the target role read it',
    ],
    [
      event('Error loading state', 'AccessDenied: not allowed to GetObject'),
      "plan failed: Error loading state: AccessDenied: not allowed to GetObject; let the role read the state: list its bucket and key under the environment's state",
    ],
    [
      event('Inconsistent dependency lock file', 'provider x: required but no version is selected'),
      'plan failed: Inconsistent dependency lock file: provider x: required but no version is selected; run `terraform providers lock -platform=linux_amd64` and commit .terraform.lock.hcl',
    ],
    [
      event('Something odd', 'at /tmp/plumbline-x/source/env/prod.tfvars'),
      'plan failed: Something odd: at env/prod.tfvars; the log of a run by hand tells more',
    ],
  ])('%s', (events, sentence) => {
    expect(failureSentence('plan', 1, events, '', PLACES)).toBe(sentence);
  });

  test('the same error is said once, others are counted', () => {
    const events = [event('A', 'a'), event('A', 'a'), event('B', 'b')].join('\n');
    expect(failureSentence('plan', 1, events, '', PLACES)).toBe(
      'plan failed: A: a, said 2 times (and 1 more); the log of a run by hand tells more',
    );
  });

  test('what older tools write for people is read too', () => {
    const text =
      '╷\n│ Error: Unsupported argument\n│ \n│   on main.tf line 3, in terraform:\n│    3:   x = 1\n│ \n│ An argument named "x" is not\n│ expected here.\n╵\n';
    expect(failureSentence('init', 1, '', text, PLACES)).toBe(
      'init failed: Unsupported argument (terraform/network/main.tf:3): An argument named "x" is not expected here; mend it in the repository',
    );
  });

  test('a tool that says nothing, or nothing that we know', () => {
    expect(failureSentence('plan', 9, '', '', PLACES)).toBe('plan ended with exit code 9 and said nothing');
    expect(failureSentence('plan', 9, '', 'panic: runtime error\n', PLACES)).toBe(
      'plan ended with exit code 9: panic: runtime error',
    );
  });

  // What the recorded tools said when they failed: each has a remedy of its own.
  test.each<[string, RegExp]>([
    [
      'module-not-installed',
      /^init failed: Module not installed \(terraform\/network\/main\.tf:7\).*; mend the module's source/,
    ],
    [
      'postcondition-fail',
      /^init failed: Resource postcondition failed .*: postcondition n; mend it in the repository$/,
    ],
    ['read-error', /^init failed: reading lab_object .*AccessDenied.*; let the target role read it$/],
  ])('recorded: %s', (name, remedy) => {
    const events = readFileSync(new URL(`${name}/ui.ndjson`, LAB), 'utf8');
    const sentence = failureSentence('init', 1, events, '', PLACES);
    expect(sentence).toMatch(remedy);
    expect(sentence).not.toContain('\n');
  });
});
