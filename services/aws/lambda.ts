import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { jsonOf } from '../json.ts';
import { FunctionError, type Functions } from '../ports.ts';
import { isNamed } from './errors.ts';

/** Functions in Lambda, which keeps and retries the events of those that are not waited for. */
export class LambdaFunctions implements Functions {
  readonly #client: LambdaClient;
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends the wait for an answer; the function goes on */
  constructor(client: LambdaClient = new LambdaClient({}), signal?: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async send(functionName: string, payload: unknown): Promise<void> {
    const { StatusCode } = await this.#client.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: Buffer.from(JSON.stringify(payload)),
      }),
    );
    if (StatusCode !== 202) throw new Error(`${functionName} did not take the event: status ${StatusCode}`);
  }

  async start(functionName: string, payload: unknown): Promise<{ readonly throttled: string } | null> {
    try {
      await this.send(functionName, payload);
      return null;
    } catch (error) {
      if (!isNamed(error, 'TooManyRequestsException') || !(error instanceof Error)) throw error;
      return { throttled: `Lambda has no room for ${functionName}: ${error.message}` };
    }
  }

  async ask(functionName: string, payload: unknown): Promise<unknown> {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(payload)) });
    const options = this.#signal === undefined ? {} : { abortSignal: this.#signal };
    const answer = await this.#client.send(command, options).catch((error: unknown) => {
      throw explained(error, functionName);
    });
    const text = Buffer.from(answer.Payload ?? []).toString('utf8');
    if (answer.FunctionError !== undefined) {
      throw new FunctionError(`${functionName} failed, its log tells why: ${messageIn(text)}`);
    }
    const json = text === '' ? null : jsonOf(text);
    if (json === undefined) throw new FunctionError(`the answer of ${functionName} was cut off: ask again`);
    return json;
  }
}

/** The error of a function, as Lambda tells it. */
const failureSchema = z.object({ errorMessage: z.string() });
const MAX_WORDS = 500;

function messageIn(text: string): string {
  const parsed = failureSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data.errorMessage.slice(0, MAX_WORDS) : 'it does not say';
}

/** What a call threw: a sentence where a person can do something about it, the error itself where not. */
function explained(error: unknown, functionName: string): unknown {
  if (!(error instanceof Error)) return error;
  const sentence = sentenceOf(error, functionName);
  return sentence === null ? error : new FunctionError(sentence, { cause: error });
}

function sentenceOf(error: Error, functionName: string): string | null {
  switch (error.name) {
    case 'ResourceNotFoundException':
      return `there is no function ${functionName}: is the service deployed in this account and region?`;
    case 'AccessDeniedException':
      return `lambda:InvokeFunction on ${functionName} is not allowed: ${error.message.slice(0, MAX_WORDS)}`;
    case 'TooManyRequestsException':
      return `Lambda has no room for ${functionName}: ask again in a minute`;
    case 'CredentialsProviderError':
      return 'there are no AWS credentials: set AWS_PROFILE, or run "aws sso login"';
    case 'ExpiredTokenException':
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
      return `these AWS credentials are refused (${error.name}): renew them, such as by "aws sso login"`;
    case 'AbortError':
      return `no longer waiting for ${functionName}, which goes on with what it was asked for`;
    case 'TimeoutError':
      return `${functionName} did not answer in time: its log tells whether it did its work`;
    default:
      return isUnreachable(error) ? `Lambda could not be reached (${error.message}): is the region right?` : null;
  }
}

/** How Node names a connection that did not come about. */
const isUnreachable = (error: Error): boolean =>
  'code' in error && ['ENOTFOUND', 'ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', 'ETIMEDOUT'].includes(String(error.code));
