import { createHash } from 'node:crypto';
import { type AskRequest, askNodes } from '#checks/nodes/ask.ts';
import type { Clock } from '#checks/nodes/follow.ts';
import type { NodeStreamRead } from '#checks/nodes/join.ts';
import { formFleet } from '#drift/nodes/fleet.ts';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import { type CommandRequest, type Commands, ObjectTooLarge } from '#services/ports.ts';

export const NOW = new Date('2026-11-27T08:00:00Z');
export const SELECT = { tags: { Role: ['minion'] } };

/** What our document prints of a stream on the node that made it. */
export function answerTo(text: string, more: Readonly<Record<string, unknown>> = {}): string {
  const sha256 = createHash('sha256').update(text).digest('hex');
  const word = {
    sha256,
    size: Buffer.byteLength(text),
    exit: 0,
    hint: null,
    problem: null,
    ansible: null,
    python: null,
  };
  return `plumbline-node/1 ${JSON.stringify({ ...word, ...more })}\n`;
}

/** What SSM says of a node, and from when on; until then it is in progress, or as `before` says. */
export interface Told {
  readonly output?: string;
  readonly details?: string;
  readonly afterMs?: number;
  readonly before?: string;
  /** Only listed from then on. */
  readonly listedAfterMs?: number;
}

/** Nodes, SSM and S3, at a time that passes only while somebody waits. */
export class World {
  time = 0;
  /** Of the whole check. */
  limitMs = 600_000;
  readonly told = new Map<string, Told>();
  /** By node id. */
  readonly streams = new Map<string, string>();
  /** Whose streams S3 never answers for: then the real time passes. */
  readonly hanging = new Set<string>();
  readonly sent: CommandRequest[] = [];
  readonly cancelled: string[] = [];
  readonly taken: NodeStreamRead[] = [];
  readonly said: string[] = [];
  readonly controller = new AbortController();
  calls = { progress: 0, outcomes: 0 };
  /** How many streams are being read, and at most were; and of how many bytes. */
  readonly reading = { now: 0, most: 0, bytes: 0, mostBytes: 0 };
  faults: Partial<Record<keyof Commands | 'read', (asked: unknown) => unknown>> = {};
  /** Ends the whole command at once. */
  ended: { readonly total: number } | null = null;

  readonly clock: Clock = {
    now: () => this.time,
    sleep: async (milliseconds, signal) => {
      if (!signal.aborted) this.time += milliseconds;
    },
  };

  /** A node that is asked, what SSM will say of it, and what lies where its stream should. */
  node(id: string, told: Told | null, stream?: string): this {
    if (told !== null) this.told.set(id, told);
    if (stream !== undefined) this.streams.set(id, stream);
    return this;
  }

  /** @param ids of the nodes that are asked; default: all of whom SSM will say something */
  async ask(ids: readonly string[] = [...this.told.keys()], more: Partial<AskRequest> = {}) {
    const found = ids.map((id) => ({
      ...{ id, tags: { Role: 'minion', Name: `name-of-${id}` }, address: null, platform: 'Linux', state: 'running' },
      ...{ launchedAt: null, agent: { online: true, status: 'Online', lastSeen: null }, computerName: null },
    }));
    return askNodes(
      {
        fleet: formFleet(found, { select: SELECT, settleSeconds: 900, now: NOW }),
        ...{ select: SELECT, concurrency: '50', parameters: { RunId: 'r' }, runId: 'r' },
        inboxOf: (id) => `inbox/${id}.jsonl`,
        left: () => this.limitMs - this.time,
        signal: this.controller.signal,
        progress: (step) => this.said.push(step),
        ...more,
      },
      { commands: this.commands, store: { read: (key, maxBytes) => this.#read(key, maxBytes) }, clock: this.clock },
      (stream) => this.taken.push(stream),
    );
  }

  /** Names are what reports say. */
  get texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.taken.map(({ node, text }) => [node, text]));
  }

  readonly commands: Commands = {
    send: async (request) => {
      this.#fault('send', request);
      this.sent.push(request);
      return ['c-1'];
    },
    progress: async (ids) => {
      this.calls.progress += 1;
      this.#fault('progress', ids);
      const total = this.ended?.total ?? this.told.size;
      const completed = [...this.told.values()].filter((told) => this.#isOver(told)).length;
      return { ended: this.ended !== null || completed === total, completed, total };
    },
    outcomes: (ids) => {
      this.calls.outcomes += 1;
      this.#fault('outcomes', ids);
      return this.#outcomes();
    },
    cancel: async (ids) => {
      this.cancelled.push(...ids);
      this.#fault('cancel', ids);
    },
  };

  async *#outcomes(): AsyncIterable<CommandOutcome> {
    for (const [node, told] of this.told) {
      if (this.time < (told.listedAfterMs ?? 0)) continue;
      const details = this.#isOver(told) ? (told.details ?? 'Success') : (told.before ?? 'InProgress');
      yield { node, status: details, details, output: this.#isOver(told) ? (told.output ?? '') : '' };
    }
  }

  #isOver({ afterMs = 0 }: Told): boolean {
    return this.time >= afterMs;
  }

  async #read(key: string, maxBytes: number) {
    this.#fault('read', key);
    const { reading } = this;
    reading.now += 1;
    reading.bytes += maxBytes;
    reading.most = Math.max(reading.most, reading.now);
    reading.mostBytes = Math.max(reading.mostBytes, reading.bytes);
    await new Promise((resolve) => setImmediate(resolve));
    reading.now -= 1;
    reading.bytes -= maxBytes;
    const id = /^inbox\/(.*)\.jsonl$/.exec(key)?.[1] ?? '';
    if (this.hanging.has(id)) await new Promise(() => undefined);
    const text = this.streams.get(id);
    if (text === undefined) return null;
    if (Buffer.byteLength(text) > maxBytes) throw new ObjectTooLarge(key);
    return { text, etag: '"1"' };
  }

  #fault(act: keyof Commands | 'read', asked: unknown): void {
    const error = this.faults[act]?.(asked);
    if (error !== undefined) throw error;
  }
}
