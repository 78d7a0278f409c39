import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { SecretReference } from '#drift/target.ts';
import { SecretError, type Secrets, type SecretVersions } from '../ports.ts';
import { isNamed } from './errors.ts';

/** Reads Secrets Manager secrets and SSM parameters. Nothing is kept: a rotated secret counts at once. */
export class AwsSecrets implements Secrets, SecretVersions {
  readonly #secrets: SecretsManagerClient;
  readonly #parameters: SSMClient;

  constructor(secrets = new SecretsManagerClient({}), parameters = new SSMClient({})) {
    this.#secrets = secrets;
    this.#parameters = parameters;
  }

  async read(reference: SecretReference): Promise<string> {
    return 'secret' in reference ? this.#readSecret(reference.secret) : this.#readParameter(reference.parameter);
  }

  async versions(reference: SecretReference): Promise<readonly string[]> {
    const current = await this.read(reference);
    const before =
      'secret' in reference
        ? await this.#secretBefore(reference.secret)
        : await this.#parameterBefore(reference.parameter);
    return before === null || before === '' || before === current ? [current] : [current, before];
  }

  async #secretBefore(name: string): Promise<string | null> {
    const command = new GetSecretValueCommand({ SecretId: name, VersionStage: 'AWSPREVIOUS' });
    const value = await this.#secrets.send(command).catch((error: unknown) => {
      if (isNamed(error, 'ResourceNotFoundException')) return null;
      throw error;
    });
    return value?.SecretString ?? null;
  }

  async #parameterBefore(name: string): Promise<string | null> {
    const read = async (Name: string) => {
      const answer = await this.#parameters.send(new GetParameterCommand({ Name, WithDecryption: true }));
      return answer.Parameter;
    };
    const version = (await read(name))?.Version ?? 1;
    if (version < 2) return null;
    const before = await read(`${name}:${version - 1}`).catch((error: unknown) => {
      // Parameter Store keeps a hundred versions.
      if (isNamed(error, 'ParameterNotFound', 'ParameterVersionNotFound')) return undefined;
      throw error;
    });
    return before?.Value ?? null;
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
