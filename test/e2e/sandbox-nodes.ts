import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  type Command,
  type CommandInvocation,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Node } from '#sandbox/nodes.ts';
import { ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { TEMPLATE } from './sandbox-nodes-template.ts';

const RUNNING = ['Pending', 'InProgress', 'Cancelling', 'Delayed'];

/** What became of a command: its own status, and that of each node with its output. */
export interface Ended {
  readonly command: Command;
  readonly status: string;
  readonly on: Readonly<Record<string, { readonly status: string; readonly output: string }>>;
}

/** A person of the account who sends commands. */
export class Sender {
  readonly ssm: SSMClient;
  /** Refuses at once what is throttled, in place of trying again. */
  readonly impatient: SSMClient;
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
    this.ssm = new SSMClient(ownerOf(sandbox));
    this.impatient = new SSMClient({ ...ownerOf(sandbox), maxAttempts: 1 });
  }

  /** In an account with the template's documents. */
  static async in(sandbox: Sandbox): Promise<Sender> {
    const stacks = new CloudFormationClient(ownerOf(sandbox));
    const template = { TemplateBody: JSON.stringify(TEMPLATE), Capabilities: ['CAPABILITY_NAMED_IAM' as const] };
    await stacks.send(new CreateStackCommand({ StackName: 'nodes', ...template }));
    await until('the stack is there', 60, async () => {
      const [stack] = (await stacks.send(new DescribeStacksCommand({ StackName: 'nodes' }))).Stacks ?? [];
      if (/ROLLBACK|FAILED/.test(stack?.StackStatus ?? '')) throw new Error(stack?.StackStatusReason);
      return stack?.StackStatus === 'CREATE_COMPLETE' ? true : null;
    });
    return new Sender(sandbox);
  }

  /** Starts lines of shell on nodes. @returns the command's id */
  async start(lines: string, more: Partial<SendCommandCommandInput>, by = this.ssm): Promise<string> {
    const { Parameters, ...rest } = more;
    const sent = await by.send(
      new SendCommandCommand({ DocumentName: 'script', Parameters: { Lines: [lines], ...Parameters }, ...rest }),
    );
    return sent.Command?.CommandId ?? '';
  }

  async command(id: string): Promise<Command> {
    const found = await this.ssm.send(new ListCommandsCommand({ CommandId: id }));
    return found.Commands?.[0] ?? {};
  }

  async invocations(id: string): Promise<readonly CommandInvocation[]> {
    const found = await this.ssm.send(new ListCommandInvocationsCommand({ CommandId: id, Details: true }));
    return found.CommandInvocations ?? [];
  }

  /** Waits until nothing of the command runs. */
  async end(id: string): Promise<Ended> {
    const command = await until(`command ${id} ends`, 30, async () => {
      const now = await this.command(id);
      return RUNNING.includes(now.Status ?? '') ? null : now;
    });
    const on = (await this.invocations(id)).map((one) => {
      const output = (one.CommandPlugins ?? []).map((plugin) => plugin.Output).join('');
      return [one.InstanceName, { status: `${one.Status} ${one.StatusDetails}`, output }] as const;
    });
    return { command, status: `${command.Status} ${command.StatusDetails}`, on: Object.fromEntries(on) };
  }

  async run(lines: string, more: Partial<SendCommandCommandInput>): Promise<Ended> {
    return this.end(await this.start(lines, more));
  }

  /** A client with the rights of a role of the template. */
  async as(role: string): Promise<SSMClient> {
    return new SSMClient({ ...ownerOf(this.#sandbox), credentials: await this.credentials(role) });
  }

  async credentials(role: string) {
    const assume = new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${this.#sandbox.account}:role/${role}`,
      RoleSessionName: 'x',
    });
    const { Credentials } = await new STSClient(ownerOf(this.#sandbox)).send(assume);
    return {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
  }
}

/** Nodes by the value of a tag. */
export const byTag = (key: string, ...values: string[]) => ({ Targets: [{ Key: `tag:${key}`, Values: values }] });
/** All that run Linux, once each. */
export const ALL = byTag('Group', 'all');
export const on = (...nodes: Node[]) => ({ InstanceIds: nodes.map((node) => node.id) });

/** An account with a node of each kind. */
export interface Account {
  readonly sandbox: Sandbox;
  readonly sender: Sender;
  readonly one: Node;
  readonly two: Node;
  readonly own: Node;
  readonly windows: Node;
}

export async function startAccount(): Promise<Account> {
  const sandbox = await startSandbox();
  const sender = await Sender.in(sandbox);
  const tags = { Role: 'master', Group: 'all' };
  const [one, two, own, windows] = await Promise.all([
    sandbox.nodes.create({ name: 'one', tags, launchedAt: new Date('2026-01-02T03:04:05Z') }),
    sandbox.nodes.create({ name: 'two', tags: { ...tags, Role: 'minion' } }),
    sandbox.nodes.create({ name: 'own', tags, hybrid: true }),
    sandbox.nodes.create({ name: 'windows', tags: { Role: 'windows' }, platform: 'Windows' }),
  ]);
  return { sandbox, sender, one, two, own, windows };
}
