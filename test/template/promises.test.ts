import { describe, expect, test } from 'vitest';
import { deployed, KUBERNETES_FUNCTION, METRICS } from '#drift/names.ts';
import { deployment, type Resource, resourcesOf } from './synth.ts';

const resources = resourcesOf(deployment());
const ofType = (type: string): readonly Resource[] => resources.filter((resource) => resource.type === type);
const the = (id: string): Resource => {
  const found = resources.find((resource) => resource.id === id);
  if (found === undefined) throw new Error(`no resource ${id}`);
  return found;
};
const alarms = ofType('AWS::CloudWatch::Alarm');
const schedules = ofType('AWS::Scheduler::Schedule');
const functions = ofType('AWS::Lambda::Function');

/** What the nested stacks get from the core, by the name of the parameter. */
const passed = Object.assign(
  {},
  ...ofType('AWS::CloudFormation::Stack').map(({ properties }) => properties.Parameters),
);

/** The core's resource that a value refers to, also when a nested stack gets it as a parameter. */
function referenced(value: unknown): string {
  const id = JSON.stringify(value).match(/"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z0-9]+)"/)?.[1];
  if (id === undefined) throw new Error(`${JSON.stringify(value)} refers to nothing`);
  return id in passed ? referenced(passed[id]) : id;
}

const TARGETS = [
  ...['prod/by-hand', 'prod/cluster', 'prod/edge', 'prod/network', 'prod/nodes', 'prod/shop'],
  ...['staging/network', 'staging/nodes', 'staging/web'],
];
const CLUSTERS = ['prod', 'staging'];

