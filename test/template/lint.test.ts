import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { CfnResource } from 'aws-cdk-lib';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { pythonTools } from '#sandbox/venv.ts';
import { deployment } from './synth.ts';

/** CDK says once more what a reference says already; it does no harm. */
const OF_CDK = ['W3005'];

let cfnLint: string;
let templates: readonly string[];

afterEach(() => void vi.unstubAllEnvs());
beforeAll(async () => {
  cfnLint = path.join(await pythonTools(), 'cfn-lint');
  const { directory } = deployment().app.synth();
  templates = readdirSync(directory)
    .filter((file) => file.endsWith('.template.json'))
    .map((file) => path.join(directory, file));
}, 600_000);

/** What cfn-lint finds, by rule; it ends with another code than 0 when there is anything. */
async function lint(files: readonly string[]): Promise<readonly { readonly rule: string; readonly message: string }[]> {
  const options = ['--format', 'json', '--regions', 'eu-west-1', '--ignore-checks', ...OF_CDK];
  const run = promisify(execFile)(cfnLint, [...options, '--', ...files], { timeout: 100_000 });
  const stdout = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? '',
  );
  const found: readonly { Rule: { Id: string }; Message: string }[] = JSON.parse(stdout);
  return found.map(({ Rule, Message }) => ({ rule: Rule.Id, message: Message }));
}

test('cfn-lint finds nothing in any template', async () => {
  expect(templates).toHaveLength(1 + 7);
  expect(await lint(templates)).toEqual([]);
});

test('and would find something', async () => {
  const [core] = templates.filter((file) => file.endsWith('/Plumbline.template.json'));
  const broken = readFileSync(core ?? '', 'utf8').replaceAll('"nodejs24.x"', '"nodejs1.x"');
  const file = `${core}.broken.json`;
  writeFileSync(file, broken);
  expect((await lint([file])).map(({ rule }) => rule)).toEqual(Array(9).fill('E3030'));
});

test('CDK’s own validation finds nothing, and would find something', () => {
  vi.stubEnv('CDK_VALIDATION', 'true');
  expect(() => deployment().app.synth()).not.toThrow();
  const { app, core } = deployment();
  new CfnResource(core, 'Broken', { type: 'AWS::S3::Bucket', properties: { Nope: 1 } });
  expect(() => app.synth()).toThrow(/Nope: Additional properties are not allowed/);
});
