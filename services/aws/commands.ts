import {
  CancelCommandCommand,
  type Command,
  type CommandInvocation,
  ListCommandsCommand,
  paginateListCommandInvocations,
  paginateListCommands,
  SendCommandCommand,
  SSMClient,
  type Target,
} from '@aws-sdk/client-ssm';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import type { NodeSelect } from '#drift/target.ts';
import { type CommandProgress, type CommandRequest, type Commands, FleetError } from '../ports.ts';
import { isNamed } from './errors.ts';
import { PATIENT, refused } from './refused.ts';

/** Of ids and of values in one target, and of rows in a page (facts/aws.md §6). */
const A_CALL = 50;
/** Keys of tags in one call. */
const MAX_TARGETS = 5;
const MIN_DELIVERY_SECONDS = 30;
const MAX_DELIVERY_SECONDS = 2_592_000;
/** Clocks differ. */
const MARGIN_MS = 300_000;
const ENDED = new Set<string>(['Success', 'Cancelled', 'Failed', 'TimedOut']);

/** SSM Run Command. One object follows the commands that it sent. */
export class SsmCommands implements Commands {
  readonly #client: SSMClient;
  #firstSentAt: Date | null = null;

  constructor(client: SSMClient = new SSMClient(PATIENT)) {
    this.#client = client;
  }

