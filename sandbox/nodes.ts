import path from 'node:path';
import {
  AssociateIamInstanceProfileCommand,
  CreateTagsCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { Emulator } from './emulator.ts';
import { ownerOf, type Place } from './outside.ts';
import { SandboxError } from './run.ts';

/** The instance profile of every node: what the SSM agent needs, and nothing of S3. */
const PROFILE = 'sandbox-node';
const AGENT_ACTIONS = [
  'ssm:UpdateInstanceInformation',
  'ssm:ListAssociations',
  'ssm:ListInstanceAssociations',
  'ssmmessages:*',
  'ec2messages:*',
];
const HOUR_MS = 3_600_000;

export interface NodeOptions {
  /** Its host name, and its tag `Name`. */
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Id of an EC2 instance that somebody launched, which has its own tags; @default one is launched */
  readonly instance?: string;
  /** A machine of one's own, `mi-…`, in place of an EC2 instance. @default false */
  readonly hybrid?: boolean;
  /** @default an hour ago: nobody waits for it to settle */
  readonly launchedAt?: Date;
  /** A Windows node has no root; it is known, and cannot run anything. @default Linux */
  readonly platform?: 'Linux' | 'Windows';
}

/** What may be done to a node; what is not named stays as it is. */
export interface NodeState {
  /** The SSM agent's connection. */
  readonly agent?: 'online' | 'offline';
  /** SSM has never heard of it, or it is registered. */
  readonly registered?: boolean;
  /** Seconds that every command waits on the node before its script starts. */
  readonly slow?: number;
  /** Seconds after the start of the next command at which the node loses power, once; null: it does not. */
  readonly dies?: number | null;
  readonly ansible?: boolean;
  /** Takes the interpreters of the PATH away; Ansible goes with them. */
  readonly python?: boolean;
  /** `/tmp` and `/var/tmp` are full. */
  readonly diskFull?: boolean;
  /** What EC2 says of the instance, without anything happening to it. */
  readonly state?: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';
  readonly launchedAt?: Date;
}

/** What a command on a node left. */
export interface ShellResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One machine of the account: its own root, host name and processes; the network is this machine's. */
export class Node {
  readonly id: string;
  readonly name: string;
  readonly hybrid: boolean;
  /** A script that runs a command, or a shell, on the node, for people. */
  readonly script: string;
  readonly #emulator: Emulator;
  readonly #ec2: EC2Client;

  constructor(parts: {
    id: string;
    name: string;
    hybrid: boolean;
    script: string;
    emulator: Emulator;
    ec2: EC2Client;
  }) {
    this.id = parts.id;
    this.name = parts.name;
    this.hybrid = parts.hybrid;
    this.script = parts.script;
    this.#emulator = parts.emulator;
    this.#ec2 = parts.ec2;
  }

  /** A person's command on the node, as root, also while others run. @throws SandboxError when it fails */
  async shell(command: string, options: { readonly input?: string } = {}): Promise<string> {
    const result = await this.try(command, options);
    if (result.exitCode === 0) return result.stdout;
    const said = `${result.stdout}${result.stderr}`.trim();
    throw new SandboxError(`on node ${this.name}, this ended with ${result.exitCode}: ${command}\n${said}`);
  }

  /** The same, where failing is an answer. */
  try(command: string, options: { readonly input?: string } = {}): Promise<ShellResult> {
    return this.#emulator.node<ShellResult>('shell', { id: this.id, command, input: options.input ?? '' });
  }

  /** The text of a file of the node; null when there is none. */
  async file(name: string): Promise<string | null> {
    const quoted = quote(name);
    const result = await this.try(`test -e ${quoted} || exit 66; cat -- ${quoted}`);
    if (result.exitCode === 66) return null;
    if (result.exitCode !== 0) throw new SandboxError(`node ${this.name} cannot read ${name}: ${result.stderr.trim()}`);
    return result.stdout;
  }

  /** Writes a file of the node, with the folders above it. */
  async write(name: string, text: string, mode = '0644'): Promise<void> {
    const [file, folder] = [quote(name), quote(path.posix.dirname(name))];
    await this.shell(`mkdir -p -- ${folder} && cat > ${file} && chmod ${mode} -- ${file}`, { input: text });
  }

  async set(state: NodeState): Promise<void> {
    const { launchedAt, ...rest } = state;
    const seconds = launchedAt === undefined ? {} : { launchedAt: launchedAt.getTime() / 1000 };
    await this.#emulator.node('set', { id: this.id, ...rest, ...seconds });
  }

  /** Gives tags, or other values to those it has. */
  async tag(tags: Readonly<Record<string, string>>): Promise<void> {
    if (this.hybrid) await this.#emulator.node('tag', { id: this.id, tags });
    else await this.#ec2.send(new CreateTagsCommand({ Resources: [this.id], Tags: pairs(tags) }));
  }

  /** It loses power now: its processes are killed, SSM loses it, EC2 notices nothing. `start` brings it back. */
  async kill(): Promise<void> {
    await this.#emulator.node('kill', { id: this.id });
  }

  /** Shuts it down as EC2 does; its disk stays. */
  async stop(): Promise<void> {
    await this.#emulator.node('kill', { id: this.id });
    if (!this.hybrid) await this.#ec2.send(new StopInstancesCommand({ InstanceIds: [this.id] }));
  }

  async start(): Promise<void> {
    if (!this.hybrid) await this.#ec2.send(new StartInstancesCommand({ InstanceIds: [this.id] }));
    await this.#emulator.node('start', { id: this.id });
  }

  async terminate(): Promise<void> {
    await this.#emulator.node('kill', { id: this.id });
    if (!this.hybrid) await this.#ec2.send(new TerminateInstancesCommand({ InstanceIds: [this.id] }));
  }
}

/** The account's machines. */
export class Nodes {
  readonly #place: Place;
  readonly #emulator: Emulator;
  readonly #ec2: EC2Client;
  readonly #all: Node[] = [];
  #profile: Promise<void> | null = null;

  constructor(place: Place, emulator: Emulator) {
    this.#place = place;
    this.#emulator = emulator;
    this.#ec2 = new EC2Client(ownerOf(place));
  }

  /** All that were made, in that order. */
  get all(): readonly Node[] {
    return this.#all;
  }

  /** Starts a machine and registers it with SSM. @throws SandboxError that says what this machine cannot do */
  async create(options: NodeOptions): Promise<Node> {
    const { name, hybrid = false, platform = 'Linux' } = options;
    const tags = { Name: name, ...options.tags };
    const id = hybrid
      ? null
      : await (options.instance === undefined ? this.#launch(tags) : this.#adopt(options.instance));
    const launchedAt = (options.launchedAt ?? new Date(Date.now() - HOUR_MS)).getTime() / 1000;
    const made = await this.#emulator.node<{ id: string; script: string }>('create', {
      id,
      name,
      platform,
      launchedAt,
      tags,
      profile: hybrid ? null : PROFILE,
    });
    const node = new Node({ ...made, name, hybrid, emulator: this.#emulator, ec2: this.#ec2 });
    this.#all.push(node);
    return node;
  }

  /** Lets SSM refuse the next calls of an action, e.g. `SendCommand`, that hold a text, as when there are too many. */
  async throttle(action: string, calls: number, text = ''): Promise<void> {
    await this.#emulator.node('throttle', { action, calls, text });
  }

  /** How often SSM was asked for each action, by whomever. */
  calls(): Promise<Readonly<Record<string, number>>> {
    return this.#emulator.node('calls', {});
  }

  /** Lets the clock of the commands' time limits run ahead. */
  async advanceCommandClock(seconds: number): Promise<void> {
    await this.#emulator.node('clock', { seconds });
  }

  /** Gives a launched instance what its agent needs. */
  async #adopt(InstanceId: string): Promise<string> {
    this.#profile ??= this.#makeProfile();
    await this.#profile;
    const IamInstanceProfile = { Name: PROFILE };
    await this.#ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile }));
    return InstanceId;
  }

  async #launch(tags: Readonly<Record<string, string>>): Promise<string> {
    this.#profile ??= this.#makeProfile();
    await this.#profile;
    const run = new RunInstancesCommand({
      ImageId: 'ami-00000000000000001',
      InstanceType: 'm5.large',
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Name: PROFILE },
      TagSpecifications: [{ ResourceType: 'instance', Tags: pairs(tags) }],
    });
    const id = (await this.#ec2.send(run)).Instances?.[0]?.InstanceId;
    if (id === undefined) throw new SandboxError('the emulator started no instance');
    return id;
  }

  async #makeProfile(): Promise<void> {
    const iam = new IAMClient(ownerOf(this.#place));
    const trust = [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }];
    const allow = [{ Effect: 'Allow', Action: AGENT_ACTIONS, Resource: '*' }];
    await iam.send(new CreateRoleCommand({ RoleName: PROFILE, AssumeRolePolicyDocument: policy(trust) }));
    await iam.send(new PutRolePolicyCommand({ RoleName: PROFILE, PolicyName: 'agent', PolicyDocument: policy(allow) }));
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: PROFILE }));
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: PROFILE, RoleName: PROFILE }));
  }
}

const policy = (statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const pairs = (tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
