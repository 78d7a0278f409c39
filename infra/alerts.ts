import { CfnDynamicReference, CfnDynamicReferenceService, Stack } from 'aws-cdk-lib';
import type { AlarmBase } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type Config, type Notify, SEVERITIES, type Severity } from '#drift/target.ts';

export interface AlertsProps {
  readonly notify: Config['notify'];
  /** Keeps the messages that nobody took, such as pages while the pager's service is down. */
  readonly deadLetters: IQueue;
}

/** Who is told, by severity: one topic each, whether or not anyone listens yet. */
export class Alerts extends Construct {
  readonly topics: Readonly<Record<Severity, Topic>>;
  readonly #loudest: Severity;
  readonly #quietest: Severity;

  constructor(scope: Construct, id: string, { notify, deadLetters }: AlertsProps) {
    super(scope, id);
    // The key of AWS, alias/aws/sns, would not do: its policy cannot let CloudWatch in, and no alarm would arrive.
    const key = new Key(this, 'Key', {
      description: 'Plumbline: messages of its alert topics',
      enableKeyRotation: true,
    });
    const cloudwatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsUseTheTopics',
        principals: [cloudwatch],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
      }),
    );
    const topicOf = (severity: Severity): Topic => {
      const displayName = `Plumbline ${severity}`;
      const topic = new Topic(this, pascal(severity), { displayName, masterKey: key, enforceSSL: true });
      // `enforceSSL` makes a policy of its own, which replaces the default one that had let alarms publish.
      topic.addToResourcePolicy(
        new PolicyStatement({
          sid: 'AlarmsPublish',
          principals: [cloudwatch],
          actions: ['sns:Publish'],
          resources: [topic.topicArn],
          conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
        }),
      );
      subscribe(topic, notify[severity], deadLetters);
      return topic;
    };
    this.topics = { critical: topicOf('critical'), warning: topicOf('warning') };
    this.#loudest = SEVERITIES.find((severity) => notify[severity] !== undefined) ?? 'critical';
    this.#quietest = SEVERITIES.findLast((severity) => notify[severity] !== undefined) ?? 'warning';
  }

  /** Tells those who are told the worst: for alarms about the service itself. */
  tellLoudest(alarm: AlarmBase): void {
    tell(alarm, this.topics[this.#loudest]);
  }

  /** Tells those who are told the least bad: for what has to be mended and hides nothing. */
  tellQuietest(alarm: AlarmBase): void {
    tell(alarm, this.topics[this.#quietest]);
  }
}

/** A pager opens on ALARM and resolves on OK. */
export function tell(alarm: AlarmBase, topic: ITopic): void {
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
}

function subscribe(topic: Topic, notify: Notify | undefined, deadLetterQueue: IQueue): void {
  if (notify?.pagerduty !== undefined) {
    // The address is a secret: CloudFormation reads it, no template holds it.
    const { parameter } = notify.pagerduty;
    const endpoint = new CfnDynamicReference(CfnDynamicReferenceService.SSM, parameter).toString();
    const protocol = SubscriptionProtocol.HTTPS;
    new Subscription(topic, 'PagerDuty', { topic, protocol, endpoint, deadLetterQueue });
  }
  for (const endpoint of notify?.email ?? []) {
    const protocol = SubscriptionProtocol.EMAIL;
    new Subscription(topic, `Email ${endpoint}`, { topic, protocol, endpoint, deadLetterQueue });
  }
}

/** `critical` → `Critical`, as constructs are named. */
export const pascal = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
