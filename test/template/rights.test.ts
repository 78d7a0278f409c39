import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deployed, INBOX_POLICY_PATH } from '#drift/names.ts';
import { ADDRESS_READS, DATA_READS, ITEM_READS, OBJECT_READS, PARAMETER_READS } from '#infra/data-reads.ts';
import { list, readableSecrets, type Statement, statementsOf as statementsIn } from './statements.ts';
import { deployment, type Resource, resourcesOf, SERVICE_CONFIG, settingsFrom } from './synth.ts';

const settings = settingsFrom(readFileSync(SERVICE_CONFIG, 'utf8'));
const deployedTargets = settings.targets.filter(({ source }) => source.webhook !== undefined);
const resources = resourcesOf(deployment(settings));
const ofType = (type: string): readonly Resource[] => resources.filter((resource) => resource.type === type);
/** Targets of the source that has a webhook. */
const INFRA = deployedTargets.map(({ name }) => name).sort();

const statementsOf = (role: string): readonly Statement[] => statementsIn(role, resources);

const allowed = (role: string): readonly string[] =>
  statementsOf(role)
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action }) => list(Action))
    .sort();

/** A resource as text: the bucket's ARN becomes `<bucket>`. */
function readable(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const text = JSON.stringify(resource);
  return text
    .replace(/^\{"Fn::Join":\["",\[\{"Fn::GetAtt":\["ResultsBucket[0-9A-F]+","Arn"\]\},"(.*)"\]\]\}$/, '<bucket>$1')
    .replace(/^\{"Fn::GetAtt":\["ResultsBucket[0-9A-F]+","Arn"\]\}$/, '<bucket>');
}

/** `action resource` for everything that is allowed on S3. */
const onObjects = (role: string): readonly string[] =>
  statementsOf(role)
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) =>
      list(Action)
        .filter((action) => action.startsWith('s3:'))
        .flatMap((action) => list(Resource).map((resource) => `${action} ${readable(resource)}`)),
    )
    .sort();

/** Verbs that only look; `sts:AssumeRole` and `kms:Decrypt` are looked at apart. */
const LOOKS = /^[a-z0-9-]+:(Get|List|Describe|BatchGet|Decrypt)/;

describe('no right is wider than it must be', () => {
  test('every role of the service is looked at', () => {
    expect(ofType('AWS::IAM::Role').map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'TerraformprodBuildRole',
      'TerraformprodTargetRole',
      'TerraformstagingBuildRole',
      'TerraformstagingTargetRole',
      'NodesprodBuildRole',
      'NodesprodTargetRole',
      'NodesstagingBuildRole',
      'NodesstagingTargetRole',
      'ServiceDispatchRole',
      'ServiceRecordRole',
      'ServiceSweepRole',
      'KubernetesprodFunctionRole',
      'KubernetesprodTargetRole',
      'KubernetesstagingFunctionRole',
      'WebhookReceiveRole',
      'StatusesTellRole',
      'PeopleRerunRole',
      'DashboardWidgetRole',
      'ClockRole',
    ]);
  });

  test('a wildcard resource is allowed for what knows none: metrics, by namespace, Lambda’s network, following commands', () => {
    const wide = ofType('AWS::IAM::Policy')
      .flatMap(({ properties }): readonly Statement[] => properties.PolicyDocument.Statement)
      .filter(({ Effect, Resource }) => Effect === 'Allow' && list(Resource).includes('*'));
    const actionsOf = ({ Action }: Statement): readonly string[] => list(Action);
    const network = wide.filter((statement) => actionsOf(statement).includes('ec2:CreateNetworkInterface'));
    expect(network.flatMap(actionsOf).every((action) => action.startsWith('ec2:'))).toBe(true);
    // test/template/nodes.test.ts says what is in them.
    const nodes = wide.filter(({ Sid }) => Sid === 'FollowAndCancel' || Sid === 'GroupsByTag');
    const metrics = wide.filter(({ Action }) => Action === 'cloudwatch:PutMetricData');
    expect([network.length, nodes.length, metrics.length, wide.length]).toEqual([1, 3, 3, 7]);
    for (const statement of metrics) {
      expect(statement.Condition).toEqual({ StringEquals: { 'cloudwatch:namespace': 'Plumbline' } });
    }
  });

  test('no allowed action has a wildcard', () => {
    const actions = ofType('AWS::IAM::Policy')
      .flatMap(({ properties }): readonly Statement[] => properties.PolicyDocument.Statement)
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => list(Action));
    expect(actions.length).toBeGreaterThan(40);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });
});

