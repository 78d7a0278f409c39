import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { deployed, keys } from '#drift/names.ts';
import { NotDeployable } from '#infra/settings.ts';
import { deployedDocument } from '#test/node-document.ts';
import { list, readableSecrets, type Statement, statementsOf as statementsIn } from './statements.ts';
import { deployment, type Resource, resourcesOf, settingsFrom } from './synth.ts';

const ofType = (type: string, among: readonly Resource[]): readonly Resource[] =>
  among.filter((resource) => resource.type === type);

/** A config with these targets of nodes, `name: nodes` each. */
function configOf(targets: Readonly<Record<string, string>>, more = ''): string {
  const lines = Object.entries(targets).map(
    ([name, nodes]) => `  ${name}: { in: [prod], source: infra, schedule: rate(4 hours), nodes: { ${nodes} } }`,
  );
  return `
version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main, token: { secret: git-token } } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: acme, severity: critical } }
targets:
${lines.join('\n')}
${more}
notify: { critical: { email: [a@acme.example] } }
`;
}
const made = (text: string): readonly Resource[] => resourcesOf(deployment(settingsFrom(text)));

const TAGS = 'playbook: site.yml, select: { "tag:Role": [minion, master], "tag:Cluster": [blue] }';
const resources = made(
  configOf({
    kube: `${TAGS}, vaultPassword: { parameter: /acme/vault }, extraVars: { db: { secret: acme/db }, size: 3 }`,
    again: TAGS,
    gate: 'playbook: gate.yml, select: { ids: [mi-0123456789abcdef0, i-0123456789abcdef0] }',
  }),
);
const BUILD = 'NodesprodBuildRole';
const ROLE = 'NodesprodTargetRole';
const statementsOf = (role: string, among = resources): readonly Statement[] => statementsIn(role, among);
const actionsOf = (role: string): readonly string[] =>
  statementsOf(role)
    .flatMap(({ Action }) => list(Action))
    .sort();
const roleOf = (id: string): Resource['properties'] =>
  ofType('AWS::IAM::Role', resources).find((role) => role.id.startsWith(id))?.properties;

const INSTANCES = 'arn:aws:ec2:eu-west-1:111111111111:instance/';
const MACHINES = 'arn:aws:ssm:eu-west-1:111111111111:managed-instance/';
const DOCUMENT = `arn:aws:ssm:eu-west-1:111111111111:document/${deployed.nodeDocument}`;
const sends = (among = resources): readonly Statement[] =>
  statementsOf(ROLE, among).filter(({ Action }) => list(Action).includes('ssm:SendCommand'));

