import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { hasStatus, isNamed } from './errors.ts';
import { within } from './within.ts';

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

/** Whose credentials these are. */
export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/** Nobody knows whose credentials these are; the message says what to do. */
export class CallerError extends Error {
  override readonly name = 'CallerError';
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

/** A person waits for the answer. */
const SOON = { maxAttempts: 2, ...within(20_000) } as const;

/**
 * Whose credentials the process's own are.
 * @param region undefined: that of its settings
 * @param signal ends the wait for an answer
 * @throws CallerError
 */
export async function callerIn(region: string | undefined, signal?: AbortSignal): Promise<Caller> {
  const client = new STSClient({ ...SOON, ...(region === undefined ? {} : { region }) });
  const { Account: account, Arn: arn } = await client
    .send(new GetCallerIdentityCommand({}), signal === undefined ? {} : { abortSignal: signal })
    .catch((cause: unknown) => {
      throw new CallerError(whyUnknown(cause), { cause });
    })
    .finally(() => client.destroy());
  if (account === undefined || arn === undefined) throw new CallerError('STS does not say whose credentials these are');
  return { account, arn };
}

function whyUnknown(cause: unknown): string {
  if (isNamed(cause, 'CredentialsProviderError')) {
    return 'there are no AWS credentials: set AWS_PROFILE, or run "aws sso login"';
  }
  if (hasStatus(cause, 400) || hasStatus(cause, 403)) {
    return `these AWS credentials are refused (${(cause as Error).name}): renew them, such as by "aws sso login"`;
  }
  return `STS did not answer (${cause instanceof Error ? cause.name : 'unknown error'}): is it reachable from here?`;
}