describe('functions', () => {
  test('dispatch starts builds and functions, and alone reads the fingerprint secret', () => {
    expect(allowed('ServiceDispatchRole')).toEqual([
      'codebuild:StartBuild',
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
      'secretsmanager:GetSecretValue',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:SendMessage',
    ]);
    const readers = ofType('AWS::IAM::Policy').filter(({ properties }) =>
      JSON.stringify(properties).includes('FingerprintSecret'),
    );
    expect(readers.map(({ id }) => id)).toEqual([expect.stringMatching(/^ServiceDispatchRole/)]);
    const invoked = statementsOf('ServiceDispatchRole').filter(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(invoked.map(({ Resource }) => Resource)).toEqual([
      ['commit-status', 'kubernetes-prod', 'kubernetes-staging', 'record'].map(
        (name) => `arn:aws:lambda:eu-west-1:111111111111:function:plumbline-${name}`,
      ),
    ]);
  });

  test.each([
    [
      'ServiceDispatchRole',
      [
        's3:GetObject <bucket>/changes/*',
        's3:GetObject <bucket>/queue/*',
        's3:GetObject <bucket>/runs/*/run.json',
        's3:GetObject <bucket>/state/prod/edge.json',
        's3:GetObject <bucket>/state/prod/nodes.json',
        's3:GetObject <bucket>/state/prod/shop.json',
        's3:GetObject <bucket>/state/staging/nodes.json',
        's3:GetObject <bucket>/state/staging/web.json',
        's3:ListBucket <bucket>',
        's3:PutObject <bucket>/changes/*',
        's3:PutObject <bucket>/inbox/kubernetes/*',
        's3:PutObject <bucket>/queue/*',
        's3:PutObject <bucket>/runs/*/run.json',
        's3:PutObject <bucket>/tickets/*',
      ],
    ],
    [
      'ServiceRecordRole',
      [
        's3:DeleteObject <bucket>/tickets/*',
        's3:GetObject <bucket>/deliveries/config-change.json',
        's3:GetObject <bucket>/inbox/*',
        's3:GetObject <bucket>/queue/*',
        's3:GetObject <bucket>/runs/*',
        's3:GetObject <bucket>/state/*',
        's3:ListBucket <bucket>',
        's3:PutObject <bucket>/queue/*',
        's3:PutObject <bucket>/runs/*/report.html',
        's3:PutObject <bucket>/runs/*/report.json',
        's3:PutObject <bucket>/state/*',
      ],
    ],
    [
      'ServiceSweepRole',
      [
        's3:GetObject <bucket>/queue/*',
        's3:GetObject <bucket>/state/*',
        's3:ListBucket <bucket>',
        's3:PutObject <bucket>/state/*',
      ],
    ],
    [
      'WebhookReceiveRole',
      [
        's3:GetObject <bucket>/deliveries/*',
        ...INFRA.map((target) => `s3:GetObject <bucket>/state/${target}.json`),
        's3:ListBucket <bucket>',
        's3:PutObject <bucket>/deliveries/*',
      ],
    ],
    [
      'StatusesTellRole',
      ['s3:GetObject <bucket>/runs/*/report.json', 's3:GetObject <bucket>/runs/*/run.json', 's3:ListBucket <bucket>'],
    ],
    [
      'DashboardWidgetRole',
      ['s3:GetObject <bucket>/queue/*.json', 's3:GetObject <bucket>/state/*.json', 's3:ListBucket <bucket>'],
    ],
  ])('%s reaches its own part of the bucket', (role, objects) => {
    expect(onObjects(role)).toEqual(objects);
  });

  test('record and sweep raise an alarm anew, and speak on the bus as Plumbline only', () => {
    for (const role of ['ServiceRecordRole', 'ServiceSweepRole']) {
      const statements = statementsOf(role);
      expect(statements).toContainEqual({
        Effect: 'Allow',
        Action: 'cloudwatch:SetAlarmState',
        Resource: 'arn:aws:cloudwatch:eu-west-1:111111111111:alarm:plumbline?*?drift',
      });
      expect(statements).toContainEqual({
        Effect: 'Allow',
        Action: 'events:PutEvents',
        Resource: 'arn:aws:events:eu-west-1:111111111111:event-bus/default',
        Condition: {
          'ForAllValues:StringEquals': { 'events:source': 'plumbline' },
          Null: { 'events:source': 'false' },
        },
      });
    }
  });
});

describe('a build', () => {
  test('reads a ticket, leaves its own report, reads what the config names, and assumes one role', () => {
    expect(allowed('TerraformprodBuildRole')).toEqual([
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:PutObject',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
      'sts:AssumeRole',
    ]);
    expect(onObjects('TerraformprodBuildRole').filter((line) => line.includes('<bucket>'))).toEqual([
      's3:GetObject <bucket>/tickets/*',
      `s3:PutObject <bucket>/${INBOX_POLICY_PATH}`,
    ]);
    const assume = statementsOf('TerraformprodBuildRole').filter(({ Action }) => Action === 'sts:AssumeRole');
    expect(assume.map(({ Resource }) => Resource)).toEqual(['arn:aws:iam::111111111111:role/plumbline-prod-terraform']);
  });

  test('reads exactly the secrets and parameters of its environment’s targets', () => {
    expect(readableSecrets(statementsOf('TerraformprodBuildRole'))).toEqual([
      'arn:aws:secretsmanager:eu-west-1:111111111111:secret:acme/db-??????',
      'arn:aws:secretsmanager:eu-west-1:111111111111:secret:plumbline/git-token-??????',
      'arn:aws:ssm:eu-west-1:111111111111:parameter/acme/api-key',
    ]);
  });

  test('writes its report once: the bucket refuses a write that is not conditional', () => {
    const statements: readonly Statement[] = ofType('AWS::S3::BucketPolicy').flatMap(
      ({ properties }) => properties.PolicyDocument.Statement,
    );
    const once = statements.find(
      ({ Condition }) => JSON.stringify(Condition) === '{"Null":{"s3:if-none-match":"true"}}',
    );
    expect(once).toMatchObject({ Effect: 'Deny', Action: 's3:PutObject' });
    expect(readable(once?.Resource)).toBe('<bucket>/inbox/*');
  });

  test('runs the buildspec of the deployment, from the tool, as its own role, and a role only for itself', () => {
    const projects = ofType('AWS::CodeBuild::Project');
    const layers = ['nodes', 'terraform'];
    expect(projects.map(({ properties }) => properties.Name).sort()).toEqual(
      layers.flatMap((layer) => ['prod', 'staging'].map((environment) => deployed.project(layer, environment))),
    );
    for (const { properties } of projects) {
      expect(properties.Source.Type).toBe('S3');
      expect(properties.Source.Location).toMatch(/^cdk-[a-z0-9]+-assets-111111111111-eu-west-1\/[0-9a-f]{64}\.zip$/);
      expect(properties.Source.BuildSpec).toContain('plumbline.cjs build');
      expect(properties.Environment).toMatchObject({ Type: 'LINUX_CONTAINER', PrivilegedMode: false });
      expect(properties.QueuedTimeoutInMinutes).toBe(15);
      const [, layer, name] = properties.Name.split('-');
      const role = `${layer === 'nodes' ? 'Nodes' : 'Terraform'}${name}BuildRole`;
      expect(properties.ServiceRole['Fn::GetAtt'][0]).toContain(role);
    }
    const build = ofType('AWS::IAM::Role').find(({ id }) => id.startsWith('TerraformprodBuildRole'));
    expect(build?.properties.AssumeRolePolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'codebuild.amazonaws.com' },
        Condition: {
          StringEquals: {
            'aws:SourceArn': 'arn:aws:codebuild:eu-west-1:111111111111:project/plumbline-terraform-prod',
          },
        },
      },
    ]);
  });
});

