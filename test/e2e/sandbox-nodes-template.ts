const allow = (Action: string[], Resource: unknown, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});
const role = (name: string, statements: object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: name,
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: 'arn:aws:iam::000000000000:root' } }],
    },
    Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
  },
});
const shell = (name: string, platform: string, runCommand: unknown) => ({
  action: 'aws:runShellScript',
  name,
  precondition: { StringEquals: ['platformType', platform] },
  inputs: { timeoutSeconds: '{{ Seconds }}', runCommand },
});
const document = (name: string, parameters: object, mainSteps: object[]) => ({
  Type: 'AWS::SSM::Document',
  Properties: {
    Name: name,
    DocumentType: 'Command',
    UpdateMethod: 'NewVersion',
    Content: {
      schemaVersion: '2.2',
      description: 'What the stand-in is tried with',
      parameters: { Seconds: { type: 'String', default: '60', allowedPattern: '^[0-9]{1,4}$' }, ...parameters },
      mainSteps,
    },
  },
});
const NODES = [
  'arn:aws:ec2:eu-west-1:000000000000:instance/*',
  'arn:aws:ssm:eu-west-1:000000000000:managed-instance/*',
];

/** Documents, and who may send which one where: plain CloudFormation, nothing of the product. */
export const TEMPLATE = {
  Resources: {
    Script: document('script', { Lines: { type: 'StringList' } }, [shell('run', 'Linux', '{{ Lines }}')]),
    Steps: document('steps', { Word: { type: 'String', allowedPattern: '^[a-z]+$' } }, [
      shell('other', 'Windows', ['echo never']),
      shell('first', 'Linux', ['echo "the word is {{ Word }}"']),
      shell('second', 'Linux', ['echo and again {{Word}}']),
    ]),
    Sender: role('sender', [
      allow(['ssm:SendCommand'], 'arn:aws:ssm:eu-west-1:000000000000:document/script'),
      allow(['ssm:SendCommand'], NODES, { StringEquals: { 'ssm:resourceTag/Role': ['master'] } }),
      allow(['ssm:ListCommandInvocations'], '*'),
    ]),
    Reader: role('reader', [
      allow(['resource-groups:ListGroupResources'], 'arn:aws:resource-groups:eu-west-1:000000000000:group/masters'),
    ]),
  },
};
