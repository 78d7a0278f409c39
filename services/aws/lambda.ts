import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Functions } from '../ports.ts';
import { isNamed } from './errors.ts';

/** Functions that are started and not waited for; Lambda keeps and retries the event. */
export class LambdaFunctions implements Functions {
  readonly #client: LambdaClient;

  constructor(client: LambdaClient = new LambdaClient({})) {
    this.#client = client;
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
}
