import { Duration } from 'aws-cdk-lib';
import { Alarm, CfnAlarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { deployed, METRICS, SWEEP_SECONDS } from '#drift/names.ts';
import { type AlarmText, describeAlarm } from './alarm-text.ts';
import type { Alerts } from './alerts.ts';

export interface HeartbeatProps {
  readonly alerts: Alerts;
  readonly text: AlarmText;
}

/** As long as three sweeps take: one that failed is not silence yet. */
const SILENCE = Duration.seconds(3 * SWEEP_SECONDS);

/** Silence pages, and needs none of our code to do so. */
export class Heartbeat extends Construct {
  constructor(scope: Construct, id: string, { alerts, text }: HeartbeatProps) {
    super(scope, id);
    const alarm = new Alarm(this, 'Alarm', {
      alarmName: deployed.heartbeatAlarm,
      alarmDescription: describeAlarm(text, {
        about: 'Plumbline itself',
        meaning: `No sweep was completed for ${SILENCE.toMinutes()} minutes: drift and blindness may go unnoticed.`,
        links: [],
        runbook: 'heartbeat',
      }),
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.heartbeat,
        period: SILENCE,
        statistic: Stats.SUM,
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
    });
    alerts.tellLoudest(alarm);
    // A service that was deployed just now has not beaten yet. The property has no place in the L2.
    const resource = alarm.node.defaultChild;
    if (!(resource instanceof CfnAlarm)) throw new Error('an alarm is made of one CfnAlarm');
    resource.warmUpConfiguration = { warmUpPeriodDurationInMinutes: SILENCE.toMinutes() };
  }
}
