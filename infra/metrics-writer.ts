import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { METRICS } from '#drift/names.ts';
import { acknowledge } from './acknowledge.ts';

/** Lets someone write our own metrics, and no others. */
export function grantMetrics(role: Role): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': METRICS.namespace } },
    }),
  );
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]': 'PutMetricData knows no resources; the namespace is a condition.',
  });
}