  /** When a later part of the nodes cannot be asked, the earlier ones are not either. */
  async send(request: CommandRequest): Promise<readonly string[]> {
    this.#firstSentAt ??= new Date();
    const batches = batchesOf(request);
    const ids: string[] = [];
    try {
      for (const targets of batches) ids.push(await this.#sendTo(targets, batches.length, request));
    } catch (error) {
      const why = refused(error, `send the document ${request.document} (ssm:SendCommand)`);
      throw await this.cancel(ids).then(
        () => why,
        (second: unknown) => withSecond(why, second),
      );
    }
    return ids;
  }

  async progress(ids: readonly string[]): Promise<CommandProgress> {
    let commands: readonly Command[];
    try {
      commands = await this.#find(ids);
    } catch (error) {
      throw refused(error, 'list commands (ssm:ListCommands)');
    }
    const isKnown = commands.length === ids.length;
    return {
      ended: isKnown && commands.every(({ Status: status }) => ENDED.has(status ?? '')),
      completed: sum(commands.map(({ CompletedCount: count }) => count)),
      total: sum(commands.map(({ TargetCount: count }) => count)),
    };
  }

  async *outcomes(ids: readonly string[]): AsyncIterable<CommandOutcome> {
    try {
      for (const id of ids) yield* this.#outcomesOf(id);
    } catch (error) {
      throw refused(error, 'list what nodes came to (ssm:ListCommandInvocations)');
    }
  }

  /** One that cannot be cancelled keeps none of the others from it. */
  async cancel(ids: readonly string[]): Promise<void> {
    const errors: unknown[] = [];
    for (const id of ids) {
      await this.#client.send(new CancelCommandCommand({ CommandId: id })).catch((error: unknown) => {
        errors.push(error);
      });
    }
    if (errors.length > 0) throw refused(errors[0], 'cancel commands (ssm:CancelCommand)');
  }

  async #sendTo(targets: readonly Target[], batches: number, request: CommandRequest): Promise<string> {
    const { document, parameters, concurrency, deliverySeconds, comment } = request;
    const { Command: command } = await this.#client.send(
      new SendCommandCommand({
        DocumentName: document,
        Targets: [...targets],
        Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
        MaxConcurrency: share(concurrency, batches),
        // Zero, the default, lets one node that fails keep all others from being asked.
        MaxErrors: '100%',
        TimeoutSeconds: Math.min(MAX_DELIVERY_SECONDS, Math.max(MIN_DELIVERY_SECONDS, Math.ceil(deliverySeconds))),
        Comment: comment.slice(0, 100),
      }),
    );
    if (command?.CommandId === undefined) throw new Error(`SendCommand of ${document} answered without a command`);
    return command.CommandId;
  }

  /** SSM may not know yet what it has just taken. */
  async #find(ids: readonly string[]): Promise<readonly Command[]> {
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      const ask = new ListCommandsCommand({ CommandId: only });
      const { Commands: commands = [] } = await this.#client.send(ask).catch(orNone);
      return commands.filter(({ CommandId: id }) => id === only);
    }
    const found = new Map<string, Command>();
    const since = new Date((this.#firstSentAt ?? new Date()).getTime() - MARGIN_MS).toISOString();
    const pages = paginateListCommands(
      { client: this.#client, pageSize: A_CALL, stopOnSameToken: true },
      { Filters: [{ key: 'InvokedAfter', value: `${since.slice(0, 19)}Z` }] },
    );
    for await (const { Commands: commands = [] } of pages) {
      for (const command of commands) {
        const { CommandId: id = '' } = command;
        if (ids.includes(id)) found.set(id, command);
      }
      if (found.size === ids.length) break;
    }
    return [...found.values()];
  }

  async *#outcomesOf(id: string): AsyncIterable<CommandOutcome> {
    const pages = paginateListCommandInvocations(
      { client: this.#client, pageSize: A_CALL, stopOnSameToken: true },
      { CommandId: id, Details: true },
    );
    try {
      for await (const { CommandInvocations: invocations = [] } of pages) yield* invocations.map(outcomeOf);
    } catch (error) {
      if (!isNamed(error, 'InvalidCommandId')) throw error;
    }
  }
}

/** What went wrong first is what is to be mended; that commands still run is said beside it. */
function withSecond(first: unknown, second: unknown): unknown {
  if (!(first instanceof FleetError)) return first;
  const why = second instanceof Error ? second.message : 'for no known reason';
  const text = `${first.message}; what was sent before could not be cancelled (${why}), its own time limit ends it`;
  return new FleetError(text, { cause: first });
}

function orNone(error: unknown): { readonly Commands?: readonly Command[] } {
  if (isNamed(error, 'InvalidCommandId')) return {};
  throw error;
}

/** Our document has one step; on a platform that it is not for, it says nothing. */
function outcomeOf(invocation: CommandInvocation): CommandOutcome {
  const {
    InstanceId: node = '',
    Status: status = '',
    StatusDetails: details = '',
    CommandPlugins: steps = [],
  } = invocation;
  return { node, status, details, output: steps.at(-1)?.Output ?? '' };
}

const sum = (counts: readonly (number | undefined)[]): number =>
  counts.reduce<number>((all, count) => all + (count ?? 0), 0);

/** Those who are asked by their ids where one call takes them all; else by what selects them, which takes any number. */
function batchesOf({ nodes, select }: CommandRequest): readonly (readonly Target[])[] {
  const selecting = nodes.length <= A_CALL ? null : targetsOf(select);
  if (selecting !== null) return [selecting];
  const batches: Target[][] = [];
  for (let start = 0; start < nodes.length; start += A_CALL) {
    batches.push([{ Key: 'InstanceIds', Values: nodes.slice(start, start + A_CALL) }]);
  }
  return batches;
}

/** Null where a call cannot say it. */
function targetsOf(select: NodeSelect): readonly Target[] | null {
  if ('ids' in select) return null;
  if ('resourceGroup' in select) return [{ Key: 'resource-groups:Name', Values: [select.resourceGroup] }];
  const tags = Object.entries(select.tags);
  if (tags.length > MAX_TARGETS || tags.some(([, values]) => values.length > A_CALL)) return null;
  return tags.map(([key, values]) => ({ Key: `tag:${key}`, Values: [...values] }));
}

/** Each of several commands has its own number of nodes at a time; of a percentage each has its own share already. */
function share(concurrency: string, batches: number): string {
  return concurrency.endsWith('%') ? concurrency : String(Math.max(1, Math.floor(Number(concurrency) / batches)));
}