describe('alarms', () => {
  test('are two per target, two for the service, two for its webhooks and one for statuses, under the names the rest uses', () => {
    const wanted = [
      ...TARGETS.flatMap((target) => [deployed.driftAlarm(target), deployed.unknownAlarm(target)]),
      deployed.heartbeatAlarm,
      deployed.deadLettersAlarm,
      deployed.statusesAlarm,
      deployed.webhookAlarm('errors'),
      deployed.webhookAlarm('throttles'),
    ];
    expect(alarms.map(({ properties }) => properties.AlarmName).sort()).toEqual(wanted.sort());
  });

  test.each(TARGETS)('of %s watch its own two metrics, and stay as the last check left them', (target) => {
    const own = [
      [deployed.driftAlarm(target), METRICS.drift],
      [deployed.unknownAlarm(target), METRICS.unknown],
    ];
    for (const [name, metric] of own) {
      const [alarm, ...others] = alarms.filter(({ properties }) => properties.AlarmName === name);
      expect(others).toEqual([]);
      expect(alarm?.properties).toMatchObject({
        Namespace: METRICS.namespace,
        MetricName: metric,
        Dimensions: [{ Name: METRICS.dimension, Value: target }],
        Period: 60,
        EvaluationPeriods: 1,
        DatapointsToAlarm: 1,
        Statistic: 'Maximum',
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'ignore',
        ActionsEnabled: target !== 'prod/cluster',
      });
    }
  });

  test('tell a topic on ALARM and on OK, which lets CloudWatch publish, and its key encrypt', () => {
    let walked = 0;
    for (const { properties } of alarms) {
      expect(properties.OKActions).toEqual(properties.AlarmActions);
      expect(properties.AlarmActions).toHaveLength(1);
      const topic = the(referenced(properties.AlarmActions[0]));
      expect(topic.type).toBe('AWS::SNS::Topic');
      const policies = ofType('AWS::SNS::TopicPolicy').filter((policy) =>
        policy.properties.Topics.some((ref: unknown) => referenced(ref) === topic.id),
      );
      const statements = policies.flatMap((policy) => policy.properties.PolicyDocument.Statement);
      expect(statements).toContainEqual(
        expect.objectContaining({
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' } },
        }),
      );
      const key = the(referenced(topic.properties.KmsMasterKeyId));
      expect(key.properties.KeyPolicy.Statement).toContainEqual(
        expect.objectContaining({
          Effect: 'Allow',
          Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
          Principal: { Service: 'cloudwatch.amazonaws.com' },
        }),
      );
      walked += 1;
    }
    expect(walked).toBe(2 * TARGETS.length + 5);
  });

  test('go to the topic of their severity, those of the service to the loudest', () => {
    const topicOf = (name: string): string =>
      referenced(alarms.find(({ properties }) => properties.AlarmName === name)?.properties.AlarmActions[0]);
    expect(topicOf(deployed.driftAlarm('staging/network'))).toContain('Warning');
    expect(topicOf(deployed.driftAlarm('prod/network'))).toContain('Critical');
    expect(topicOf(deployed.heartbeatAlarm)).toContain('Critical');
    expect(topicOf(deployed.deadLettersAlarm)).toContain('Critical');
  });

  test('say what they mean, with links that do not expire, in CloudWatch’s 1,024 characters', () => {
    const ofTargets = alarms.filter(({ stack }) => stack.startsWith('Targets'));
    expect(ofTargets).toHaveLength(2 * TARGETS.length);
    for (const { properties } of ofTargets) {
      const text = JSON.stringify(properties.AlarmDescription);
      expect(text).toMatch(/https:\/\/eu-west-1\.console\.aws\.amazon\.com\/s3\/object\//);
      expect(text).toMatch(/state\/(prod|staging)\/[a-z-]+\.html/);
      const name = properties.AlarmName.split(' ')[1];
      const log = /#logsV2:log-groups\/log-group\/\$252Fplumbline\$252Fkubernetes\$252F(prod|staging)/;
      const layer = /edge|nodes/.test(name) ? 'nodes' : 'terraform';
      const builds = new RegExp(`codebuild/111111111111/projects/plumbline-${layer}-(prod|staging)/history`);
      expect(text).toMatch(['prod/shop', 'staging/web'].includes(name) ? log : builds);
      expect(text).toContain('cloudwatch/home?region=eu-west-1#dashboards/dashboard/plumbline-eu-west-1');
      expect(text).toMatch(/Runbook: docs\/operations\.md#(drift|unknown)/);
      expect(text.length).toBeLessThan(1024);
    }
  });

  test('of the heartbeat: silence for three sweeps breaches, but not while the stack is young', () => {
    const heartbeat = alarms.find(({ properties }) => properties.AlarmName === deployed.heartbeatAlarm);
    expect(heartbeat?.properties).toMatchObject({
      MetricName: METRICS.heartbeat,
      Statistic: 'Sum',
      Period: 900,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
      WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 15 },
    });
    expect(heartbeat?.properties.Dimensions).toBeUndefined();
  });
});

describe('schedules', () => {
  test('are one per scheduled target and one for sweep, with few retries and a dead-letter queue', () => {
    expect(schedules).toHaveLength(7 + 1);
    for (const { properties } of schedules) {
      expect(properties.Target.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 2 });
      expect(the(referenced(properties.Target.DeadLetterConfig.Arn)).type).toBe('AWS::SQS::Queue');
      expect(the(referenced(properties.Target.RoleArn)).id).toContain('ClockRole');
    }
  });

  test('ask dispatch for a check of their target at the scheduled time', () => {
    const network = schedules.find(({ properties }) => properties.Name === deployed.schedule('prod/network'));
    expect(network?.properties).toMatchObject({ ScheduleExpression: 'rate(1 hour)', State: 'ENABLED' });
    expect(JSON.parse(network?.properties.Target.Input)).toEqual({
      target: 'prod/network',
      trigger: 'schedule',
      at: '<aws.scheduler.scheduled-time>',
    });
    expect(the(referenced(network?.properties.Target.Arn)).properties.FunctionName).toBe('plumbline-dispatch');
  });

  test('of a paused target are off', () => {
    const paused = schedules.find(({ properties }) => properties.Name === deployed.schedule('prod/cluster'));
    expect(paused?.properties).toMatchObject({ ScheduleExpression: 'cron(0 6 ? * MON-FRI *)', State: 'DISABLED' });
  });

  test('of sweep beats every five minutes', () => {
    const sweep = schedules.filter(({ stack }) => stack === 'Plumbline');
    expect(sweep.map(({ properties }) => properties.ScheduleExpression)).toEqual(['rate(5 minutes)']);
  });
});

