import { describe, expect, test } from 'vitest';
import { deployed } from '#drift/names.ts';
import { type Statement, statementsOf as statementsIn } from './statements.ts';
import { deployment, type Resource, resourcesOf, settingsFrom } from './synth.ts';

const resources = resourcesOf(deployment());
const ofType = (type: string, among = resources): readonly Resource[] =>
  among.filter((resource) => resource.type === type);
const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

const statementsOf = (role: string): readonly Statement[] => statementsIn(role, resources);

const roleOf = (prefix: string): Resource => {
  const [role, ...others] = ofType('AWS::IAM::Role').filter(({ id }) => id.startsWith(prefix));
  if (role === undefined || others.length > 0) throw new Error(`${prefix} is ${others.length + 1} roles`);
  return role;
};
const actionsOf = (role: string): readonly string[] =>
  statementsOf(role)
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action }) => list(Action))
    .sort();
/** What one action is allowed on, as text. */
const onWhat = (role: string, action: string): readonly string[] =>
  statementsOf(role)
    .filter(({ Effect, Action }) => Effect === 'Allow' && list(Action).includes(action))
    .flatMap(({ Resource }) => list(Resource).map((one) => (typeof one === 'string' ? one : JSON.stringify(one))));

describe('the function that compares objects', () => {
  test('reads tickets and its secrets, tells record, takes one role, and writes nothing but its log', () => {
    expect(actionsOf('KubernetesprodFunctionRole')).toEqual([
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      'secretsmanager:GetSecretValue',
      'sts:AssumeRole',
    ]);
    expect(onWhat('KubernetesprodFunctionRole', 's3:GetObject')).toEqual([
      expect.stringMatching(
        /^\{"Fn::Join":\["",\[\{"Fn::GetAtt":\["ResultsBucket\w+","Arn"\]\},"\/tickets\/\*"\]\]\}$/,
      ),
    ]);
    expect(onWhat('KubernetesprodFunctionRole', 'lambda:InvokeFunction')).toEqual([
      expect.stringMatching(/^\{"Fn::GetAtt":\["ServiceRecordFunction\w+","Arn"\]\}$/),
    ]);
    expect(onWhat('KubernetesprodFunctionRole', 'sts:AssumeRole')).toEqual([
      `arn:aws:iam::111111111111:role/${deployed.targetRole('plumbline-prod', 'kubernetes')}`,
    ]);
    expect(roleOf('KubernetesprodFunctionRole').properties.ManagedPolicyArns).toBeUndefined();
  });

  test.each([
    ['prod', 'git-token', 'the token of its source'],
    ['staging', 'acme/staging-kubeconfig', 'the kubeconfig of its cluster'],
  ])('of %s reads %s: %s, and no other secret', (environment, secret) => {
    expect(onWhat(`Kubernetes${environment}FunctionRole`, 'secretsmanager:GetSecretValue')).toEqual([
      expect.stringMatching(new RegExp(`^arn:aws:secretsmanager:eu-west-1:111111111111:secret:.*${secret}-\\?{6}$`)),
    ]);
  });

  test('with a kubeconfig takes no role, and there is none', () => {
    expect(actionsOf('KubernetesstagingFunctionRole')).not.toContain('sts:AssumeRole');
    const names = ofType('AWS::IAM::Role').map(({ properties }) => properties.RoleName);
    expect(names).toContain('plumbline-prod-kubernetes');
    expect(names).not.toContain('plumbline-staging-kubernetes');
  });

  test('in a network lets Lambda make interfaces, and its own code not', () => {
    const network = statementsOf('KubernetesstagingFunctionRole').filter(({ Action }) =>
      list(Action).some((action) => action.startsWith('ec2:')),
    );
    const [allow, deny, ...others] = network;
    expect(others).toEqual([]);
    expect(allow).toMatchObject({ Effect: 'Allow', Resource: '*' });
    expect(allow?.Action).toContain('ec2:CreateNetworkInterface');
    expect(deny).toMatchObject({
      Effect: 'Deny',
      Action: allow?.Action,
      Resource: '*',
      Condition: {
        ArnEquals: {
          'lambda:SourceFunctionArn': 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-kubernetes-staging',
        },
      },
    });
    expect(JSON.stringify(statementsOf('KubernetesprodFunctionRole'))).not.toContain('ec2:');
  });
});

