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

/** All that the policies of the role with this logical id prefix say. @throws when there is not exactly one policy */
export function statementsOf(role: string, resources: readonly Resource[]): readonly Statement[] {
  const policies = resources.filter(
    ({ type, properties }) =>
      type === 'AWS::IAM::Policy' && properties.Roles.some((ref: { Ref: string }) => ref.Ref.startsWith(role)),
  );
  if (policies.length !== 1) throw new Error(`${role} has ${policies.length} policies`);
  return policies.flatMap(({ properties }) => properties.PolicyDocument.Statement);
}
