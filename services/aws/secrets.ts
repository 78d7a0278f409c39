import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { SecretReference } from '#drift/target.ts';
import { SecretError, type Secrets } from '../ports.ts';
import { isNamed } from './errors.ts';

/** Reads Secrets Manager secrets and SSM parameters. Nothing is kept: a rotated secret counts at once. */
export class AwsSecrets implements Secrets {
  readonly #secrets: SecretsManagerClient;
  readonly #parameters: SSMClient;

  constructor(secrets = new SecretsManagerClient({}), parameters = new SSMClient({})) {
    this.#secrets = secrets;
    this.#parameters = parameters;
  }

  async read(reference: SecretReference): Promise<string> {
    return 'secret' in reference ? this.#readSecret(reference.secret) : this.#readParameter(reference.parameter);
  }

  async #readSecret(name: string): Promise<string> {
    const value = await this.#secrets.send(new GetSecretValueCommand({ SecretId: name })).catch((error: unknown) => {
      if (isNamed(error, 'ResourceNotFoundException')) {
        throw new SecretError(`there is no secret ${name} in Secrets Manager: create it, or mend the config`, error);
      }
      if (isNamed(error, 'AccessDeniedException')) {
        throw new SecretError(`the secret ${name} may not be read by this role`, error);
      }
      throw error;
    });
    if (value.SecretString === undefined || value.SecretString === '') {
      throw new SecretError(`the secret ${name} holds no text: store it as a plain string`);
    }
    return value.SecretString;
  }

  async #readParameter(name: string): Promise<string> {
    const answer = await this.#parameters
      .send(new GetParameterCommand({ Name: name, WithDecryption: true }))
      .catch((error: unknown) => {
        if (isNamed(error, 'ParameterNotFound')) {
          throw new SecretError(`there is no SSM parameter ${name}: create it, or mend the config`, error);
        }
        if (isNamed(error, 'AccessDeniedException')) {
          throw new SecretError(`the SSM parameter ${name} may not be read by this role`, error);
        }
        throw error;
      });
    const value = answer.Parameter?.Value;
    if (value === undefined || value === '') throw new SecretError(`the SSM parameter ${name} is empty`);
    return value;
  }
}
