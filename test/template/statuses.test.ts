import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deployed, METRICS } from '#drift/names.ts';
import { statementsOf } from './statements.ts';
import { deployment, type Resource, resourcesOf, SERVICE_CONFIG, settingsFrom } from './synth.ts';

const text = readFileSync(SERVICE_CONFIG, 'utf8');
const OWN_TOKEN = 'statuses: { token: { secret: plumbline/git-status-token } }';
const resources = resourcesOf(deployment());
const secret = (name: string): string =>
  `arn:aws:secretsmanager:eu-west-1:111111111111:secret:plumbline/${name}-??????`;
/** Roles that may read a secret. */
const readersOf = (name: string, all: readonly Resource[] = resources): readonly string[] =>
  all
    .filter(({ type, properties }) => type === 'AWS::IAM::Policy' && JSON.stringify(properties).includes(secret(name)))
    .map(({ id }) => id.replace(/DefaultPolicy[0-9A-F]{8}$/, ''))
    .sort();
/** Roles that may have a status told. */
const askers = (all: readonly Resource[]): readonly string[] =>
  all
    .filter(({ type, properties }) => {
      return type === 'AWS::IAM::Policy' && JSON.stringify(properties).includes(':function:plumbline-commit-status');
    })
    .map(({ id }) => id.replace(/DefaultPolicy[0-9A-F]{8}$/, ''))
    .sort();

describe('commit statuses', () => {
  test('a token of their own is read by the function that tells them, and by nobody else', () => {
    expect(text).toContain(OWN_TOKEN);
    expect(readersOf('git-status-token')).toEqual(['StatusesTellRole']);
    expect(readersOf('git-token')).not.toContain('StatusesTellRole');
    const shared = resourcesOf(deployment(settingsFrom(text.replace(OWN_TOKEN, 'statuses: true'))));
    expect(readersOf('git-token', shared)).toContain('StatusesTellRole');
  });

  test('it may read runs and what came of them, count refusals, and start nothing', () => {
    const own = statementsOf('StatusesTellRole', resources).filter(({ Action }) => !String(Action).startsWith('s3:'));
    expect(own.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      [['logs:CreateLogStream', 'logs:PutLogEvents'], expect.anything()],
      [['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'], expect.anything()],
      ['secretsmanager:GetSecretValue', secret('git-status-token')],
      ['cloudwatch:PutMetricData', '*'],
    ]);
    expect(askers(resources)).toEqual(['ServiceDispatchRole', 'ServiceRecordRole']);
  });

  test('an alarm tells those who are told the least bad of refusals', () => {
    const [alarm, ...others] = resources.filter(({ properties }) => properties.AlarmName === deployed.statusesAlarm);
    expect(others).toEqual([]);
    expect(alarm?.properties).toMatchObject({
      Namespace: METRICS.namespace,
      MetricName: METRICS.statusRefused,
      Statistic: 'Sum',
      TreatMissingData: 'notBreaching',
    });
    expect(JSON.stringify(alarm?.properties.AlarmActions)).toContain('AlertsWarning');
  });

  test('are not deployed where no source wants them', () => {
    const without = resourcesOf(deployment(settingsFrom(text.replace(`, ${OWN_TOKEN}`, ''))));
    expect(askers(without)).toEqual([]);
    expect(without.filter(({ id }) => id.startsWith('Statuses'))).toEqual([]);
  });
});