describe('functions', () => {
  test('run on Node 24, log to a group that forgets, and lose nothing that failed', () => {
    const compare = CLUSTERS.map((environment) => deployed.project('kubernetes', environment));
    expect(functions.map(({ properties }) => properties.FunctionName).sort()).toEqual(
      [
        ...['commit-status', 'dispatch', 'record', 'rerun', 'sweep', 'webhook', 'widget'].map(deployed.function),
        ...compare,
      ].sort(),
    );
    const invokes = ofType('AWS::Lambda::EventInvokeConfig');
    for (const { id, properties } of functions) {
      const compares = compare.includes(properties.FunctionName);
      expect(properties.Runtime).toBe('nodejs24.x');
      expect(the(referenced(properties.LoggingConfig.LogGroup)).properties.RetentionInDays).toBe(90);
      const invoke = invokes.filter((config) => referenced(config.properties.FunctionName) === id);
      expect(invoke).toHaveLength(1);
      const isWaitedFor = ['widget', 'rerun'].map(deployed.function).includes(properties.FunctionName);
      expect(invoke[0]?.properties.MaximumRetryAttempts).toBe(compares || isWaitedFor ? 0 : 2);
      if (isWaitedFor) continue;
      const told = the(referenced(invoke[0]?.properties.DestinationConfig.OnFailure.Destination));
      if (compares) expect(told.properties.FunctionName).toBe(deployed.function('record'));
      else expect(told.type).toBe('AWS::SQS::Queue');
    }
  });

  test('that compare have the size, the time and the tools that a check needs', () => {
    const [layer, ...others] = ofType('AWS::Lambda::LayerVersion');
    expect(others).toEqual([]);
    for (const environment of CLUSTERS) {
      const name = deployed.project('kubernetes', environment);
      const found = functions.find(({ properties }) => properties.FunctionName === name);
      expect(found?.properties).toMatchObject({
        // What the layer has is for no other.
        Architectures: ['x86_64'],
        MemorySize: KUBERNETES_FUNCTION.memoryMb,
        EphemeralStorage: { Size: 1024 },
        // Lambda has no more; a target may take 14 minutes.
        Timeout: 900,
      });
      expect(found?.properties.Layers.map(referenced)).toEqual([layer?.id]);
      expect(Object.keys(found?.properties.Environment.Variables).sort()).toEqual([
        'PLUMBLINE_BUCKET',
        'PLUMBLINE_RECORD_FUNCTION',
      ]);
      const invoke = ofType('AWS::Lambda::EventInvokeConfig').find(
        ({ properties }) => referenced(properties.FunctionName) === found?.id,
      );
      expect(invoke?.properties.MaximumEventAgeInSeconds).toBe(KUBERNETES_FUNCTION.maxEventAgeSeconds);
      expect(JSON.stringify(found?.properties.LoggingConfig)).toContain(`Kubernetes${environment}Log`);
    }
  });

  test('that compare are in the network that the config names, and in no other', () => {
    const network = (environment: string): unknown =>
      functions.find(({ properties }) => properties.FunctionName === deployed.project('kubernetes', environment))
        ?.properties.VpcConfig;
    expect(network('prod')).toBeUndefined();
    expect(network('staging')).toEqual({
      SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      SecurityGroupIds: ['sg-0123456789abcdef0'],
    });
  });

  test('hold no secret in their environment, and each variable that the code asks for', () => {
    const variables = (name: string): readonly string[] => {
      const found = functions.find(({ properties }) => properties.FunctionName === deployed.function(name));
      return Object.keys(found?.properties.Environment.Variables).sort();
    };
    const finish = ['PLUMBLINE_BUCKET', 'PLUMBLINE_BUILD_ROLES', 'PLUMBLINE_DISPATCH_FUNCTION'];
    expect(variables('dispatch')).toEqual([
      'PLUMBLINE_BUCKET',
      'PLUMBLINE_FINGERPRINT_SECRET',
      'PLUMBLINE_RECORD_FUNCTION',
    ]);
    expect(variables('webhook')).toEqual(['PLUMBLINE_BUCKET', 'PLUMBLINE_DISPATCH_FUNCTION']);
    expect(variables('commit-status')).toEqual(['PLUMBLINE_BUCKET']);
    expect(variables('widget')).toEqual(['PLUMBLINE_BUCKET']);
    expect(variables('rerun')).toEqual(['PLUMBLINE_BUCKET', 'PLUMBLINE_DISPATCH_FUNCTION']);
    expect(variables('record')).toEqual(finish);
    expect(variables('sweep')).toEqual([...finish, 'PLUMBLINE_DEAD_LETTER_QUEUES', 'PLUMBLINE_RECORD_FUNCTION'].sort());
  });

  test('know the unique id of each project’s role', () => {
    const record = functions.find(({ properties }) => properties.FunctionName === deployed.function('record'));
    const roles = JSON.stringify(record?.properties.Environment.Variables['PLUMBLINE_BUILD_ROLES']);
    expect(roles).toMatch(/plumbline-terraform-prod.*plumbline-nodes-prod/);
    const found = roles.match(/"Fn::GetAtt":\["(Terraform|Nodes)(prod|staging)BuildRole[0-9A-F]+","RoleId"\]/g);
    expect(new Set(found)).toHaveProperty('size', 4);
  });

  test('record is told of every end of a build of ours, and nothing is lost on the way', () => {
    const [rule, ...others] = ofType('AWS::Events::Rule');
    expect(others).toEqual([]);
    expect(rule?.properties.EventPattern).toEqual({
      source: ['aws.codebuild'],
      'detail-type': ['CodeBuild Build State Change'],
      detail: {
        'build-status': ['SUCCEEDED', 'FAILED', 'STOPPED', 'FAULT', 'TIMED_OUT'],
        'project-name': [{ prefix: 'plumbline-terraform-' }, { prefix: 'plumbline-nodes-' }],
      },
    });
    const [target] = rule?.properties.Targets ?? [];
    expect(the(referenced(target.Arn)).properties.FunctionName).toBe('plumbline-record');
    expect(target.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 4 });
    expect(the(referenced(target.DeadLetterConfig.Arn)).type).toBe('AWS::SQS::Queue');
  });
});

