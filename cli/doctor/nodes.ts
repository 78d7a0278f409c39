import { isDeepStrictEqual } from 'node:util';
import { deployed } from '#drift/names.ts';
import { type Fleet, type FoundNode, formFleet, tooFew } from '#drift/nodes/fleet.ts';
import type { NodeSelect, NodesTarget } from '#drift/target.ts';
import { type DeployedDocument, DocumentError } from '#services/aws/documents.ts';
import { isNamed } from '#services/aws/errors.ts';
import { FleetError } from '#services/ports.ts';
import { type Diagnosis, ill, well } from './diagnosis.ts';

/** What this machine has to look at nodes with: calls to AWS, as the person who asks. No node is asked anything. */
export interface NodePorts {
  /** Null: there is none. @throws DocumentError */
  readonly document: (name: string, region: string) => Promise<DeployedDocument | null>;
  /** What this version deploys. */
  readonly wanted: () => unknown;
  /** @throws FleetError */
  readonly find: (select: NodeSelect, region: string) => Promise<readonly FoundNode[]>;
}

/** Nodes that have a line of their own, or are named in one. */
const MAX_NAMED = 10;

/** Whether the service could ask the nodes of an environment now. */
export async function examineNodes(
  targets: readonly [NodesTarget, ...NodesTarget[]],
  region: string,
  ports: NodePorts,
  now: Date,
): Promise<readonly Diagnosis[]> {
  const document = await examineDocument(targets[0].environment.name, region, ports);
  const fleets = await Promise.all(targets.map((target) => examineFleet(target, region, ports, now)));
  return [document, ...fleets.flat()];
}

async function examineDocument(environment: string, region: string, ports: NodePorts): Promise<Diagnosis> {
  const about = `${environment} document`;
  const name = deployed.nodeDocument;
  try {
    const document = await ports.document(name, region);
    if (document === null) return ill(about, `there is no SSM document ${name} in ${region}: deploy`);
    if (!isSame(document.content, ports.wanted())) {
      return ill(about, `${name}, version ${document.version}, is not what this Plumbline deploys: deploy it again`);
    }
    return well(about, `${name}, version ${document.version}`);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    return ill(about, `${name} ${error.message}`);
  }
}

/** CloudFormation makes texts of numbers on their way into a document. */
function isSame(content: string, wanted: unknown): boolean {
  const texts = (json: string): unknown =>
    JSON.parse(json, (_, value: unknown) => (typeof value === 'object' ? value : String(value)));
  try {
    return isDeepStrictEqual(texts(content), texts(JSON.stringify(wanted)));
  } catch {
    return false;
  }
}

async function examineFleet(
  { name, nodes: { select, settleSeconds, minNodes } }: NodesTarget,
  region: string,
  { find }: NodePorts,
  now: Date,
): Promise<readonly Diagnosis[]> {
  if (select === undefined) return [];
  try {
    const found = await find(select, region);
    const fleet = formFleet(found, { select, settleSeconds, now });
    return [fleetLine(name, fleet, minNodes), ...unreachedLines(name, fleet)];
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return [ill(`${name} nodes`, whyNotFound(error))];
  }
}

/** A sentence that is meant for a check's role would mislead a person. */
function whyNotFound({ cause, message }: FleetError): string {
  if (isNamed(cause, 'AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation', 'UnauthorizedException')) {
    const rights = 'ec2:DescribeInstances, ssm:DescribeInstanceInformation and ssm:ListTagsForResource';
    return `may not be looked for: allow ${rights} to you, and for a resource group resource-groups:ListGroupResources`;
  }
  if (isNamed(cause, 'CredentialsProviderError', 'ExpiredTokenException', 'ExpiredToken', 'RequestExpired')) {
    return 'cannot be looked for without valid AWS credentials: set AWS_PROFILE, or run "aws sso login"';
  }
  return message;
}

function fleetLine(target: string, fleet: Fleet, minNodes: number): Diagnosis {
  const { nodes, members, uncounted } = fleet;
  const beside = uncounted.map(({ node, reason }) => `${node} (${reason})`);
  const others = beside.length === 0 ? '' : `; not counted: ${namedFew(beside)}`;
  const few = tooFew(fleet, minNodes);
  if (few !== null) return ill(`${target} nodes`, `${few}${others}`);
  if (nodes.length === 0) {
    return ill(`${target} nodes`, `none of ${members.length} can be asked${others}: here is why, node by node`);
  }
  const names = namedFew(nodes.map(({ name }) => name));
  return well(`${target} nodes`, `${nodes.length} of ${members.length} can be asked: ${names}${others}`);
}

function unreachedLines(target: string, { unreached }: Fleet): readonly Diagnosis[] {
  const lines = unreached.slice(0, MAX_NAMED).map(({ node, reason }) => ill(`${target} nodes`, `${node}: ${reason}`));
  const more = unreached.length - lines.length;
  if (more === 0) return lines;
  return [...lines, ill(`${target} nodes`, `${more} more cannot be asked: begin with those above`)];
}

function namedFew(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return more > 0 ? `${names.slice(0, MAX_NAMED).join(', ')} and ${more} more` : names.join(', ');
}
