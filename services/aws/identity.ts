import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { isNamed } from './errors.ts';

export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** Who we are, and whom we may become. */
export interface Identity {
  /** IAM's `aws:userid`: `<role id>:<session name>` for an assumed role. */
  userId(): Promise<string>;
  /** @throws RoleError when the role cannot be had */
  assume(roleArn: string, sessionName: string, seconds: number): Promise<RoleCredentials>;
}

/** A role cannot be assumed; the message says what to do. */
export class RoleError extends Error {
  override readonly name = 'RoleError';
}

export class AwsIdentity implements Identity {
  readonly #client: STSClient;

  constructor(client: STSClient = new STSClient({})) {
    this.#client = client;
  }

  async userId(): Promise<string> {
    const { UserId: userId } = await this.#client.send(new GetCallerIdentityCommand({}));
    if (userId === undefined) throw new Error('STS does not say who we are');
    return userId;
  }

  async assume(roleArn: string, sessionName: string, seconds: number): Promise<RoleCredentials> {
    const request = new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: seconds,
    });
    const { Credentials: credentials } = await this.#client.send(request).catch((error: unknown) => {
      if (!isNamed(error, 'AccessDenied', 'AccessDeniedException', 'NoSuchEntity', 'ValidationError')) throw error;
      throw new RoleError(`the role ${roleArn} cannot be assumed: is the stack of this environment deployed?`, {
        cause: error,
      });
    });
    const {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
    } = credentials ?? {};
    if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
      throw new RoleError(`STS gave no credentials for ${roleArn}`);
    }
    return { accessKeyId, secretAccessKey, sessionToken };
  }
}
