import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deployed, FUNCTION_ENV, METRICS } from '#drift/names.ts';
import { type AlarmText, describeAlarm } from './alarm-text.ts';
import type { Alerts } from './alerts.ts';
import { grantMetrics } from './metrics-writer.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import { ServiceFunction } from './service-function.ts';
import type { Settings } from './settings.ts';

export interface StatusesProps {
  readonly settings: Settings;
  /** Folder of the function's code. */
  readonly code: string;
  readonly results: Results;
  readonly deadLetters: IQueue;
  readonly alerts: Alerts;
  readonly text: AlarmText;
}

/**
 * Tells git hosts what came of pushed commits. A function of its own: whoever starts checks and whoever judges them needs
 * no credential that writes to a git host, and waits for none.
 */
export class Statuses extends Construct {
  constructor(scope: Construct, id: string, { settings, code, results, deadLetters, alerts, text }: StatusesProps) {
    super(scope, id);
    const { role } = new ServiceFunction(this, 'Tell', {
      name: 'commit-status',
      description: 'Plumbline: tells a git host what came of the checks of a pushed commit',
      code,
      memoryMb: 512,
      // Two answers of a host that takes its time, each tried three times.
      timeout: Duration.minutes(1),
      deadLetters,
      environment: { [FUNCTION_ENV.bucket]: results.bucket.bucketName },
    });
    results.grantKnowAbsence(role);
    results.grantRead(role, 'runs/*/run.json', 'runs/*/report.json');
    grantSecrets(
      role,
      settings.sources.flatMap(({ statuses }) => statuses ?? []),
    );
    grantMetrics(role);
    const alarm = new Alarm(this, 'Refused', {
      alarmName: deployed.statusesAlarm,
      alarmDescription: describeAlarm(text, {
        about: 'Commit statuses',
        meaning: 'A git host did not take the status of a commit. Verdicts are not touched by that.',
        links: [],
        runbook: 'commit-statuses',
      }),
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.statusRefused,
        period: Duration.minutes(5),
        statistic: Stats.SUM,
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alerts.tellQuietest(alarm);
  }
}

/** Whether the commits of any source that is looked at are given statuses. */
export const hasStatuses = ({ targets }: Settings): boolean =>
  targets.some(({ source }) => source.statuses !== undefined);