describe('the role that runs a repository’s code', () => {
  const isDenied = (action: string): boolean =>
    statementsOf('TerraformprodTargetRole')
      .filter(({ Effect, Resource }) => Effect === 'Deny' && list(Resource).includes('*'))
      .flatMap(({ Action }) => list(Action))
      .some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(action));
  const role = ofType('AWS::IAM::Role').find(({ id }) => id.startsWith('TerraformprodTargetRole'));

  test('is the one that the config names, and only its environment’s builds may assume it', () => {
    expect(role?.properties.RoleName).toBe(deployed.targetRole('plumbline-prod', 'terraform'));
    const [trust, ...others] = role?.properties.AssumeRolePolicyDocument.Statement ?? [];
    expect(others).toEqual([]);
    expect(trust.Principal.AWS['Fn::GetAtt'][0]).toContain('TerraformprodBuildRole');
    expect(JSON.stringify(role?.properties.ManagedPolicyArns)).toMatch(/^\[.*iam::aws:policy\/ReadOnlyAccess.*\]$/);
    expect(role?.properties.ManagedPolicyArns).toHaveLength(1);
  });

  test('writes nothing: beside AWS’s read-only policy it may decrypt its states', () => {
    const actions = allowed('TerraformprodTargetRole');
    expect(actions).toEqual(['kms:Decrypt']);
    expect(actions.filter((action) => !LOOKS.test(action))).toEqual([]);
    expect(LOOKS.test('s3:PutObject') || LOOKS.test('sts:AssumeRole')).toBe(false);
    const decrypt = statementsOf('TerraformprodTargetRole').find(({ Effect }) => Effect === 'Allow');
    expect(decrypt?.Condition).toEqual({
      StringLike: {
        'kms:ViaService': 's3.*.amazonaws.com',
        'kms:EncryptionContext:aws:s3:arn': [
          'arn:aws:s3:::acme-terraform-state',
          'arn:aws:s3:::acme-terraform-state/prod/*',
        ],
      },
    });
  });

  test('is denied data, whatever else a policy allows', () => {
    const denied = statementsOf('TerraformprodTargetRole').filter(({ Effect }) => Effect === 'Deny');
    expect(denied).toHaveLength(6);
    const [data, parameters, objects, items, plumbline] = denied;
    expect(data).toMatchObject({ Action: [...DATA_READS].sort(), Resource: '*' });
    expect(parameters).toMatchObject({
      Action: PARAMETER_READS,
      NotResource: 'arn:aws:ssm:*::parameter/aws/service/*',
    });
    expect(objects?.Action).toEqual([...OBJECT_READS].sort());
    expect(objects?.NotResource).toBe('arn:aws:s3:::acme-terraform-state/prod/*');
    expect(items).toMatchObject({ Action: ITEM_READS[0], Resource: '*' });
    expect(plumbline?.Action).toBe('s3:*');
    expect(list(plumbline?.Resource).map(readable)).toEqual(['<bucket>', '<bucket>/*']);
    for (const action of [
      'secretsmanager:GetSecretValue',
      'dynamodb:Scan',
      'sqs:ReceiveMessage',
      'logs:GetLogEvents',
      // ListCommands and ListCommandInvocations: the one-time key of a run on nodes is a parameter of its command.
      'ssm:ListCommand*',
    ]) {
      expect(data?.Action).toContain(action);
    }
  });

  test('is not told where alarms go, but who listens to other topics', () => {
    const addresses = statementsOf('TerraformprodTargetRole').find(({ Sid }) => Sid === 'NoAddressesOfAlarms');
    expect(addresses).toMatchObject({ Effect: 'Deny', Action: ADDRESS_READS });
    const topics = ofType('AWS::SNS::Topic').map(({ id }) => id);
    expect(topics).toHaveLength(2);
    expect(list(addresses?.Resource)).toHaveLength(4);
    expect(addresses?.Resource).toEqual(
      expect.arrayContaining(topics.flatMap((id) => [{ Ref: id }, { 'Fn::Join': ['', [{ Ref: id }, ':*']] }])),
    );
    expect(ADDRESS_READS.filter(isDenied)).toEqual([]);
    expect(isDenied('sns:ListSubscriptions')).toBe(true);
  });

  test.each([
    'appconfig:GetConfiguration',
    'appconfig:GetLatestConfiguration',
    'codeartifact:GetPackageVersionAsset',
    'codeartifact:ReadFromRepository',
    'codebuild:BatchGetBuilds',
    'cognito-identity:GetCredentialsForIdentity',
    'datapipeline:QueryObjects',
    'iot:GetThingShadow',
    's3:GetDataAccess',
    's3express:CreateSession',
    'ssm:GetAutomationExecution',
    'ssm:GetMaintenanceWindowExecutionTask',
    'ssm:GetMaintenanceWindowExecutionTaskInvocation',
    'wafv2:GetSampledRequests',
    'workmailmessageflow:GetRawMessageContent',
  ])('is denied %s, which returns contents', (action) => {
    expect(isDenied(action)).toBe(true);
  });

  test.each([
    'appconfig:GetHostedConfigurationVersion',
    'codebuild:BatchGetProjects',
    'cognito-idp:AdminGetUser',
    'ecr:GetAuthorizationToken',
    'iot:GetTopicRule',
    'kinesisvideo:DescribeStream',
    'lambda:GetFunction',
    'logs:DescribeLogGroups',
    's3:GetBucketPolicy',
    'ssm:GetMaintenanceWindowTask',
    'transcribe:GetVocabulary',
    'waf:GetWebACL',
    'xray:GetSamplingRules',
  ])('may %s, which plans of ordinary resources ask for', (action) => {
    expect(isDenied(action)).toBe(false);
  });

  test('has policies that IAM takes', () => {
    // All inline policies of a role together, white space aside.
    expect(JSON.stringify(statementsOf('TerraformprodTargetRole')).length).toBeLessThan(10_240);
  });

  test('reads items of the tables that hold locks, and of no other', () => {
    const settings = settingsFrom(`
version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: plumbline, locks: [tf-locks] } }
targets: { network: { in: [prod], source: infra, terraform: { path: network } } }
notify: { warning: { email: [a@acme.example] } }
`);
    const policies = resourcesOf(deployment(settings)).filter(({ type }) => type === 'AWS::IAM::Policy');
    const statements = policies.flatMap(({ properties }) => properties.PolicyDocument.Statement as Statement[]);
    const items = statements.filter(({ Action }) => list(Action).includes('dynamodb:GetItem'));
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ Effect: 'Deny' });
    expect(JSON.stringify(items[0]?.NotResource)).toContain(':dynamodb:*:111111111111:table/tf-locks');
  });

  test('reads no object at all where the config lists no state', () => {
    const denied = statementsOf('TerraformstagingTargetRole').find(({ Action }) =>
      list(Action).includes('s3:GetObject'),
    );
    expect(denied).toMatchObject({ Effect: 'Deny', Resource: '*' });
    expect(denied).not.toHaveProperty('NotResource');
    expect(allowed('TerraformstagingTargetRole')).toEqual([]);
  });
});

test('a permissions boundary from the context is on every role', () => {
  const context = { '@aws-cdk/core:permissionsBoundary': { name: 'boundary' } };
  const roles = resourcesOf(deployment(undefined, context)).filter(({ type }) => type === 'AWS::IAM::Role');
  expect(roles).toHaveLength(19);
  for (const { properties } of roles) {
    expect(JSON.stringify(properties.PermissionsBoundary)).toContain(':policy/boundary');
  }
});

test('a secret or parameter may also be named by its ARN', () => {
  const secret = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:elsewhere-abcdef';
  const settings = settingsFrom(`
version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main, token: { secret: "${secret}" } } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: plumbline, severity: critical } }
targets: { network: { in: [prod], source: infra, terraform: { path: network } } }
notify: { critical: { email: [a@acme.example] } }
`);
  const policies = resourcesOf(deployment(settings)).filter(({ type }) => type === 'AWS::IAM::Policy');
  const readers = policies.filter(({ properties }) => JSON.stringify(properties).includes(`"${secret}"`));
  expect(readers).toHaveLength(2);
});
