import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { dashboardLink, objectLink } from '#drift/console.ts';
import { deployed, keys, METRICS } from '#drift/names.ts';
import { type AlarmText, describeAlarm, meaningOf, workerLink } from './alarm-text.ts';
import { tell } from './alerts.ts';
import type { ServedTarget } from './settings.ts';

export interface TargetAlarmsProps {
  readonly target: ServedTarget;
  readonly topic: ITopic;
  readonly text: AlarmText;
}

/**
 * Is it drifted, and can we see it: two questions that page separately. Each alarm stays as the last check, or the last
 * sweep, left it; that there are any is the heartbeat's business.
 */
export function alarmTarget(scope: Construct, { target, topic, text }: TargetAlarmsProps): void {
  const means = meaningOf(target.layer);
  const links = [
    { name: 'Verdict', url: objectLink(text, keys.statePage(target.name)) },
    workerLink(text, target.layer, target.environment.name),
    { name: 'Dashboard', url: dashboardLink(text.region, deployed.dashboard(text.region)) },
  ];
  const alarm = (id: string, alarmName: string, metricName: string, meaning: string, runbook: string): void => {
    const made = new Alarm(scope, id, {
      alarmName,
      alarmDescription: describeAlarm(text, { about: target.name, meaning, links, runbook }),
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName,
        dimensionsMap: { [METRICS.dimension]: target.name },
        period: Duration.minutes(1),
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
      evaluationPeriods: 1,
      datapointsToAlarm: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.IGNORE,
      // What a retired target has open must still be told to be closed.
      actionsEnabled: target.enabled || target.retired,
    });
    tell(made, topic);
  };
  alarm('Drift', deployed.driftAlarm(target.name), METRICS.drift, means.drift, 'drift');
  alarm('Unknown', deployed.unknownAlarm(target.name), METRICS.unknown, means.unknown, 'unknown');
}