describe('storage', () => {
  test('the bucket is versioned, encrypted, closed, kept, and speaks TLS only', () => {
    const [bucket, ...others] = ofType('AWS::S3::Bucket');
    expect(others).toEqual([]);
    expect(bucket?.properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    const [policy] = ofType('AWS::S3::BucketPolicy');
    expect(policy?.properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Action: 's3:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
  });

  test('forgets tickets after a day, inboxes after a week', () => {
    const [bucket] = ofType('AWS::S3::Bucket');
    const rules = bucket?.properties.LifecycleConfiguration.Rules;
    const days = Object.fromEntries(
      rules.map((rule: { Prefix?: string; ExpirationInDays?: number }) => [rule.Prefix ?? '', rule.ExpirationInDays]),
    );
    expect(days).toMatchObject({
      'deliveries/': 90,
      'changes/': 7,
      'tickets/': 1,
      'inbox/': 7,
      'runs/': 365,
      'state/': undefined,
      'queue/': undefined,
    });
  });

  test('the dead-letter queue is encrypted, keeps two weeks, and lets the rule and the topics in', () => {
    const [queue, ...others] = ofType('AWS::SQS::Queue');
    expect(others).toEqual([]);
    expect(queue?.properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 14 * 24 * 3600 });
    const [policy] = ofType('AWS::SQS::QueuePolicy');
    expect(policy?.properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({ Action: 'sqs:SendMessage', Principal: { Service: 'events.amazonaws.com' } }),
    );
    const topics = ofType('AWS::SNS::Topic').map(({ id }) => id);
    const lets = policy?.properties.PolicyDocument.Statement.filter(
      ({ Principal }: { Principal: { Service?: string } }) => Principal.Service === 'sns.amazonaws.com',
    );
    const sources = lets.map((statement: { Condition: { ArnEquals: unknown } }) => statement.Condition.ArnEquals);
    expect(sources).toHaveLength(topics.length);
    for (const id of topics) expect(JSON.stringify(sources)).toContain(id);
  });

  test('a page that its receiver never took lies there', () => {
    const subscriptions = ofType('AWS::SNS::Subscription');
    expect(subscriptions).toHaveLength(3);
    for (const { properties } of subscriptions) {
      expect(the(referenced(properties.RedrivePolicy.deadLetterTargetArn)).type).toBe('AWS::SQS::Queue');
    }
  });
});

test('PagerDuty’s address is read from its parameter at deployment, and is in no template', () => {
  const https = ofType('AWS::SNS::Subscription').filter(({ properties }) => properties.Protocol === 'https');
  expect(https.map(({ properties }) => properties.Endpoint)).toEqual(['{{resolve:ssm:/plumbline/pagerduty-critical}}']);
  const email = ofType('AWS::SNS::Subscription').filter(({ properties }) => properties.Protocol === 'email');
  expect(email.map(({ properties }) => properties.Endpoint).sort()).toEqual([
    'oncall@acme.example',
    'sre@acme.example',
  ]);
});

test('the cluster lets the role in, where the config asks for it, as a group without a policy of AWS', () => {
  const [entry, ...others] = ofType('AWS::EKS::AccessEntry');
  expect(others).toEqual([]);
  expect(entry?.properties).toEqual({
    ClusterName: 'acme-prod',
    KubernetesGroups: ['plumbline'],
    PrincipalArn: { 'Fn::GetAtt': [expect.stringMatching(/^KubernetesprodTargetRole/), 'Arn'] },
    Type: 'STANDARD',
  });
});

test('no resource is a custom one', () => {
  expect(
    resources.filter(({ type }) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource'),
  ).toEqual([]);
  expect(resources.length).toBeGreaterThan(50);
});
