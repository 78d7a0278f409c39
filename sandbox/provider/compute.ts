import {
  DescribeInstancesCommand,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
  RemoveTagsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  computed,
  fixed,
  map,
  required,
  TAGS,
  tagList,
  tagMap,
  tagSpecification,
  text,
  texts,
  unlessGone,
} from './fields.ts';
import { retag } from './network.ts';
import type { ResourceType } from './resource.ts';
import type { Values } from './values.ts';

export const instance: ResourceType = {
  attributes: {
    image: fixed(),
    kind: fixed(),
    subnet_id: fixed(),
    security_group_ids: required(['set', 'string']),
    private_ip: computed(),
    tags: TAGS,
  },
  async read(id, { ec2 }) {
    const found = await unlessGone(() => ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] })));
    const one = found?.Reservations?.[0]?.Instances?.[0];
    if (one === undefined || /terminated|shutting-down/.test(one.State?.Name ?? '')) return null;
    return {
      image: one.ImageId ?? '',
      kind: one.InstanceType ?? '',
      subnet_id: one.SubnetId ?? '',
      security_group_ids: (one.SecurityGroups ?? []).map((group) => group.GroupId ?? ''),
      private_ip: one.PrivateIpAddress ?? '',
      tags: tagMap(one.Tags),
    };
  },
  async create(values, { ec2 }) {
    const made = await ec2.send(
      new RunInstancesCommand({
        ImageId: text(values, 'image'),
        InstanceType: text(values, 'kind') as 't3.medium',
        SubnetId: text(values, 'subnet_id'),
        SecurityGroupIds: [...texts(values, 'security_group_ids')],
        MinCount: 1,
        MaxCount: 1,
        ...tagSpecification('instance', values),
      }),
    );
    return made.Instances?.[0]?.InstanceId ?? '';
  },
  async update(id, before, after, { ec2 }) {
    const groups = texts(after, 'security_group_ids');
    if (groups.toSorted().join() !== texts(before, 'security_group_ids').toSorted().join()) {
      await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: id, Groups: [...groups] }));
    }
    await retag(ec2, id, before, after);
  },
  async delete(id, { ec2 }) {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  },
};

/** Makes the instances behind a target group what they should be. */
async function setTargets(
  elb: ElasticLoadBalancingV2Client,
  group: string,
  before: readonly string[],
  after: readonly string[],
): Promise<void> {
  const targets = (ids: readonly string[]) => ids.map((Id) => ({ Id }));
  const gone = before.filter((id) => !after.includes(id));
  if (gone.length > 0) await elb.send(new DeregisterTargetsCommand({ TargetGroupArn: group, Targets: targets(gone) }));
  const fresh = after.filter((id) => !before.includes(id));
  if (fresh.length > 0) await elb.send(new RegisterTargetsCommand({ TargetGroupArn: group, Targets: targets(fresh) }));
}

async function groupOf(elb: ElasticLoadBalancingV2Client, name: string): Promise<string> {
  const found = await elb.send(new DescribeTargetGroupsCommand({ Names: [name] }));
  return found.TargetGroups?.[0]?.TargetGroupArn ?? '';
}

async function retagBalancer(
  elb: ElasticLoadBalancingV2Client,
  arn: string,
  before: Values,
  after: Values,
): Promise<void> {
  const wanted = map(after, 'tags');
  const gone = Object.keys(map(before, 'tags')).filter((key) => !(key in wanted));
  if (gone.length > 0) await elb.send(new RemoveTagsCommand({ ResourceArns: [arn], TagKeys: gone }));
  const Tags = Object.entries(wanted).map(([Key, Value]) => ({ Key, Value }));
  if (Tags.length > 0) await elb.send(new AddTagsCommand({ ResourceArns: [arn], Tags }));
}

/** A load balancer with one target group of the same name. */
export const loadBalancer: ResourceType = {
  attributes: {
    name: fixed(),
    vpc_id: fixed(),
    subnet_ids: fixed(['set', 'string']),
    security_group_ids: fixed(['set', 'string']),
    port: fixed('number'),
    instance_ids: required(['set', 'string']),
    dns_name: computed(),
    tags: TAGS,
  },
  async read(id, { elb }) {
    const found = await unlessGone(() => elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [id] })));
    const one = found?.LoadBalancers?.[0];
    if (one === undefined) return null;
    const groups = await elb.send(new DescribeTargetGroupsCommand({ Names: [one.LoadBalancerName ?? ''] }));
    const group = groups.TargetGroups?.[0];
    const health = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: group?.TargetGroupArn ?? '' }));
    const tags = await elb.send(new DescribeTagsCommand({ ResourceArns: [id] }));
    return {
      name: one.LoadBalancerName ?? '',
      vpc_id: group?.VpcId ?? '',
      subnet_ids: (one.AvailabilityZones ?? []).map((zone) => zone.SubnetId ?? ''),
      security_group_ids: one.SecurityGroups ?? [],
      port: group?.Port ?? 0,
      instance_ids: (health.TargetHealthDescriptions ?? []).map((item) => item.Target?.Id ?? ''),
      dns_name: one.DNSName ?? '',
      tags: tagMap(tags.TagDescriptions?.[0]?.Tags),
    };
  },
  async create(values, { elb }) {
    const name = text(values, 'name');
    const Tags = tagList(values).map((tag) => ({
      Key: tag.Key ?? '',
      ...(tag.Value === undefined ? {} : { Value: tag.Value }),
    }));
    const made = await elb.send(
      new CreateLoadBalancerCommand({
        Name: name,
        Subnets: [...texts(values, 'subnet_ids')],
        SecurityGroups: [...texts(values, 'security_group_ids')],
        ...(Tags.length > 0 ? { Tags } : {}),
      }),
    );
    const port = Number(values['port']);
    const group = await elb.send(
      new CreateTargetGroupCommand({
        Name: name,
        Protocol: 'HTTP',
        Port: port,
        VpcId: text(values, 'vpc_id'),
        TargetType: 'instance',
      }),
    );
    await setTargets(elb, group.TargetGroups?.[0]?.TargetGroupArn ?? '', [], texts(values, 'instance_ids'));
    return made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  },
  async update(id, before, after, { elb }) {
    const group = await groupOf(elb, text(after, 'name'));
    await setTargets(elb, group, texts(before, 'instance_ids'), texts(after, 'instance_ids'));
    await retagBalancer(elb, id, before, after);
  },
  async delete(id, { elb }) {
    const found = await elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [id] }));
    const group = await groupOf(elb, found.LoadBalancers?.[0]?.LoadBalancerName ?? '');
    await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: id }));
    await elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: group }));
  },
};
