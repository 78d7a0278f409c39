import { createHash } from 'node:crypto';
import * as z from 'zod';
import { streamOf } from './streams.ts';

/** An answer of an AWS service. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

export interface AccountOptions {
  readonly nodes: number;
  readonly tasks: number;
  /** What one node needs. */
  readonly runMs: number;
  /** Every one of so many nodes differs in one task. */
  readonly driftedEvery: number;
}

interface SimulatedNode {
  readonly id: string;
  readonly name: string;
  readonly stream: Buffer;
  readonly output: string;
}

interface Sent {
  readonly id: string;
  readonly nodes: readonly SimulatedNode[];
  readonly begin: number;
  readonly atOnce: number;
  cancelled: boolean;
}

/** The bounds of the API, past which AWS answers with a ValidationException. */
const MAX_PAGE = 50;
const MAX_OUTPUT = 2_500;
const page = z.number().int().min(1).max(MAX_PAGE);
const values = z.array(z.string()).min(1).max(MAX_PAGE);
const shapes = {
  information: z.strictObject({
    Filters: z.array(z.strictObject({ Key: z.string(), Values: values })),
    MaxResults: page.min(5).optional(),
    NextToken: z.string().optional(),
  }),
  send: z.object({
    DocumentName: z.string(),
    Targets: z.array(z.strictObject({ Key: z.string(), Values: values })).max(5),
    MaxConcurrency: z.string().regex(/^([1-9][0-9]*|[1-9][0-9]?%|100%)$/),
    MaxErrors: z.literal('100%'),
    TimeoutSeconds: z.number().int().min(30).max(2_592_000),
    Comment: z.string().max(100),
  }),
  list: z.strictObject({
    CommandId: z.string(),
    Details: z.boolean().optional(),
    MaxResults: page.optional(),
    NextToken: z.string().optional(),
  }),
};

/** As much of an account as is asked: EC2, SSM and S3, whose nodes end one after the other without doing anything. */
export class SimulatedAccount {
  readonly #options: AccountOptions;
  readonly #nodes: readonly SimulatedNode[];
  readonly #objects: ReadonlyMap<string, Buffer>;
  readonly #sent = new Map<string, Sent>();
  readonly #calls = new Map<string, number>();

  constructor(options: AccountOptions) {
    this.#options = options;
    this.#nodes = Array.from({ length: options.nodes }, (_, at) => nodeOf(at, options));
    this.#objects = new Map(this.#nodes.map(({ id, stream }) => [id, stream]));
  }

