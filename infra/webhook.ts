import { CfnOutput, Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deployed, FUNCTION_ENV, keys } from '#drift/names.ts';
import { type AlarmText, describeAlarm } from './alarm-text.ts';
import type { Alerts } from './alerts.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import { functionArn, ServiceFunction } from './service-function.ts';
import type { Settings } from './settings.ts';

export interface WebhookProps {
  readonly settings: Settings;
  /** Folder of the function's code. */
  readonly code: string;
  readonly results: Results;
  readonly deadLetters: IQueue;
  readonly alerts: Alerts;
  readonly text: AlarmText;
}

const MAX_NAMED_STATES = 20;

/** Where git hosts tell of pushes: an address that anybody can call, and a function that believes what a secret proves. */
export class Webhook extends Construct {
  constructor(scope: Construct, id: string, { settings, code, results, deadLetters, alerts, text }: WebhookProps) {
    super(scope, id);
    const hook = new ServiceFunction(this, 'Receive', {
      name: 'webhook',
      description: 'Plumbline: starts checks when a git host tells of a push',
      code,
      memoryMb: 512,
      // Git hosts wait for ten seconds.
      timeout: Duration.seconds(10),
      deadLetters,
      environment: {
        [FUNCTION_ENV.bucket]: results.bucket.bucketName,
        [FUNCTION_ENV.dispatchFunction]: deployed.function('dispatch'),
      },
      ...(settings.webhookConcurrency === undefined ? {} : { reservedConcurrency: settings.webhookConcurrency }),
    });
    const states = settings.targets
      .filter(({ source }) => source.webhook !== undefined)
      .map(({ name }) => keys.state(name))
      .sort();
    results.grantKnowAbsence(hook.role);
    results.grantRead(hook.role, 'deliveries/*', ...(states.length > MAX_NAMED_STATES ? ['state/*.json'] : states));
    results.grantWrite(hook.role, 'deliveries/*');
    grantSecrets(
      hook.role,
      settings.sources.flatMap(({ webhook }) => (webhook === undefined ? [] : [webhook])),
    );
    const resources = [functionArn(this, deployed.function('dispatch'))];
    hook.role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }));
    const { url } = hook.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    const alarm = (name: string, metric: Metric, meaning: string): void => {
      const raised = new Alarm(this, name, {
        alarmName: deployed.webhookAlarm(name.toLowerCase()),
        alarmDescription: describeAlarm(text, { about: 'Webhooks', meaning, links: [], runbook: 'webhooks' }),
        metric,
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      alerts.tellLoudest(raised);
    };
    const each = { period: Duration.minutes(5), statistic: Stats.SUM };
    alarm('Errors', hook.function.metricErrors(each), 'A push was told and not handled. Schedules look anyway.');
    alarm(
      'Throttles',
      hook.function.metricThrottles(each),
      'More was told at once than is let in: pushes, or a flood.',
    );
    new CfnOutput(this, 'Url', { value: url }).overrideLogicalId('WebhookUrl');
  }
}

/** Whether any target is to be looked at when its repository is pushed to. */
export const hasWebhook = ({ targets }: Settings): boolean =>
  targets.some(({ source }) => source.webhook !== undefined);