describe('the role that the cluster knows', () => {
  test('may learn where this one cluster is, and nothing else', () => {
    expect(statementsOf('KubernetesprodTargetRole')).toEqual([
      {
        Effect: 'Allow',
        Action: 'eks:DescribeCluster',
        Resource: 'arn:aws:eks:eu-west-1:111111111111:cluster/acme-prod',
      },
    ]);
    expect(roleOf('KubernetesprodTargetRole').properties.ManagedPolicyArns).toBeUndefined();
  });

  test('is taken by the function of its environment alone', () => {
    expect(roleOf('KubernetesprodTargetRole').properties.AssumeRolePolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: { 'Fn::GetAtt': [roleOf('KubernetesprodFunctionRole').id, 'Arn'] } },
      },
    ]);
  });
});

/** A config with these targets, in an environment with a cluster. */
const configOf = (targets: string, cluster = '{ eks: acme }'): string => `
version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: plumbline, cluster: ${cluster} } }
targets:
${targets}
notify: { warning: { email: [a@acme.example] } }
`;
const SHOP = '  shop: { in: [prod], source: infra, kubernetes: { manifests: k8s } }';
const NETWORK = '  network: { in: [prod], source: infra, terraform: { path: network } }';

describe('an environment gets what its layers need', () => {
  const made = (text: string): readonly Resource[] => resourcesOf(deployment(settingsFrom(text)));
  const actions = (among: readonly Resource[]): readonly string[] =>
    ofType('AWS::IAM::Policy', among).flatMap(({ properties }) =>
      properties.PolicyDocument.Statement.flatMap(({ Action }: Statement) => list(Action)),
    );

  test('with objects alone: no project, no rule for builds, no right to start one', () => {
    const only = made(configOf(SHOP));
    expect(ofType('AWS::CodeBuild::Project', only)).toEqual([]);
    expect(ofType('AWS::Events::Rule', only)).toEqual([]);
    expect(actions(only).filter((action) => action.startsWith('codebuild:'))).toEqual([]);
    expect(ofType('AWS::Lambda::Function', only)).toHaveLength(6);
    expect(ofType('AWS::EKS::AccessEntry', only)).toEqual([]);
    const record = ofType('AWS::Lambda::Function', only).find(
      ({ properties }) => properties.FunctionName === deployed.function('record'),
    );
    expect(record?.properties.Environment.Variables['PLUMBLINE_BUILD_ROLES']).toBe('{}');
  });

  test('with terraform alone: no function that compares, no layer, nothing to sign', () => {
    const only = made(configOf(NETWORK));
    expect(ofType('AWS::Lambda::Function', only)).toHaveLength(5);
    expect(ofType('AWS::Lambda::LayerVersion', only)).toEqual([]);
    expect(ofType('AWS::CodeBuild::Project', only)).toHaveLength(1);
    expect(JSON.stringify(ofType('AWS::IAM::Policy', only))).not.toContain('inbox/kubernetes');
  });

  test('with both: one of each, whose roles have names of their own', () => {
    const both = made(configOf(`${SHOP}\n${NETWORK}`));
    expect(ofType('AWS::Lambda::Function', both)).toHaveLength(6);
    expect(ofType('AWS::CodeBuild::Project', both)).toHaveLength(1);
    const names = ofType('AWS::IAM::Role', both).flatMap(({ properties }) => properties.RoleName ?? []);
    expect(names.sort()).toEqual(['plumbline-kubernetes', 'plumbline-terraform']);
  });

  test('one function for all its targets, and few names in dispatch’s policy however many they are', () => {
    const many = Array.from({ length: 25 }, (_, index) => SHOP.replace('shop', `shop-${index}`)).join('\n');
    const all = made(configOf(many));
    expect(ofType('AWS::Lambda::Function', all)).toHaveLength(6);
    const dispatch = JSON.stringify(
      ofType('AWS::IAM::Policy', all).filter(({ id }) => id.startsWith('ServiceDispatchRole')),
    );
    expect(dispatch).toContain('"/state/*.json"');
    expect(dispatch).not.toContain('state/prod/shop');
  });
});
