import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Functions } from '../ports.ts';

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
}
