import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetters } from '../ports.ts';

/** Looks into queues that nobody empties on his own. */
export class DeadLetterQueues implements DeadLetters {
  readonly #urls: readonly string[];
  readonly #client: SQSClient;

  constructor(urls: readonly string[], client: SQSClient = new SQSClient({})) {
    this.#urls = urls;
    this.#client = client;
  }

  async depths(): Promise<readonly { readonly queue: string; readonly messages: number }[]> {
    return Promise.all(
      this.#urls.map(async (url) => {
        const { Attributes } = await this.#client.send(
          new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages'] }),
        );
        const messages = Number(Attributes?.['ApproximateNumberOfMessages']);
        if (!Number.isInteger(messages)) throw new Error(`${url} did not tell how many messages it holds`);
        return { queue: url.slice(url.lastIndexOf('/') + 1), messages };
      }),
    );
  }
}