  /** How often each operation was asked for since the last time. */
  calls(): Readonly<Record<string, number>> {
    const calls = Object.fromEntries(this.#calls);
    this.#calls.clear();
    return calls;
  }

  /** Milliseconds since 1970 at which the last node of the newest command ended. */
  lastEnd(): number {
    const [newest] = [...this.#sent.values()].slice(-1);
    return newest === undefined ? 0 : this.#endOf(newest, newest.nodes.length - 1);
  }

  /** Of the JSON protocol, which SSM speaks. */
  ssm(operation: string, body: unknown): Answer {
    this.#count(`ssm:${operation}`);
    switch (operation) {
      case 'DescribeInstanceInformation':
        return this.#information(shapes.information.parse(body));
      case 'SendCommand':
        return this.#send(shapes.send.parse(body));
      case 'ListCommands':
        return this.#commands(shapes.list.parse(body));
      case 'ListCommandInvocations':
        return this.#invocations(shapes.list.parse(body));
      case 'CancelCommand': {
        const sent = this.#sent.get(z.object({ CommandId: z.string() }).parse(body).CommandId);
        if (sent !== undefined) sent.cancelled = true;
        return json({});
      }
      default:
        return { status: 400, type: JSON_TYPE, body: JSON.stringify({ __type: 'UnknownOperationException' }) };
    }
  }

  /** Of the query protocol, which EC2 speaks. */
  ec2(query: URLSearchParams): Answer {
    this.#count(`ec2:${query.get('Action')}`);
    const start = Number(query.get('NextToken') ?? 0);
    const size = Number(query.get('MaxResults') ?? 1000);
    const items = this.#nodes
      .slice(start, start + size)
      .map(
        ({ id, name }) =>
          `<item><reservationId>r-${id}</reservationId><instancesSet><item><instanceId>${id}</instanceId>` +
          '<instanceState><code>16</code><name>running</name></instanceState><launchTime>2026-11-01T00:00:00Z</launchTime>' +
          `<privateIpAddress>10.4.0.7</privateIpAddress><tagSet><item><key>Name</key><value>${name}</value></item>` +
          '<item><key>Role</key><value>minion</value></item></tagSet></item></instancesSet></item>',
      );
    const rest = start + size < this.#nodes.length ? `<nextToken>${start + size}</nextToken>` : '';
    const inner = `<requestId>1</requestId><reservationSet>${items.join('')}</reservationSet>${rest}`;
    const xmlns = 'http://ec2.amazonaws.com/doc/2016-11-15/';
    const body = `<DescribeInstancesResponse xmlns="${xmlns}">${inner}</DescribeInstancesResponse>`;
    return { status: 200, type: 'text/xml', body };
  }

  /** @param key ends with the node's id and `.jsonl` */
  s3(key: string): Answer {
    this.#count('s3:GetObject');
    const body = this.#objects.get(/([^/]+)\.jsonl$/.exec(key)?.[1] ?? '');
    if (body !== undefined) return { status: 200, type: 'application/octet-stream', body };
    return { status: 404, type: 'application/xml', body: '<Error><Code>NoSuchKey</Code><Message>no</Message></Error>' };
  }

  #count(operation: string): void {
    this.#calls.set(operation, (this.#calls.get(operation) ?? 0) + 1);
  }

  #information({ MaxResults = MAX_PAGE, NextToken }: z.infer<typeof shapes.information>): Answer {
    return json(
      pageOf('InstanceInformationList', this.#nodes, MaxResults, NextToken, ({ id, name }) => ({
        ...{ InstanceId: id, PingStatus: 'Online', LastPingDateTime: 1_790_000_000, PlatformType: 'Linux' },
        ...{ PlatformName: 'Ubuntu', PlatformVersion: '24.04', ResourceType: 'EC2Instance', AgentVersion: '3.3.0.0' },
        ...{ IPAddress: '10.4.0.7', ComputerName: `${name}.acme.example` },
      })),
    );
  }

  #send({ Targets, MaxConcurrency }: z.infer<typeof shapes.send>): Answer {
    const named = Targets.find(({ Key }) => Key === 'InstanceIds');
    const nodes = named === undefined ? this.#nodes : this.#nodes.filter(({ id }) => named.Values.includes(id));
    const id = `00000000-0000-4000-8000-${String(this.#sent.size).padStart(12, '0')}`;
    this.#sent.set(id, { id, nodes, begin: Date.now(), atOnce: Number(MaxConcurrency), cancelled: false });
    return json({ Command: { CommandId: id, Status: 'Pending', TargetCount: 0, CompletedCount: 0 } });
  }

  #commands({ CommandId }: z.infer<typeof shapes.list>): Answer {
    const sent = this.#sent.get(CommandId);
    if (sent === undefined) return json({ Commands: [] });
    const TargetCount = sent.nodes.length;
    const CompletedCount = sent.nodes.filter((_, at) => this.#endOf(sent, at) <= Date.now()).length;
    const status = CompletedCount === TargetCount ? 'Success' : 'InProgress';
    return json({ Commands: [{ CommandId, Status: status, StatusDetails: status, TargetCount, CompletedCount }] });
  }

  #invocations({ CommandId, Details = false, MaxResults = MAX_PAGE, NextToken }: z.infer<typeof shapes.list>): Answer {
    const sent = this.#sent.get(CommandId);
    return json(
      pageOf('CommandInvocations', sent?.nodes ?? [], MaxResults, NextToken, ({ id, output }, at) => {
        const isOver = sent !== undefined && this.#endOf(sent, at) <= Date.now();
        const status = { Status: isOver ? 'Success' : 'InProgress', StatusDetails: isOver ? 'Success' : 'InProgress' };
        const step = { Name: 'check', ...status, ResponseCode: 0, Output: output.slice(0, MAX_OUTPUT) };
        return { CommandId, InstanceId: id, ...status, ...(Details && isOver ? { CommandPlugins: [step] } : {}) };
      }),
    );
  }

  /** Of the node at that place: it had to wait for those before it. */
  #endOf({ begin, atOnce }: Sent, at: number): number {
    return begin + (Math.floor(at / atOnce) + 1) * this.#options.runMs;
  }
}

const JSON_TYPE = 'application/x-amz-json-1.1';
const json = (value: unknown): Answer => ({ status: 200, type: JSON_TYPE, body: JSON.stringify(value) });

function pageOf<T>(
  name: string,
  all: readonly T[],
  size: number,
  token: string | undefined,
  shape: (item: T, at: number) => unknown,
): Readonly<Record<string, unknown>> {
  const start = Number(token ?? 0);
  const items = all.slice(start, start + size).map((item, index) => shape(item, start + index));
  return { [name]: items, ...(start + size < all.length ? { NextToken: String(start + size) } : {}) };
}

function nodeOf(at: number, { tasks, driftedEvery }: AccountOptions): SimulatedNode {
  const id = `i-${String(at).padStart(17, '0')}`;
  const name = `minion-${at}`;
  const stream = Buffer.from(streamOf(name, tasks, at % driftedEvery === driftedEvery - 1));
  const answer = {
    ...{ sha256: createHash('sha256').update(stream).digest('hex'), size: stream.length, exit: 0 },
    ...{ hint: null, problem: null, ansible: '2.21.5', python: '3.13.0' },
  };
  return { id, name, stream, output: `plumbline-node/1 ${JSON.stringify(answer)}\n` };
}
