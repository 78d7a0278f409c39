import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { statementsOf } from './statements.ts';
import { deployment, resourcesOf, SERVICE_CONFIG, settingsFrom } from './synth.ts';

const text = readFileSync(SERVICE_CONFIG, 'utf8');
const STATUSES = ', statuses: { token: { secret: plumbline/git-status-token } }';
const HOOK = `, webhook: { secret: plumbline/git-webhook }${STATUSES}`;
const resources = resourcesOf(deployment());
const actionOf = ({ Action }: { readonly Action: unknown }) => Action;
const ofType = (type: string) => resources.filter((resource) => resource.type === type);
const receives = (all = resources) =>
  all.find(({ properties }) => properties.FunctionName === 'plumbline-webhook')?.properties;

describe('webhooks', () => {
  test('have an address that anybody may call, of that function and no other', () => {
    expect(ofType('AWS::Lambda::Url').map(({ properties }) => properties.AuthType)).toEqual(['NONE']);
    const open = ofType('AWS::Lambda::Permission').filter(({ properties }) => properties.Principal === '*');
    expect(open.map(({ properties }) => [properties.Action, properties.InvokedViaFunctionUrl]).sort()).toEqual([
      ['lambda:InvokeFunction', true],
      ['lambda:InvokeFunctionUrl', undefined],
    ]);
    for (const { properties } of open) expect(JSON.stringify(properties.FunctionName)).toContain('WebhookReceive');
  });

  test('may read their own secrets, and start checks', () => {
    const own = statementsOf('WebhookReceiveRole', resources).filter(({ Action }) => !String(Action).startsWith('s3:'));
    expect(own.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      [['logs:CreateLogStream', 'logs:PutLogEvents'], expect.anything()],
      [['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'], expect.anything()],
      [
        'secretsmanager:GetSecretValue',
        'arn:aws:secretsmanager:eu-west-1:111111111111:secret:plumbline/git-webhook-??????',
      ],
      ['lambda:InvokeFunction', 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-dispatch'],
    ]);
  });

  test('know no token that reads a repository: dispatch asks git, and keeps the answers where they may not write', () => {
    const own = JSON.stringify(statementsOf('WebhookReceiveRole', resources));
    expect(own).not.toContain('plumbline/git-token');
    expect(own).not.toContain('/changes/');
    const asks = statementsOf('ServiceDispatchRole', resources);
    expect(JSON.stringify(asks)).toContain('plumbline/git-token');
    expect(
      asks
        .filter((statement) => JSON.stringify(statement).includes('/changes/*'))
        .map(actionOf)
        .sort(),
    ).toEqual(['s3:GetObject', 's3:PutObject']);
  });

  test('raise an alarm when one was not handled, or not let in', () => {
    const alarms = ofType('AWS::CloudWatch::Alarm').filter(({ properties }) =>
      properties.AlarmName.startsWith('plumbline webhook'),
    );
    expect(alarms.map(({ properties }) => [properties.MetricName, properties.TreatMissingData]).sort()).toEqual([
      ['Errors', 'notBreaching'],
      ['Throttles', 'notBreaching'],
    ]);
    for (const { properties } of alarms) {
      expect(properties.AlarmActions).toHaveLength(1);
      expect(properties.OKActions).toEqual(properties.AlarmActions);
    }
  });

  test('have concurrency of their own only where the config says so', () => {
    expect(receives()?.ReservedConcurrentExecutions).toBeUndefined();
    const reserved = resourcesOf(deployment(settingsFrom(`${text}\nwebhookConcurrency: 3\n`)));
    expect(receives(reserved)?.ReservedConcurrentExecutions).toBe(3);
  });

  test('are not deployed where no source has one', () => {
    expect(text).toContain(HOOK);
    const without = resourcesOf(deployment(settingsFrom(text.replace(HOOK, ''))));
    expect(receives(without)).toBeUndefined();
    expect(without.filter(({ type }) => type === 'AWS::Lambda::Url')).toEqual([]);
    expect(JSON.stringify(statementsOf('ServiceDispatchRole', without))).not.toContain('/changes/');
  });
});
