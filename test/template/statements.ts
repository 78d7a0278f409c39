import type { Resource } from './synth.ts';

/** Of a policy; IAM's own shapes. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: unknown;
}

/** IAM takes one thing, and a list of them. */
export const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** The secrets and parameters that statements let somebody read. */
export const readableSecrets = (statements: readonly Statement[]): readonly unknown[] =>
  statements.flatMap(({ Action, Resource }) =>
    Action === 'secretsmanager:GetSecretValue' || Action === 'ssm:GetParameter' ? list(Resource) : [],
  );

/** All that the policies of the role with this logical id prefix say. @throws when there is not exactly one policy */
export function statementsOf(role: string, resources: readonly Resource[]): readonly Statement[] {
  const policies = resources.filter(
    ({ type, properties }) =>
      type === 'AWS::IAM::Policy' && properties.Roles.some((ref: { Ref: string }) => ref.Ref.startsWith(role)),
  );
  if (policies.length !== 1) throw new Error(`${role} has ${policies.length} policies`);
  return policies.flatMap(({ properties }) => properties.PolicyDocument.Statement);
}
