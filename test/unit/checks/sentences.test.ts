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

  // The taxonomy of facts/terraform.md §8: what the tool says first, and the beginning of what to do.
  test.each<[string, string, string]>([
    ['Failed to query available provider packages', '', 'mend required_providers'],
    ['Failed to download module', '', "mend the module's source"],
    [
      'Failed to get existing workspaces: operation error S3: ListObjectsV2, AccessDenied',
      '',
      'let the role read the state',
    ],
    ['Missing Required Value', '', "complete the target's terraform.backendConfig"],
    ['Backend configuration changed', '', "complete the target's terraform.backendConfig"],
    [
      'Backend initialization required, please run "terraform init"',
      '',
      "complete the target's terraform.backendConfig",
    ],
    ['Module not installed', '', "mend the module's source"],
    ['Unsupported Terraform Core version', '', "set the target's terraform.version"],
    ['No value for required variable', '', "give it in the target's terraform.vars"],
    ['Unsupported state file format', '', 'name a newer version'],
    ['Error acquiring the state lock', '', 'wait until the apply has ended'],
    ['No valid credential sources found', '', 'give the check valid credentials'],
    ['reading S3 Bucket', 'api error AccessDenied: s3:GetBucketTagging', 'let the target role read it'],
    ['Resource instance managed by newer provider version', '', 'name a newer version'],
    ['Invalid value for variable', '', "mend the value in the target's varFiles"],
    [
      'Failed to install provider',
      'could not connect: dial tcp: i/o timeout',
      'mend required_providers, or let the registry',
    ],
    ['error configuring provider', 'dial tcp: lookup sts.amazonaws.com: no such host', 'let the check reach it'],
  ])('%s has its remedy', (summary, detail, remedy) => {
    const sentence = failureSentence('plan', 1, event(summary, detail), '', PLACES);
    expect(sentence.slice(sentence.indexOf('; ') + 2)).toMatch(new RegExp(`^${remedy.replaceAll('.', '\\.')}`));
  });

  test.each([
    'Invalid expression',
    'Unsupported argument',
    'Reference to undeclared resource',
    'Resource postcondition failed',
  ])('%s is a mistake in the repository', (summary) => {
    expect(failureSentence('plan', 1, event(summary, '', at('main.tf', 3)), '', PLACES)).toMatch(
      /\(terraform\/network\/main\.tf:3\); mend it in the repository$/,
    );
  });

  test('five thousand times the same is said once', () => {
    const events = Array.from({ length: 5000 }, () => event('execution halted', '')).join('\n');
    expect(failureSentence('plan', 1, events, '', PLACES)).toBe(
      'plan failed: execution halted, said 5000 times; the log of a run by hand tells more',
    );
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
