import path from 'node:path';

export const BUCKET = 'sandbox-test';

const role = (service: string, policy: object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: service } }],
    },
    Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: policy } }],
  },
});
const allow = (Action: string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const arnOf = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] });
const project = (name: string, roleName: string, commands: string[], more: object = {}) => ({
  Type: 'AWS::CodeBuild::Project',
  Properties: {
    Name: name,
    ServiceRole: arnOf(roleName),
    Source: {
      Type: 'NO_SOURCE',
      BuildSpec: JSON.stringify({
        version: '0.2',
        env: { shell: 'bash' },
        phases: { build: { commands, ...more }, post_build: { commands: ['echo after'] } },
      }),
    },
    Artifacts: { Type: 'NO_ARTIFACTS' },
    Environment: { Type: 'LINUX_CONTAINER', Image: 'aws/codebuild/standard:7.0', ComputeType: 'BUILD_GENERAL1_SMALL' },
    LogsConfig: { CloudWatchLogs: { Status: 'ENABLED', GroupName: '/sandbox/builds' } },
  },
});
const alarm = (name: string, dimension: string, topic: string, more: object = {}) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    AlarmName: name,
    Namespace: 'Sandbox',
    MetricName: 'Drift',
    Dimensions: [{ Name: 'Target', Value: dimension }],
    Statistic: 'Maximum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'ignore',
    AlarmActions: [{ Ref: topic }],
    OKActions: [{ Ref: topic }],
    ...more,
  },
});
const topic = (name: string, granted: boolean) => ({
  [name]: { Type: 'AWS::SNS::Topic', Properties: {} },
  [`${name}Policy`]: {
    Type: 'AWS::SNS::TopicPolicy',
    Properties: {
      Topics: [{ Ref: name }],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: granted
          ? [
              {
                Effect: 'Allow',
                Principal: { Service: 'cloudwatch.amazonaws.com' },
                Action: 'sns:Publish',
                Resource: { Ref: name },
              },
            ]
          : [
              {
                Effect: 'Deny',
                Principal: '*',
                Action: 'sns:Publish',
                Resource: { Ref: name },
                Condition: { Bool: { 'aws:SecureTransport': 'false' } },
              },
            ],
      },
    },
  },
  [`${name}Pager`]: {
    Type: 'AWS::SNS::Subscription',
    Properties: {
      TopicArn: { Ref: name },
      Protocol: 'https',
      Endpoint: '{{resolve:ssm:/plumbline/pagerduty-critical}}',
    },
  },
});
const schedule = (name: string, roleName: string, state: string) => ({
  Type: 'AWS::Scheduler::Schedule',
  Properties: {
    Name: name,
    State: state,
    ScheduleExpression: 'rate(1 hour)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Arn: arnOf('Echo'),
      RoleArn: arnOf(roleName),
      Input: JSON.stringify({ schedule: name, at: '<aws.scheduler.scheduled-time>' }),
      DeadLetterConfig: { Arn: arnOf('Dead') },
    },
  },
});

/** What the stand-ins are tried with: plain CloudFormation, nothing of the product. */
export const TEMPLATE = {
  Resources: {
    Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: BUCKET } },
    Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/sandbox/builds' } },
    BuildRole: role('codebuild.amazonaws.com', [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arnOf('Logs')),
      allow(['s3:PutObject'], `arn:aws:s3:::${BUCKET}/inbox/\${aws:userid}/report.json`),
    ]),
    MuteRole: role('codebuild.amazonaws.com', [allow(['s3:ListBucket'], `arn:aws:s3:::${BUCKET}`)]),
    StrangerRole: role('lambda.amazonaws.com', [allow(['sqs:SendMessage'], arnOf('Events'))]),
    Good: project('good', 'BuildRole', ['echo "value is $WORD"', 'env | sort', 'node --version']),
    Bad: project('bad', 'BuildRole', ['exit 3', 'echo never'], { finally: ['echo finally'] }),
    Slow: project('slow', 'BuildRole', ['sleep 100 & sleep 100']),
    Mute: project('mute', 'MuteRole', ['echo nobody hears']),
    Stranger: project('stranger', 'StrangerRole', ['echo never']),
    Writer: project('writer', 'BuildRole', [
      `python3 - <<'END'\n${[
        'import json, os, subprocess, urllib.request',
        'r = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})',
        'print("role", json.load(urllib.request.urlopen(r))["RoleArn"])',
      ].join('\n')}\nEND`,
      `node ${path.join(import.meta.dirname, 'put.mjs')} ${BUCKET}`,
    ]),
    Events: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'events' } },
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventPattern: { source: ['aws.codebuild'], detail: { 'project-name': ['good'] } },
        Targets: [{ Id: 'queue', Arn: arnOf('Events') }],
      },
    },
    ...topic('Loud', true),
    ...topic('Shy', false),
    A: alarm('a', 'one', 'Loud'),
    B: alarm('b', 'two', 'Loud'),
    C: alarm('c', 'one', 'Shy'),
    Silence: alarm('silence', 'nobody', 'Loud', { TreatMissingData: 'breaching' }),
    Warm: alarm('warm', 'nobody', 'Loud', {
      TreatMissingData: 'breaching',
      WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 60 },
    }),
    EchoRole: role('lambda.amazonaws.com', [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], '*')]),
    EchoLogs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/sandbox/echo' } },
    Echo: {
      Type: 'AWS::Lambda::Function',
      DependsOn: ['EchoLogs'],
      Properties: {
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: arnOf('EchoRole'),
        LoggingConfig: { LogGroup: '/sandbox/echo' },
        Code: { ZipFile: 'exports.handler = async (event) => { console.log("got " + JSON.stringify(event)); };' },
      },
    },
    Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'dead' } },
    MayInvoke: role('scheduler.amazonaws.com', [allow(['lambda:InvokeFunction'], arnOf('Echo'))]),
    MayNot: role('scheduler.amazonaws.com', [allow(['sqs:SendMessage'], arnOf('Dead'))]),
    Runs: schedule('runs', 'MayInvoke', 'ENABLED'),
    Sleeps: schedule('sleeps', 'MayInvoke', 'DISABLED'),
    Refused: schedule('refused', 'MayNot', 'ENABLED'),
    Document: {
      Type: 'AWS::SSM::Document',
      Properties: { Name: 'sandbox-check', DocumentType: 'Command', Content: { schemaVersion: '2.2', mainSteps: [] } },
    },
  },
};