describe('the role that reaches nodes', () => {
  test('sends, follows and cancels commands, sees which nodes there are, and does nothing else', () => {
    expect(actionsOf(ROLE)).toEqual([
      'ec2:DescribeInstances',
      'ssm:CancelCommand',
      'ssm:DescribeInstanceInformation',
      'ssm:ListCommandInvocations',
      'ssm:ListCommands',
      'ssm:ListTagsForResource',
      ...Array(3).fill('ssm:SendCommand'),
    ]);
    expect(statementsOf(ROLE).every(({ Effect }) => Effect === 'Allow')).toBe(true);
    expect(roleOf(ROLE).ManagedPolicyArns).toBeUndefined();
  });

  test('sends our document alone, to nodes with all selected tags, once for each selection, and to selected ids', () => {
    expect(sends()).toEqual([
      { Sid: 'OurDocument', Effect: 'Allow', Action: 'ssm:SendCommand', Resource: DOCUMENT },
      {
        Effect: 'Allow',
        Action: 'ssm:SendCommand',
        Resource: [`${INSTANCES}i-*`, `${MACHINES}mi-*`],
        Condition: {
          StringEquals: { 'ssm:resourceTag/Cluster': ['blue'], 'ssm:resourceTag/Role': ['master', 'minion'] },
        },
      },
      {
        Effect: 'Allow',
        Action: 'ssm:SendCommand',
        Resource: [`${INSTANCES}i-0123456789abcdef0`, `${MACHINES}mi-0123456789abcdef0`],
      },
    ]);
  });

  test('may send to no node without a tag or an id, unless a resource group is selected', () => {
    const open = (among: readonly Resource[]): readonly Statement[] =>
      sends(among).filter(
        ({ Resource, Condition }) => Condition === undefined && list(Resource).some((arn) => String(arn).endsWith('*')),
      );
    expect(open(resources)).toEqual([]);
    const group = made(configOf({ kube: 'playbook: site.yml, select: { resourceGroup: masters }' }));
    expect(open(group).map(({ Resource }) => Resource)).toEqual([[`${INSTANCES}i-*`, `${MACHINES}mi-*`]]);
    const reads = statementsOf(ROLE, group).filter(({ Action }) =>
      /^(resource-groups|tag|cloud)/.test(String(list(Action)[0])),
    );
    expect(reads.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['resource-groups:ListGroupResources', 'arn:aws:resource-groups:eu-west-1:111111111111:group/masters'],
      [
        ['cloudformation:DescribeStacks', 'cloudformation:ListStackResources'],
        'arn:aws:cloudformation:eu-west-1:111111111111:stack/*',
      ],
      ['tag:GetResources', '*'],
    ]);
  });

  test('is the one that the config names, and only the builds of its environment may assume it', () => {
    expect(roleOf(ROLE).RoleName).toBe('acme-nodes');
    expect(roleOf(ROLE).AssumeRolePolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: { 'Fn::GetAtt': [expect.stringMatching(/^NodesprodBuildRole/), 'Arn'] } },
      },
    ]);
  });

  test('has a policy that IAM takes, or is refused with a remedy', () => {
    const ids = (count: number): string =>
      Array.from({ length: count }, (_, index) => `i-${String(index).padStart(17, '0')}`).join(', ');
    const withIds = (count: number) => made(configOf({ kube: `playbook: site.yml, select: { ids: [${ids(count)}] }` }));
    const policy = JSON.stringify(statementsOf(ROLE, withIds(100)));
    expect(policy.length).toBeGreaterThan(5_000);
    expect(policy.length).toBeLessThan(10_240);
    const same = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`kube-${index}`, TAGS]));
    expect(sends(made(configOf(same)))).toHaveLength(2);
    expect(() => withIds(200)).toThrow(NotDeployable);
    expect(() => withIds(200)).toThrow(/environment prod: .* select by tags instead of ids/);
  });
});

