import pLimit from 'p-limit';
import * as z from 'zod';
import { keys } from '#drift/names.ts';
import type { DeployedConfig, Source } from '#drift/target.ts';
import { canBeSent, type UnsurePush } from '#drift/webhook/changes.ts';
import { configChange } from '#drift/webhook/config-file.ts';
import { decide, type PathsOf } from '#drift/webhook/decide.ts';
import { type Delivery, deliveryId, eventOf, type Host, hostOf } from '#drift/webhook/delivery.ts';
import { provenBy } from '#drift/webhook/proof.ts';
import { MalformedPayload, type Push, pushesOf } from '#drift/webhook/push.ts';
import type { Functions, Log, ObjectStore } from '#services/ports.ts';
import { readRecord } from '#services/records.ts';
import type { StartRequest } from '../runs/start.ts';
import type { HookSecrets, KnownSecrets } from './secrets.ts';

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;
const MAX_RECEIPT_BYTES = 64 * 1024;
/** Runs asked for side by side: a host waits ten seconds for an answer, and may have pushed what hundreds are made of. */
const WIDTH = 50;

/** What the host is answered. */
export interface Answer {
  readonly status: number;
  readonly sentence: string;
}

export interface ReceiveWorld {
  readonly config: Pick<DeployedConfig, 'sources' | 'targets' | 'hash' | 'commit' | 'file'>;
  readonly secrets: Pick<HookSecrets, 'known' | 'renewed'>;
  readonly store: Pick<ObjectStore, 'create' | 'put' | 'read'>;
  readonly functions: Pick<Functions, 'send'>;
  readonly dispatchFunction: string;
  readonly pathsOf: PathsOf;
  readonly now: () => Date;
  readonly log: Log;
}

const PUSH_EVENTS: Readonly<Record<Host, ReadonlySet<string>>> = {
  github: new Set(['push']),
  gitlab: new Set(['Push Hook', 'Tag Push Hook']),
  bitbucket: new Set(['repo:push']),
};

/**
 * One delivery of a git host, from its bytes to the runs that it asks for. Nothing of it is believed before a secret
 * proves it, and then only for the sources of that secret.
 * @throws what is our own failure: the host must show the delivery as failed
 */
export async function receive(method: string, delivery: Delivery, world: ReceiveWorld): Promise<Answer> {
  const refused = refusal(method, delivery);
  if (refused !== null) return refused;
  const host = hostOf(delivery);
  if (host === null) return { status: 400, sentence: 'this is no delivery of GitHub, GitLab or Bitbucket' };
  const proven = await provenSources(delivery, host, world);
  if (proven.length === 0) return { status: 401, sentence: 'no proof' };
  const event = eventOf(delivery, host);
  const names = proven.map(({ name }) => name).join(', ');
  if (event === 'ping') return { status: 200, sentence: `${host} is recognised, for ${names}` };
  if (!PUSH_EVENTS[host].has(event)) return { status: 202, sentence: `${event.slice(0, 100)} is no push` };
  const id = deliveryId(delivery, host);
  if (id === null) return { status: 400, sentence: 'the delivery has no id' };
  let pushes: readonly Push[];
  try {
    pushes = pushesOf(host, JSON.parse(delivery.body.toString('utf8')));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof MalformedPayload)) throw error;
    return {
      status: 400,
      sentence: `the payload cannot be read: ${error instanceof SyntaxError ? 'it is no JSON' : error.message}`,
    };
  }
  return handle({ host, id, pushes, proven }, world);
}

function refusal(method: string, { headers, body }: Delivery): Answer | null {
  if (method !== 'POST') return { status: 405, sentence: 'deliveries are sent with POST' };
  if (body.length > MAX_BODY_BYTES) {
    return {
      status: 413,
      sentence: 'the payload is larger than 1 MB: push fewer commits at once; the schedule looks anyway',
    };
  }
  if (headers['content-encoding'] !== undefined) return { status: 415, sentence: 'a compressed body cannot be proven' };
  if (!/^application\/json(\s*;.*)?$/i.test(headers['content-type'] ?? '')) {
    return { status: 415, sentence: "set the webhook's content type to application/json" };
  }
  return null;
}

