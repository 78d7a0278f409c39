import {
  AuthorizeSecurityGroupIngressCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteTagsCommand,
  DeleteVpcCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import {
  fixed,
  list,
  map,
  missingFrom,
  required,
  setOf,
  TAGS,
  tagMap,
  tagSpecification,
  text,
  unlessGone,
} from './fields.ts';
import type { ResourceType } from './resource.ts';
import type { Value, Values } from './values.ts';

/** Makes the tags of any EC2 object what they should be. */
export async function retag(ec2: EC2Client, id: string, before: Values, after: Values): Promise<void> {
  const [old, wanted] = [map(before, 'tags'), map(after, 'tags')];
  const gone = Object.keys(old).filter((key) => !(key in wanted));
  if (gone.length > 0) await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: gone.map((Key) => ({ Key })) }));
  const Tags = Object.entries(wanted).flatMap(([Key, Value]) => (old[Key] === Value ? [] : [{ Key, Value }]));
  if (Tags.length > 0) await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
}

export const vpc: ResourceType = {
  attributes: { cidr: fixed(), tags: TAGS },
  async read(id, { ec2 }) {
    const found = await unlessGone(() => ec2.send(new DescribeVpcsCommand({ VpcIds: [id] })));
    const one = found?.Vpcs?.[0];
    return one === undefined ? null : { cidr: one.CidrBlock ?? '', tags: tagMap(one.Tags) };
  },
  async create(values, { ec2 }) {
    const made = await ec2.send(
      new CreateVpcCommand({ CidrBlock: text(values, 'cidr'), ...tagSpecification('vpc', values) }),
    );
    return made.Vpc?.VpcId ?? '';
  },
  update: (id, before, after, { ec2 }) => retag(ec2, id, before, after),
  async delete(id, { ec2 }) {
    await ec2.send(new DeleteVpcCommand({ VpcId: id }));
  },
};

export const subnet: ResourceType = {
  attributes: { vpc_id: fixed(), cidr: fixed(), zone: fixed(), tags: TAGS },
  async read(id, { ec2 }) {
    const found = await unlessGone(() => ec2.send(new DescribeSubnetsCommand({ SubnetIds: [id] })));
    const one = found?.Subnets?.[0];
    if (one === undefined) return null;
    return {
      vpc_id: one.VpcId ?? '',
      cidr: one.CidrBlock ?? '',
      zone: one.AvailabilityZone ?? '',
      tags: tagMap(one.Tags),
    };
  },
  async create(values, { ec2 }) {
    const made = await ec2.send(
      new CreateSubnetCommand({
        VpcId: text(values, 'vpc_id'),
        CidrBlock: text(values, 'cidr'),
        AvailabilityZone: text(values, 'zone'),
        ...tagSpecification('subnet', values),
      }),
    );
    return made.Subnet?.SubnetId ?? '';
  },
  update: (id, before, after, { ec2 }) => retag(ec2, id, before, after),
  async delete(id, { ec2 }) {
    await ec2.send(new DeleteSubnetCommand({ SubnetId: id }));
  },
};

const permission = (rule: Values): IpPermission => ({
  IpProtocol: String(rule['protocol']),
  FromPort: Number(rule['from_port']),
  ToPort: Number(rule['to_port']),
  IpRanges: [{ CidrIp: String(rule['cidr']) }],
});

const rules = (permissions: readonly IpPermission[] | undefined): readonly Values[] =>
  (permissions ?? []).flatMap((one) =>
    (one.IpRanges ?? []).map((range) => ({
      protocol: one.IpProtocol ?? '',
      from_port: one.FromPort ?? 0,
      to_port: one.ToPort ?? 0,
      cidr: range.CidrIp ?? '',
    })),
  );

async function setRules(
  ec2: EC2Client,
  id: string,
  before: readonly Values[],
  after: readonly Values[],
): Promise<void> {
  const gone = missingFrom(after, before).map(permission);
  if (gone.length > 0) await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: id, IpPermissions: gone }));
  const fresh = missingFrom(before, after).map(permission);
  if (fresh.length > 0) await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: id, IpPermissions: fresh }));
}

export const securityGroup: ResourceType = {
  attributes: {
    name: fixed(),
    description: fixed(),
    vpc_id: fixed(),
    ingress: required(setOf({ protocol: 'string', from_port: 'number', to_port: 'number', cidr: 'string' })),
    tags: TAGS,
  },
  async read(id, { ec2 }) {
    const found = await unlessGone(() => ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] })));
    const one = found?.SecurityGroups?.[0];
    if (one === undefined) return null;
    return {
      name: one.GroupName ?? '',
      description: one.Description ?? '',
      vpc_id: one.VpcId ?? '',
      ingress: rules(one.IpPermissions) as Value,
      tags: tagMap(one.Tags),
    };
  },
  async create(values, { ec2 }) {
    const made = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: text(values, 'name'),
        Description: text(values, 'description'),
        VpcId: text(values, 'vpc_id'),
        ...tagSpecification('security-group', values),
      }),
    );
    const id = made.GroupId ?? '';
    await setRules(ec2, id, [], list(values, 'ingress'));
    return id;
  },
  async update(id, before, after, { ec2 }) {
    await setRules(ec2, id, list(before, 'ingress'), list(after, 'ingress'));
    await retag(ec2, id, before, after);
  },
  async delete(id, { ec2 }) {
    await ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }));
  },
};

async function setRoutes(
  ec2: EC2Client,
  id: string,
  before: readonly Values[],
  after: readonly Values[],
): Promise<void> {
  for (const route of missingFrom(after, before)) {
    await ec2.send(new DeleteRouteCommand({ RouteTableId: id, DestinationCidrBlock: String(route['cidr']) }));
  }
  for (const route of missingFrom(before, after)) {
    const to = { DestinationCidrBlock: String(route['cidr']), InstanceId: String(route['instance_id']) };
    await ec2.send(new CreateRouteCommand({ RouteTableId: id, ...to }));
  }
}

export const routeTable: ResourceType = {
  attributes: { vpc_id: fixed(), routes: required(setOf({ cidr: 'string', instance_id: 'string' })), tags: TAGS },
  async read(id, { ec2 }) {
    const found = await unlessGone(() => ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [id] })));
    const one = found?.RouteTables?.[0];
    if (one === undefined) return null;
    const routes = (one.Routes ?? [])
      .filter((route) => route.GatewayId !== 'local')
      .map((route) => ({ cidr: route.DestinationCidrBlock ?? '', instance_id: route.InstanceId ?? '' }));
    return { vpc_id: one.VpcId ?? '', routes, tags: tagMap(one.Tags) };
  },
  async create(values, { ec2 }) {
    const made = await ec2.send(
      new CreateRouteTableCommand({ VpcId: text(values, 'vpc_id'), ...tagSpecification('route-table', values) }),
    );
    const id = made.RouteTable?.RouteTableId ?? '';
    await setRoutes(ec2, id, [], list(values, 'routes'));
    return id;
  },
  async update(id, before, after, { ec2 }) {
    await setRoutes(ec2, id, list(before, 'routes'), list(after, 'routes'));
    await retag(ec2, id, before, after);
  },
  async delete(id, { ec2 }) {
    await ec2.send(new DeleteRouteTableCommand({ RouteTableId: id }));
  },
};
