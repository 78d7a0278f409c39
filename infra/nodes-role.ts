import { Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { deployed } from '#drift/names.ts';
import type { NodeSelect } from '#drift/target.ts';
import { acknowledge } from './acknowledge.ts';
import { NotDeployable, type Place } from './settings.ts';

export interface NodesRoleProps {
  readonly environment: Place;
  /** The only one that may assume it. */
  readonly build: IRole;
  /** Of the targets of the environment. */
  readonly selections: readonly NodeSelect[];
}

/** IAM takes 10,240 characters of policies in a role; CDK would make a policy of its own of what is beyond 10,000. */
const MAX_POLICY_LENGTH = 10_000;

/** IAM knows no resources of these (https://docs.aws.amazon.com/service-authorization/latest/reference/). */
const FOLLOW = [
  'ec2:DescribeInstances',
  'ssm:CancelCommand',
  'ssm:DescribeInstanceInformation',
  'ssm:ListCommandInvocations',
  'ssm:ListCommands',
];

/**
 * How a build reaches nodes: it sends our one document to those that the config selects, follows it, and takes it back.
 * It may do nothing else, and read nothing but which nodes and commands there are.
 */
export class NodesRole extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { environment, build, selections }: NodesRoleProps) {
    super(scope, id);
    this.role = new Role(this, 'Role', {
      roleName: deployed.targetRole(environment.role, 'nodes'),
      description: `Plumbline: asks the nodes of ${environment.name}`,
      assumedBy: build.grantPrincipal,
    });
    const statements = [
      allow('OurDocument', ['ssm:SendCommand'], [this.#arn('ssm', 'document', deployed.nodeDocument)]),
      ...this.#sendStatements(selections),
      // EC2 tells the tags of its instances, SSM those of other machines.
      allow('TagsOfMachines', ['ssm:ListTagsForResource'], [this.#nodeArn('mi-*')]),
      allow('FollowAndCancel', FOLLOW, ['*']),
      ...this.#groupStatements(selections),
    ];
    this.#checkRoom(environment.name, statements);
    for (const statement of statements) this.role.addToPolicy(statement);
    acknowledge(this.role, {
      'AwsSolutions-IAM5[Resource::*]': 'To follow and to cancel commands knows no resources; to send one does.',
    });
  }

  #checkRoom(environment: string, statements: readonly PolicyStatement[]): void {
    const texts = statements.map((statement) => JSON.stringify(Stack.of(this).resolve(statement.toJSON())));
    if (texts.join(',').length <= MAX_POLICY_LENGTH) return;
    throw new NotDeployable(
      `environment ${environment}: its targets select nodes in more ways than a role's policy has room for: ` +
        'select by tags instead of ids, or make two environments of it',
    );
  }

  /**
   * SSM asks IAM about each node, whichever way a command names its targets. One for each set of tags, one for all ids,
   * one for resource groups: who is in them, nobody knows at synth.
   */
  #sendStatements(selections: readonly NodeSelect[]): readonly PolicyStatement[] {
    const tagged = selections.flatMap((select) => ('tags' in select ? JSON.stringify(tagCondition(select.tags)) : []));
    const ids = selections.flatMap((select) => ('ids' in select ? select.ids : []));
    const statements = [...new Set(tagged)]
      .sort()
      .map((condition) => send(this.#allNodes(), { StringEquals: JSON.parse(condition) }));
    if (ids.length > 0) statements.push(send([...new Set(ids)].sort().map((id) => this.#nodeArn(id))));
    if (selections.some((select) => 'resourceGroup' in select)) statements.push(send(this.#allNodes()));
    return statements;
  }

  #allNodes(): string[] {
    const nodes = [this.#nodeArn('i-*'), this.#nodeArn('mi-*')];
    const reason = 'Of the nodes, those with the selected tags, or all where a resource group is selected.';
    acknowledge(this.role, Object.fromEntries(nodes.map((arn) => [`AwsSolutions-IAM5[Resource::${arn}]`, reason])));
    return nodes;
  }

  /** Machines outside of EC2 have ids of their own. */
  #nodeArn(id: string): string {
    return id.startsWith('mi-') ? this.#arn('ssm', 'managed-instance', id) : this.#arn('ec2', 'instance', id);
  }

  /** What AWS wants of who reads a group: it is told by tags, or by the stacks that its members were made by. */
  #groupStatements(selections: readonly NodeSelect[]): readonly PolicyStatement[] {
    const groups = selections.flatMap((select) => ('resourceGroup' in select ? [select.resourceGroup] : []));
    if (groups.length === 0) return [];
    const stacks = this.#arn('cloudformation', 'stack', '*');
    acknowledge(this.role, {
      [`AwsSolutions-IAM5[Resource::${stacks}]`]: 'Whichever stacks the group names; they are only listed.',
    });
    const arns = [...new Set(groups)].sort().map((group) => this.#arn('resource-groups', 'group', group));
    return [
      allow('Groups', ['resource-groups:ListGroupResources'], arns),
      allow('GroupsByStack', ['cloudformation:DescribeStacks', 'cloudformation:ListStackResources'], [stacks]),
      allow('GroupsByTag', ['tag:GetResources'], ['*']),
    ];
  }

  #arn(service: string, resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({ service, resource, resourceName });
  }
}

/** Each of the tags, with any of its values. */
function tagCondition(
  tags: Extract<NodeSelect, { readonly tags: unknown }>['tags'],
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, values]) => [`ssm:resourceTag/${key}`, [...values].sort()]));
}

const allow = (sid: string, actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ sid, actions: [...actions], resources: [...resources] });
const send = (resources: string[], conditions: Readonly<Record<string, unknown>> = {}): PolicyStatement =>
  new PolicyStatement({ actions: ['ssm:SendCommand'], resources, conditions });