/**
 * The sources whose secrets prove it. A secret that was rotated since we read it is read again.
 * @throws why a secret could not be read, where the others prove nothing: that is no wrong proof
 */
async function provenSources(delivery: Delivery, host: Host, world: ReceiveWorld): Promise<readonly Source[]> {
  const now = world.now().getTime();
  const by = ({ secrets }: KnownSecrets): readonly string[] =>
    provenBy(delivery, host, secrets, Math.floor(now / 1000));
  let known = await world.secrets.known(now);
  let names = by(known);
  if (names.length === 0) {
    known = (await world.secrets.renewed(now)) ?? known;
    names = by(known);
  }
  if (names.length === 0 && known.lost !== null) throw known.lost;
  return world.config.sources.filter(({ name }) => names.includes(name));
}

/** A target that a push asks for. `range` null: whatever the push has changed. */
interface Asked {
  readonly target: string;
  readonly push: Push;
  readonly range: UnsurePush | null;
}

/** What `dispatch` is to ask git before it starts; null: nothing. */
function unsurePush({ before, after }: Push, paths: readonly string[] | undefined): UnsurePush | null {
  if (paths === undefined || before === null || after === null) return null;
  return canBeSent(paths) ? { before, after, paths } : null;
}

interface Proven {
  readonly host: Host;
  readonly id: string;
  readonly pushes: readonly Push[];
  readonly proven: readonly Source[];
}

async function handle({ host, id, pushes, proven }: Proven, world: ReceiveWorld): Promise<Answer> {
  const sources = proven.map(({ name }) => name);
  const key = keys.delivery(host, id, sources);
  const begun = await beginReceipt(key, world);
  if (begun.sentence !== null) return { status: 202, sentence: 'this delivery was handled already' };
  const asked = new Map<string, Asked>();
  const sentences: string[] = [];
  for (const push of pushes) {
    const { targets, unsure, sentence } = await decide(push, proven, world.config.targets, world.pathsOf);
    sentences.push(sentence);
    for (const { name } of targets) {
      // What another push of the delivery asks for as well, this one alone cannot take back.
      const range = asked.has(name) ? null : unsurePush(push, unsure.get(name));
      asked.set(name, { target: name, push, range });
    }
    const change = configChange(push, proven, world.config);
    if (change === null) continue;
    await world.store.put(keys.configChange, `${JSON.stringify(change)}\n`, 'application/json');
    world.log.warn('config changed, a deployment is due', { delivery: id, commit: change.commit, path: change.path });
    sentences.push(`${change.path} was changed: a deployment is due`);
  }
  const start = ({ target, push, range }: Asked): Promise<void> => {
    const request: StartRequest = {
      target,
      trigger: 'push',
      at: begun.at,
      seed: `${host} ${id}`,
      by: { host, delivery: id, ...(push.author === null ? {} : { author: push.author }) },
      ...(range === null ? {} : { push: range }),
    };
    return world.functions.send(world.dispatchFunction, request);
  };
  await pLimit(WIDTH).map(asked.values(), start);
  const sentence = sentences.length === 0 ? 'nothing was pushed' : sentences.join('; ');
  await world.store.put(key, receiptText({ at: begun.at, sentence }), 'application/json');
  world.log.info('delivery handled', { delivery: id, host, targets: [...asked.keys()] });
  return { status: 202, sentence };
}

/** What is kept of a delivery. `sentence` null: not all of it is done yet. */
const receiptSchema = z.object({ at: z.string(), sentence: z.string().nullable() });
type Receipt = z.infer<typeof receiptSchema>;
const receiptText = (receipt: Receipt): string => `${JSON.stringify(receipt)}\n`;

/**
 * The receipt of before, or a new one. A delivery that failed half-way keeps the time at which it came first, so that the
 * same runs come of it when it is sent again.
 */
async function beginReceipt(key: string, world: ReceiveWorld): Promise<Receipt> {
  const fresh: Receipt = { at: world.now().toISOString(), sentence: null };
  if (await world.store.create(key, receiptText(fresh), 'application/json')) return fresh;
  return (await readRecord(world.store, key, receiptSchema, MAX_RECEIPT_BYTES))?.value ?? fresh;
}
