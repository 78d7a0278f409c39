import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deployed } from '#drift/names.ts';
import { acknowledge } from './acknowledge.ts';
import { type AlarmText, describeAlarm } from './alarm-text.ts';
import type { Alerts } from './alerts.ts';

/** What could not be delivered or handled, of the whole service. Each message says where it comes from. */
export class DeadLetters extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(this.queue, { 'AwsSolutions-SQS3': 'It is the dead-letter queue of the others.' });
  }

  /** Raises an alarm when anything lies in the queue. */
  alarm(alerts: Alerts, text: AlarmText): void {
    const alarm = new Alarm(this, 'Alarm', {
      alarmName: deployed.deadLettersAlarm,
      alarmDescription: describeAlarm(text, {
        about: "Plumbline's own events",
        meaning: 'An event could not be delivered or handled after its retries. Sweep catches up; find out why.',
        links: [],
        runbook: 'dead-letters',
      }),
      metric: this.queue.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // A queue is silent only when it has been empty for six hours.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alerts.tellLoudest(alarm);
  }
}
