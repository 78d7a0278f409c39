import { describe, expect, test } from 'vitest';
import { deployed } from '#drift/names.ts';
import { rerunRequestSchema } from '#drift/rerun.ts';
import { runbookContent } from '#infra/runbook.ts';
import { statementsOf } from './statements.ts';
import { deployment, resourcesOf } from './synth.ts';

/** https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm */
const MAX_DOCUMENT_BYTES = 64 * 1024;

const made = deployment();
const resources = resourcesOf(made);
const RERUN = 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-rerun';

interface Runbook {
  readonly parameters: {
    readonly Target: { readonly allowedValues?: readonly string[]; readonly allowedPattern?: string };
  };
  readonly mainSteps: readonly [{ readonly action: string; readonly inputs: Readonly<Record<string, unknown>> }];
  readonly outputs: readonly string[];
}
const documents = resources.filter(
  ({ type, properties }) => type === 'AWS::SSM::Document' && properties.DocumentType === 'Automation',
);
const [document] = documents;
const content = document?.properties.Content as Runbook;

describe('the function with which people start checks', () => {
  const statements = statementsOf('PeopleRerunRole', resources);

  test('may ask dispatch, read states, write its log, and nothing else', () => {
    const actions = statements.flatMap(({ Effect, Action }) => {
      expect(Effect).toBe('Allow');
      return Action;
    });
    expect(actions.sort()).toEqual([
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:ListBucket',
    ]);
    const invoked = statements.filter(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(invoked.map(({ Resource }) => Resource)).toEqual([
      'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-dispatch',
    ]);
    expect(JSON.stringify(statements)).toContain('/state/*.json');
    expect(JSON.stringify(statements)).not.toMatch(/tickets|queue|runs|inbox/);
  });

  test('is let in by nobody’s resource policy: whoever calls it needs the right themselves', () => {
    const id = resources.find(({ properties }) => properties.FunctionName === deployed.function('rerun'))?.id ?? '';
    const lets = resources.filter(({ type }) => type === 'AWS::Lambda::Permission' || type === 'AWS::Lambda::Url');
    expect(lets.length).toBeGreaterThan(2);
    expect(lets.filter(({ properties }) => JSON.stringify(properties).includes(id))).toEqual([]);
  });

  test('is asked by builds, which may start nothing themselves, and by no other role', () => {
    const policies = resources.filter(({ type }) => type === 'AWS::IAM::Policy');
    expect(policies.length).toBeGreaterThan(10);
    const asking = policies.filter(({ properties }) => JSON.stringify(properties.PolicyDocument).includes(RERUN));
    const builds = ['Terraform', 'Nodes'].flatMap((layer) =>
      ['prod', 'staging'].map((environment) => `${layer}${environment}BuildRole`),
    );
    expect(asking.map(({ id }) => id.replace(/DefaultPolicy[0-9A-F]{8}$/, ''))).toEqual(builds);
    for (const build of builds) {
      const invoked = statementsOf(build, resources).filter(({ Action }) => JSON.stringify(Action).includes('lambda:'));
      expect(invoked.map(({ Action, Resource }) => [Action, Resource])).toEqual([['lambda:InvokeFunction', RERUN]]);
    }
  });
});

describe('the runbook', () => {
  test('is one, with the deployed targets as a drop-down', () => {
    expect(documents).toHaveLength(1);
    expect(document?.properties).toMatchObject({ Name: 'plumbline-rerun', UpdateMethod: 'NewVersion' });
    const targets = content.parameters.Target.allowedValues ?? [];
    expect(targets).toHaveLength(9);
    expect(targets).toContain('prod/network');
    expect([...targets].sort()).toEqual(targets);
  });

  test('runs with the rights of whoever starts it: it assumes no role', () => {
    expect(content).not.toHaveProperty('assumeRole');
    expect(JSON.stringify(content)).not.toContain('AutomationAssumeRole');
  });

  test('asks for what the function takes, by the function’s name, and shows its answer', () => {
    const [step, ...others] = content.mainSteps;
    expect(others).toEqual([]);
    expect(step).toMatchObject({ action: 'aws:invokeLambdaFunction', name: 'Start', maxAttempts: 1 });
    expect(step.inputs).toMatchObject({ FunctionName: 'plumbline-rerun', InvocationType: 'RequestResponse' });
    const filled = JSON.parse(
      JSON.stringify(step.inputs['InputPayload'])
        .replace('{{ Target }}', 'prod/network')
        .replace('{{ automation:EXECUTION_ID }}', '73c8eef8-f4ee-4a05-820c-e354fEXAMPLE'),
    );
    expect(rerunRequestSchema.parse(filled)).toEqual({
      ...{ action: 'rerun', target: 'prod/network', via: 'runbook' },
      actor: 'automation execution 73c8eef8-f4ee-4a05-820c-e354fEXAMPLE',
    });
    expect(content.outputs).toEqual(['Start.Payload']);
  });

  /** Names of as many characters as a config takes: 40 each side of the slash. */
  const longest = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${'e'.repeat(40)}/${String(index).padStart(4, '0')}${'t'.repeat(36)}`);

  test('of 500 of the longest names fits into a document', () => {
    const full = runbookContent(longest(500)) as Runbook;
    expect(full.parameters.Target.allowedValues).toHaveLength(500);
    expect(Buffer.byteLength(JSON.stringify(full))).toBeLessThan(MAX_DOCUMENT_BYTES);
  });

  test('of more has a field that takes names of targets and nothing else', () => {
    const full = runbookContent(longest(501)) as Runbook;
    expect(full.parameters.Target.allowedValues).toBeUndefined();
    const pattern = new RegExp(full.parameters.Target.allowedPattern ?? '');
    expect(longest(501).filter((name) => !pattern.test(name))).toEqual([]);
    for (const text of ['prod', 'prod/', '/x', 'a/b/c', 'a/b"', 'a/b\nc', 'a/ b', '../x', `a/${'b'.repeat(41)}`]) {
      expect(pattern.test(text), text).toBe(false);
    }
  });
});
