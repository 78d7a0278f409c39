import { CloudWatchClient, PutMetricDataCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { METRICS } from '#drift/names.ts';
import type { Alarms, MetricDatum, Metrics } from '../ports.ts';

/** PutMetricData takes 1,000 metrics a call (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html). */
const MAX_DATA = 1000;
/** SetAlarmState's limit on `StateReason`. */
const MAX_REASON = 1023;

/** Metrics and alarms in CloudWatch. */
export class CloudWatch implements Metrics, Alarms {
  readonly #client: CloudWatchClient;

  constructor(client: CloudWatchClient = new CloudWatchClient({})) {
    this.#client = client;
  }

  async publish(data: readonly MetricDatum[], at: Date): Promise<void> {
    for (let from = 0; from < data.length; from += MAX_DATA) {
      const MetricData = data.slice(from, from + MAX_DATA).map(({ name, target, value }) => ({
        MetricName: name,
        Dimensions: target === undefined ? [] : [{ Name: METRICS.dimension, Value: target }],
        Timestamp: at,
        Value: value,
        Unit: 'Count' as const,
      }));
      await this.#client.send(new PutMetricDataCommand({ Namespace: METRICS.namespace, MetricData }));
    }
  }

  async reset(alarm: string, reason: string): Promise<void> {
    const StateReason = reason.slice(0, MAX_REASON);
    await this.#client.send(new SetAlarmStateCommand({ AlarmName: alarm, StateValue: 'OK', StateReason }));
  }
}
