import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { SecretReference } from '#drift/target.ts';

/** Lets someone read exactly these secrets and parameters, decrypted. */
export function grantSecrets(role: Role, references: readonly SecretReference[]): void {
  const stack = Stack.of(role);
  const secrets = new Set<string>();
  const parameters = new Set<string>();
  for (const reference of references) {
    if ('secret' in reference) secrets.add(secretArn(stack, reference.secret));
    else parameters.add(parameterArn(stack, reference.parameter));
  }
  if (secrets.size > 0) {
    role.addToPolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [...secrets].sort() }),
    );
  }
  if (parameters.size > 0) {
    role.addToPolicy(new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [...parameters].sort() }));
  }
}

/** Secrets Manager adds a hyphen and six characters to a secret's name. */
function secretArn(stack: Stack, name: string): string {
  if (name.startsWith('arn:')) return name;
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  return stack.formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat,
  });
}

function parameterArn(stack: Stack, name: string): string {
  if (name.startsWith('arn:')) return name;
  return stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: name.replace(/^\//, '') });
}
