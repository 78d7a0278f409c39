import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { SecretReference } from '#drift/target.ts';

/** Lets someone read exactly these secrets and parameters, decrypted. */
export function grantSecrets(scope: Construct, grantee: IGrantable, references: readonly SecretReference[]): void {
  const secrets = new Set<string>();
  const parameters = new Set<string>();
  for (const reference of references) {
    if ('secret' in reference) secrets.add(secretArn(scope, reference.secret));
    else parameters.add(parameterArn(scope, reference.parameter));
  }
  if (secrets.size > 0) {
    Grant.addToPrincipal({ grantee, actions: ['secretsmanager:GetSecretValue'], resourceArns: [...secrets].sort() });
  }
  if (parameters.size > 0) {
    Grant.addToPrincipal({ grantee, actions: ['ssm:GetParameter'], resourceArns: [...parameters].sort() });
  }
}

/** Secrets Manager adds a hyphen and six characters to a secret's name. */
function secretArn(scope: Construct, name: string): string {
  if (name.startsWith('arn:')) return name;
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  return Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat,
  });
}

function parameterArn(scope: Construct, name: string): string {
  if (name.startsWith('arn:')) return name;
  return Arn.format({ service: 'ssm', resource: 'parameter', resourceName: name.replace(/^\//, '') }, Stack.of(scope));
}
