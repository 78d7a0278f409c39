import { EC2Client, type Filter, type Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { paginateListGroupResources, ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import {
  type InstanceInformation,
  type InstanceInformationStringFilter,
  ListTagsForResourceCommand,
  paginateDescribeInstanceInformation,
  SSMClient,
} from '@aws-sdk/client-ssm';
import pLimit from 'p-limit';
import type { FoundNode } from '#drift/nodes/fleet.ts';
import type { NodeSelect } from '#drift/target.ts';
import type { Nodes } from '../ports.ts';
import { PATIENT, refused } from './refused.ts';

/** Most of what EC2 says of an instance is of no use here: a page of 200 is 2 MB. */
const INSTANCES_A_PAGE = 200;
/** As many as a filter takes. */
const IDS_A_CALL = 200;
/** SSM and Resource Groups give no more. */
const AGENTS_A_PAGE = 50;
const TAGS_AT_ONCE = 5;

export interface NodesClients {
  readonly ec2: EC2Client;
  readonly ssm: SSMClient;
  readonly groups: ResourceGroupsClient;
}

/**
 * Machines in EC2, and those of other places that are registered with SSM. A thousand nodes are five calls of EC2 and
 * twenty of SSM; a hybrid node is one more, since SSM tells tags one node at a time.
 */
export class AwsNodes implements Nodes {
  readonly #clients: NodesClients;

  constructor(
    clients: NodesClients = {
      ec2: new EC2Client(PATIENT),
      ssm: new SSMClient(PATIENT),
      groups: new ResourceGroupsClient(PATIENT),
    },
  ) {
    this.#clients = clients;
  }

  async find(select: NodeSelect): Promise<readonly FoundNode[]> {
    if ('tags' in select) return this.#findTagged(Object.entries(select.tags));
    return this.#findNamed('ids' in select ? select.ids : await this.#idsOf(select.resourceGroup));
  }

  /** SSM finds instances by the tags that they have in EC2. */
  async #findTagged(tags: readonly (readonly [string, readonly string[]])[]): Promise<readonly FoundNode[]> {
    const [instances, agents] = await Promise.all([
      this.#instances(tags.map(([key, values]) => ({ Name: `tag:${key}`, Values: values.map(literally) }))),
      this.#agents(tags.map(([key, values]) => ({ Key: `tag:${key}`, Values: [...values] }))),
    ]);
    return this.#join(instances, agents);
  }

  /** One that does not exist is just not found. */
  async #findNamed(ids: readonly string[]): Promise<readonly FoundNode[]> {
    const all = [...new Set(ids)];
    const inEc2 = all.filter((id) => !isHybrid(id));
    const instances: Instance[] = [];
    for (const Values of slices(inEc2, IDS_A_CALL)) {
      instances.push(...(await this.#instances([{ Name: 'instance-id', Values }])));
    }
    const agents: InstanceInformation[] = [];
    for (const Values of slices(all, AGENTS_A_PAGE)) {
      agents.push(...(await this.#agents([{ Key: 'InstanceIds', Values }])));
    }
    return this.#join(instances, agents);
  }

  async #idsOf(group: string): Promise<readonly string[]> {
    const ids: string[] = [];
    const pages = paginateListGroupResources(
      { client: this.#clients.groups, pageSize: AGENTS_A_PAGE, stopOnSameToken: true },
      { Group: group },
    );
    try {
      for await (const { Resources: resources = [] } of pages) {
        for (const { Identifier: identifier } of resources) {
          const match = /:(?:instance|managed-instance)\/(m?i-[0-9a-f]+)$/.exec(identifier?.ResourceArn ?? '');
          if (match?.[1] !== undefined) ids.push(match[1]);
        }
      }
    } catch (error) {
      throw refused(error, `list the nodes of the resource group ${group}`);
    }
    return ids;
  }

  async #instances(Filters: Filter[]): Promise<readonly Instance[]> {
    const instances: Instance[] = [];
    const pages = paginateDescribeInstances(
      { client: this.#clients.ec2, pageSize: INSTANCES_A_PAGE, stopOnSameToken: true },
      { Filters },
    );
    try {
      for await (const { Reservations: reservations = [] } of pages) {
        instances.push(...reservations.flatMap(({ Instances = [] }) => Instances));
      }
    } catch (error) {
      throw refused(error, 'list instances (ec2:DescribeInstances)');
    }
    return instances;
  }

  async #agents(Filters: InstanceInformationStringFilter[]): Promise<readonly InstanceInformation[]> {
    const agents: InstanceInformation[] = [];
    const pages = paginateDescribeInstanceInformation(
      { client: this.#clients.ssm, pageSize: AGENTS_A_PAGE, stopOnSameToken: true },
      { Filters },
    );
    try {
      for await (const { InstanceInformationList: list = [] } of pages) agents.push(...list);
    } catch (error) {
      throw refused(error, 'list SSM agents (ssm:DescribeInstanceInformation)');
    }
    return agents;
  }

  /** EC2 knows its instances, SSM the others; an agent of an instance that EC2 has forgotten is of no use. */
  async #join(instances: readonly Instance[], agents: readonly InstanceInformation[]): Promise<readonly FoundNode[]> {
    const byId = new Map(
      agents.flatMap((agent) => (agent.InstanceId === undefined ? [] : [[agent.InstanceId, agent]])),
    );
    const limit = pLimit(TAGS_AT_ONCE);
    const hybrid = [...byId].filter(([id]) => isHybrid(id));
    const found = [
      ...instances.flatMap((instance) => fromEc2(instance, byId)),
      ...(await Promise.all(
        hybrid.map(([id, agent]) => limit(async () => fromSsm(id, agent, await this.#tagsOf(id)))),
      )),
    ];
    return [...new Map(found.map((node) => [node.id, node])).values()];
  }

  async #tagsOf(id: string): Promise<Readonly<Record<string, string>>> {
    const { TagList: tags = [] } = await this.#clients.ssm
      .send(new ListTagsForResourceCommand({ ResourceType: 'ManagedInstance', ResourceId: id }))
      .catch((error: unknown) => {
        throw refused(error, `read the tags of ${id} (ssm:ListTagsForResource)`);
      });
    return tagsFrom(tags);
  }
}

const isHybrid = (id: string): boolean => id.startsWith('mi-');

/** EC2 takes `*` and `?` in a filter for any text, and a backslash for what makes them plain. */
const literally = (value: string): string => value.replace(/[\\*?]/g, '\\$&');

function* slices<T>(all: readonly T[], size: number): Iterable<T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}

/** Any key may be there, `__proto__` too. */
const tagsFrom = (tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[]) =>
  Object.fromEntries(tags.flatMap(({ Key, Value = '' }) => (Key === undefined ? [] : [[Key, Value] as const])));

function fromEc2(instance: Instance, agents: ReadonlyMap<string, InstanceInformation>): readonly FoundNode[] {
  const { InstanceId: id, State: state, Platform: platform } = instance;
  if (id === undefined) return [];
  const agent = agents.get(id);
  return [
    {
      id,
      tags: tagsFrom(instance.Tags ?? []),
      address: instance.PrivateIpAddress ?? null,
      platform: agent?.PlatformType ?? (platform?.toLowerCase() === 'windows' ? 'Windows' : null),
      state: state?.Name ?? 'unknown',
      launchedAt: instance.LaunchTime ?? null,
      agent: agent === undefined ? null : agentOf(agent),
      computerName: agent?.ComputerName ?? null,
    },
  ];
}

/** Its activation gave it a name; a tag of that name says more. */
function fromSsm(id: string, information: InstanceInformation, tags: Readonly<Record<string, string>>): FoundNode {
  return {
    id,
    tags: information.Name === undefined ? tags : { Name: information.Name, ...tags },
    address: information.IPAddress ?? null,
    platform: information.PlatformType ?? null,
    state: 'registered',
    launchedAt: information.RegistrationDate ?? null,
    agent: agentOf(information),
    computerName: information.ComputerName ?? null,
  };
}

function agentOf({ PingStatus, LastPingDateTime: lastSeen }: InstanceInformation): FoundNode['agent'] {
  return { online: PingStatus === 'Online', status: PingStatus ?? 'Unknown', lastSeen: lastSeen ?? null };
}
