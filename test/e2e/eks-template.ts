const trusted = (service: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: service }],
});
const role = (name: string, principal: unknown, statements: readonly object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: name,
    AssumeRolePolicyDocument: trusted(principal as string),
    Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
  },
});
const allow = (Action: string, Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const arnOf = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] });
const LAMBDA = { Service: 'lambda.amazonaws.com' };
const LOGS = allow('logs:*', '*');

/** Where the layer of the template lies. */
export const LAYER = { bucket: 'eks-test', key: 'layer.zip' } as const;

const functionOf = (name: string, roleName: string, code: string, more: object = {}) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    FunctionName: name,
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Role: arnOf(roleName),
    Timeout: 3,
    Code: { ZipFile: code },
    ...more,
  },
});
const failing = (name: string, destination: string) => ({
  Type: 'AWS::Lambda::EventInvokeConfig',
  Properties: {
    FunctionName: { Ref: name },
    Qualifier: '$LATEST',
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: arnOf(destination) } },
  },
});

/** Roles with and without a place in the cluster `prod`, and functions with a layer and a failure destination. */
export const TEMPLATE = {
  Resources: {
    Reader: role('eks-reader', { AWS: '*' }, [
      allow('eks:DescribeCluster', {
        'Fn::Join': [':', ['arn:aws:eks', { Ref: 'AWS::Region' }, { Ref: 'AWS::AccountId' }, 'cluster/prod']],
      }),
    ]),
    Stranger: role('eks-stranger', { AWS: '*' }, []),
    Entry: {
      Type: 'AWS::EKS::AccessEntry',
      Properties: {
        ClusterName: 'prod',
        PrincipalArn: arnOf('Reader'),
        KubernetesGroups: ['plumbline'],
        Type: 'STANDARD',
        Tags: [{ Key: 'team', Value: 'platform' }],
      },
    },
    Layer: {
      Type: 'AWS::Lambda::LayerVersion',
      Properties: { LayerName: 'tools', Content: { S3Bucket: LAYER.bucket, S3Key: LAYER.key } },
    },
    Runner: role('eks-runner', LAMBDA, [LOGS, allow('lambda:InvokeFunction', arnOf('Told'))]),
    Mute: role('eks-mute', LAMBDA, [LOGS]),
    Listener: role('eks-listener', LAMBDA, [LOGS]),
    Group: {
      Type: 'AWS::EC2::SecurityGroup',
      Properties: { GroupDescription: 'functions', VpcId: { Ref: 'Vpc' } },
    },
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.9.0.0/16' } },
    Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Vpc' }, CidrBlock: '10.9.1.0/24' } },
    Tools: functionOf(
      'eks-tools',
      'Runner',
      `const { execFileSync } = require('node:child_process');
exports.handler = async () => {
  const found = (tool) => { try { return execFileSync(tool, [], { encoding: 'utf8' }).trim(); } catch (error) { return error.code; } };
  return { path: process.env.PATH, hello: found('hello'), terraform: found('terraform') };
};`,
      {
        Layers: [{ Ref: 'Layer' }],
        VpcConfig: { SubnetIds: [{ Ref: 'Subnet' }], SecurityGroupIds: [{ 'Fn::GetAtt': ['Group', 'GroupId'] }] },
      },
    ),
    Told: functionOf(
      'eks-told',
      'Listener',
      `exports.handler = async (event) => { console.log('TOLD ' + JSON.stringify(event)); };`,
    ),
    Bad: functionOf(
      'eks-bad',
      'Runner',
      `exports.handler = async (event) => {
  if (event.how === 'crash') process.exit(7);
  if (event.how === 'slow') await new Promise((resolve) => setTimeout(resolve, 60000));
  throw new Error('thrown');
};`,
    ),
    BadFails: failing('Bad', 'Told'),
    Silent: functionOf('eks-silent', 'Mute', `exports.handler = async () => { throw new Error('unheard'); };`),
    SilentFails: failing('Silent', 'Told'),
  },
};
