import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { EVENTS } from '#drift/names.ts';
import type { BusEvent, EventBus } from '../ports.ts';

/** PutEvents takes 10 entries a call (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html). */
const MAX_ENTRIES = 10;

/** The account's default event bus. */
export class EventBridge implements EventBus {
  readonly #client: EventBridgeClient;

  constructor(client: EventBridgeClient = new EventBridgeClient({})) {
    this.#client = client;
  }

  async announce(events: readonly BusEvent[], at: Date): Promise<void> {
    for (let from = 0; from < events.length; from += MAX_ENTRIES) {
      const Entries = events.slice(from, from + MAX_ENTRIES).map(({ name, detail }) => ({
        Source: EVENTS.source,
        DetailType: name,
        Detail: JSON.stringify(detail),
        Time: at,
      }));
      const answer = await this.#client.send(new PutEventsCommand({ Entries }));
      if ((answer.FailedEntryCount ?? 0) === 0) continue;
      const refused = answer.Entries?.find((entry) => entry.ErrorCode !== undefined);
      throw new Error(
        `${answer.FailedEntryCount} of ${Entries.length} events were not taken: ${refused?.ErrorCode} ${refused?.ErrorMessage}`,
      );
    }
  }
}