describe('a build that asks nodes', () => {
  test('reads a ticket, has an inbox of its own, reads what the config names, and assumes one role', () => {
    expect(actionsOf(BUILD)).toEqual([
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:DeleteObject',
      's3:GetObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:PutObject',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
      'sts:AssumeRole',
    ]);
    const assume = statementsOf(BUILD).filter(({ Action }) => Action === 'sts:AssumeRole');
    expect(assume.map(({ Resource }) => Resource)).toEqual(['arn:aws:iam::111111111111:role/acme-nodes']);
  });

  test('reaches the inbox of its own session alone, and deletes the bundle, not what was reported', () => {
    const onBucket = statementsOf(BUILD).flatMap(({ Action, Resource }) =>
      list(Resource).flatMap((one) => {
        const pathOf = JSON.stringify(one).match(/ResultsBucket\w+","Arn"\]\},"(.*)"\]\]\}$/)?.[1];
        return pathOf === undefined ? [] : [`${Action} ${pathOf}`];
      }),
    );
    expect(onBucket.sort()).toEqual([
      `s3:DeleteObject /inbox/\${aws:userid}/bundle.tar.gz`,
      `s3:GetObject /inbox/\${aws:userid}/*`,
      's3:GetObject /tickets/*',
      `s3:PutObject /inbox/\${aws:userid}/*`,
    ]);
    const session = 'AROA:AWSCodeBuild-uuid';
    const own = [keys.inbox, keys.bundle].map((key) => key('AROA', 'uuid'));
    for (const key of [...own, keys.nodeInbox('AROA', 'uuid', 'mi-1')]) expect(key).toContain(`inbox/${session}/`);
    expect(keys.bundle('AROA', 'uuid')).toBe(`inbox/${session}/bundle.tar.gz`);
  });

  test('reads exactly the secrets and parameters of its environment’s targets', () => {
    expect(readableSecrets(statementsOf(BUILD))).toEqual([
      'arn:aws:secretsmanager:eu-west-1:111111111111:secret:acme/db-??????',
      'arn:aws:secretsmanager:eu-west-1:111111111111:secret:git-token-??????',
      'arn:aws:ssm:eu-west-1:111111111111:parameter/acme/vault',
    ]);
  });

  test('runs the buildspec of the deployment, which no repository and no variable can change', () => {
    const [project, ...others] = ofType('AWS::CodeBuild::Project', resources);
    expect(others).toEqual([]);
    const { Source, Environment, ServiceRole, Name } = project?.properties ?? {};
    expect(Name).toBe(deployed.project('nodes', 'prod'));
    expect(Source.Type).toBe('S3');
    const file = path.resolve(import.meta.dirname, '../../buildspecs/nodes.yml');
    expect(parse(Source.BuildSpec)).toEqual(parse(readFileSync(file, 'utf8')));
    expect(parse(Source.BuildSpec).phases.build.commands).toEqual([
      expect.stringMatching(/^node --max-semi-space-size=[0-9]+ plumbline\.cjs build$/),
    ]);
    expect(ServiceRole['Fn::GetAtt'][0]).toMatch(/^NodesprodBuildRole/);
    expect(Environment).toMatchObject({ Type: 'LINUX_CONTAINER', PrivilegedMode: false });
    expect(Environment.EnvironmentVariables).toBeUndefined();
  });
});

const MAX_DOCUMENT_BYTES = 64 * 1024;
const documentSchema = z.strictObject({
  schemaVersion: z.literal('2.2'),
  description: z.string(),
  parameters: z.record(
    z.string(),
    z.looseObject({ type: z.literal('String'), description: z.string(), allowedPattern: z.string() }),
  ),
  mainSteps: z.tuple([
    z.looseObject({
      action: z.literal('aws:runShellScript'),
      precondition: z.object({ StringEquals: z.tuple([z.literal('platformType'), z.literal('Linux')]) }),
      inputs: z.looseObject({ runCommand: z.array(z.string()).min(1) }),
    }),
  ]),
});

describe('the document that runs on nodes', () => {
  const commands = (all: readonly Resource[]): readonly Resource[] =>
    ofType('AWS::SSM::Document', all).filter(({ properties }) => properties.DocumentType === 'Command');
  const [document, ...others] = commands(resources);

  test('is one for all environments, and a change of it becomes what is used', () => {
    expect(others).toEqual([]);
    expect(document?.properties).toMatchObject({
      Name: deployed.nodeDocument,
      DocumentType: 'Command',
      UpdateMethod: 'NewVersion',
      Content: deployedDocument(),
    });
  });

  test('is of a size that SSM takes, has one step for Linux, and parameters that are no commands', () => {
    expect(Buffer.byteLength(JSON.stringify(document?.properties.Content))).toBeLessThan(MAX_DOCUMENT_BYTES);
    const { parameters, mainSteps } = documentSchema.parse(document?.properties.Content);
    expect(Object.keys(parameters).length).toBeGreaterThan(0);
    for (const [name, { allowedPattern }] of Object.entries(parameters)) {
      const pattern = new RegExp(allowedPattern);
      for (const hostile of ['', '; reboot', '$(reboot)', '`reboot`', "' || reboot '", '"; reboot; "', 'a\nreboot']) {
        expect(pattern.test(hostile), `${name} takes ${JSON.stringify(hostile)}`).toBe(false);
      }
    }
    // Only parameters that exist are put in, and SSM puts them in as they are.
    const used = mainSteps[0].inputs.runCommand.join('\n').match(/\{\{.*?\}\}/g) ?? [];
    const known = Object.keys(parameters);
    expect(used.filter((one) => !known.includes(one.replaceAll(/[{}\s]/g, '')))).toEqual([]);
  });

  test('is deployed only where nodes are checked, and so is all else of them', () => {
    const terraform = configOf({}, '  network: { in: [prod], source: infra, terraform: { path: network } }');
    const without = made(terraform);
    expect(commands(without)).toEqual([]);
    expect(ofType('AWS::CodeBuild::Project', without)).toHaveLength(1);
    expect(JSON.stringify(without)).not.toContain('ssm:SendCommand');
  });
});

describe('the service', () => {
  const functionOf = (name: string): Resource['properties'] =>
    ofType('AWS::Lambda::Function', resources).find(
      ({ properties }) => properties.FunctionName === deployed.function(name),
    )?.properties;

  test('starts, follows and is told of builds that ask nodes', () => {
    const project = { 'Fn::GetAtt': [expect.stringMatching(/^NodesprodProject/), 'Arn'] };
    const on = (role: string, action: string): readonly unknown[] =>
      statementsOf(role).flatMap(({ Action, Resource }) => (Action === action ? list(Resource) : []));
    expect(on('ServiceDispatchRole', 'codebuild:StartBuild')).toEqual([project]);
    expect(on('ServiceSweepRole', 'codebuild:BatchGetBuilds')).toEqual([project]);
    const [rule, ...more] = ofType('AWS::Events::Rule', resources);
    expect(more).toEqual([]);
    expect(rule?.properties.EventPattern.detail['project-name']).toEqual([{ prefix: 'plumbline-nodes-' }]);
    for (const name of ['record', 'sweep']) {
      const roles = JSON.stringify(functionOf(name).Environment.Variables['PLUMBLINE_BUILD_ROLES']);
      expect(roles).toMatch(/plumbline-nodes-prod\\?":.*"Fn::GetAtt":\["NodesprodBuildRole\w+","RoleId"\]/);
    }
  });

  test('reads the states that tell the commit in sync last, and the outputs that playbooks use', () => {
    const text = configOf(
      { kube: `${TAGS}, extraVars: { net: { cidrs: ["\${output:prod/network.cidrs}"] } }` },
      '  network: { in: [prod], source: infra, terraform: { path: network } }',
    );
    const read = JSON.stringify(statementsOf('ServiceDispatchRole', made(text)));
    expect(read).toContain('"/state/prod/kube.json"');
    expect(read).toContain('"/state/prod/network.json"');
  });

  test('tells of both kinds of builds where both are checked', () => {
    const both = made(configOf({ kube: TAGS }, '  network: { in: [prod], source: infra, terraform: { path: n } }'));
    const [rule] = ofType('AWS::Events::Rule', both);
    expect(rule?.properties.EventPattern.detail['project-name']).toEqual([
      { prefix: 'plumbline-terraform-' },
      { prefix: 'plumbline-nodes-' },
    ]);
    expect(ofType('AWS::CodeBuild::Project', both)).toHaveLength(2);
  });
});

test('alarms of nodes say what they mean for nodes, and lead to the builds', () => {
  const texts = ofType('AWS::CloudWatch::Alarm', resources).flatMap(({ properties }) =>
    properties.AlarmName.startsWith('plumbline prod/kube ') ? JSON.stringify(properties.AlarmDescription) : [],
  );
  expect(texts.sort()).toEqual([
    expect.stringContaining('Nodes differ from what git says.'),
    expect.stringContaining('did not reach every node, or could not compare every task'),
  ]);
  for (const text of texts) expect(text).toContain('codebuild/111111111111/projects/plumbline-nodes-prod/history');
});

test('there is a buildspec for each layer that is checked in builds, and no other', () => {
  const all = readdirSync(path.resolve(import.meta.dirname, '../../buildspecs'));
  expect(all.filter((name) => name.endsWith('.yml')).sort()).toEqual(['nodes.yml', 'terraform.yml']);
});
