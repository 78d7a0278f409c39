import * as z from 'zod';
import type { Report } from '../report.ts';
import { askedBySchema, TRIGGERS } from '../run.ts';
import { HOSTS, type Host } from '../webhook/delivery.ts';

/** A run that asks to be started. `ticket` is the nonce of its ticket; times are ISO. */
const requestedSchema = z
  .object({
    runId: z.string(),
    commit: z.string(),
    trigger: z.enum(TRIGGERS),
    by: askedBySchema.exactOptional(),
    aside: z.literal(true).exactOptional(),
    /** Git host of a push that joined it, where none started it: it waits for the commit's status. */
    joinedFrom: z.enum(HOSTS).exactOptional(),
    /** What made the request one request; with it the same run is asked for again. */
    seed: z.string(),
    at: z.string(),
    deadline: z.string(),
  })
  .readonly();
export type Requested = z.infer<typeof requestedSchema>;

/** `queue/<target>.json`: the run in progress and the newest waiting one. One run per target at a time. */
export const queueSchema = z
  .object({
    schema: z.literal('plumbline.queue/1'),
    running: requestedSchema
      .unwrap()
      .extend({
        ticket: z.string(),
        claimedAt: z.string(),
        /** What compares: ARN of the build, or name of the function that was asked; null: nothing was started yet. */
        build: z.string().nullable(),
      })
      .readonly()
      .nullable(),
    waiting: requestedSchema.unwrap().extend({ throttled: z.string().nullable() }).readonly().nullable(),
    /** The newest run that was judged: what an older one sees from then on is no verdict. */
    judged: z.string().nullable().default(null),
  })
  .readonly();
export type Queue = z.infer<typeof queueSchema>;
export type Running = NonNullable<Queue['running']>;
export type Waiting = NonNullable<Queue['waiting']>;

/** The largest queue file that is read back, in bytes. */
export const MAX_QUEUE_BYTES = 64 * 1024;

export const EMPTY_QUEUE: Queue = { schema: 'plumbline.queue/1', running: null, waiting: null, judged: null };

/**
 * What becomes of a request: it starts now (or goes on starting), joins the run in progress, waits for its end, or is
 * refused. One that looks aside does not wait: it would take the place of one that the target's verdict waits for.
 */
export type Claim =
  | { readonly kind: 'start'; readonly queue: Queue; readonly running: Running }
  | { readonly kind: 'join'; readonly queue: Queue; readonly running: Running }
  | { readonly kind: 'wait'; readonly queue: Queue; readonly running: Running; readonly waiting: Waiting }
  | { readonly kind: 'busy'; readonly by: Requested }
  /** A run that was not asked for earlier has looked since, or this very one. */
  | { readonly kind: 'over'; readonly judged: string };

/** @param ticket a fresh nonce; a request that was claimed before keeps its own */
export function claim(queue: Queue, request: Requested, ticket: string, now: Date): Claim {
  const { running, waiting, judged } = queue;
  const isOld = ({ runId }: Requested): boolean => judged !== null && runId <= judged;
  if (judged !== null && isOld(request) && request.aside !== true && running?.runId !== request.runId) {
    return { kind: 'over', judged };
  }
  if (running === null) {
    if (request.aside === true && waiting !== null) return { kind: 'busy', by: waiting };
    const served = waiting !== null && waiting.runId <= request.runId;
    const { joinedFrom } = waiting?.runId === request.runId ? waiting : {};
    const kept = joinedFrom === undefined ? request : { ...request, joinedFrom };
    const started: Running = { ...kept, ticket, claimedAt: now.toISOString(), build: null };
    return { kind: 'start', queue: { ...queue, running: started, waiting: served ? null : waiting }, running: started };
  }
  if (running.runId === request.runId) {
    return running.build === null ? { kind: 'start', queue, running } : { kind: 'join', queue, running };
  }
  const isSame = running.commit === request.commit && running.aside === request.aside;
  if (isSame && (running.aside === true || !isOld(running))) return joined(queue, running, request);
  if (request.aside === true) return { kind: 'busy', by: running };
  const stays =
    waiting !== null &&
    (waiting.runId >= request.runId || (servesPush(waiting, request) && waiting.runId > running.runId));
  const newest = stays ? waiting : { ...request, throttled: null };
  return { kind: 'wait', queue: { ...queue, waiting: newest }, running, waiting: newest };
}

function joined(queue: Queue, running: Running, { trigger, by }: Requested): Claim {
  const host = trigger === 'push' ? by?.host : undefined;
  if (host === undefined || running.by?.host !== undefined || running.joinedFrom !== undefined) {
    return { kind: 'join', queue, running };
  }
  const noted: Running = { ...running, joinedFrom: host };
  return { kind: 'join', queue: { ...queue, running: noted }, running: noted };
}

/** Git host of a push that joined a run; none where the run is no longer in the queue. */
export function joinedFrom({ running, waiting }: Queue, runId: string): Host | undefined {
  return [running, waiting].find((run) => run?.runId === runId)?.joinedFrom;
}

/**
 * Whether a push waits for the very commit that somebody else asks for, or we ourselves: its git host waits for the
 * commit's status.
 */
const servesPush = (waiting: Waiting, request: Requested): boolean =>
  waiting.trigger === 'push' && !isDelivered(request) && waiting.commit === request.commit;

const isDelivered = ({ trigger, by }: Requested): boolean => trigger === 'push' && by?.delivery !== undefined;

/** Whether a function compares, and no build. */
export function byFunction({ build }: Running): boolean {
  return build !== null && !build.startsWith('arn:');
}

/** The queue once the build, or the function, of `runId` is known. */
export function started(queue: Queue, runId: string, build: string): Queue {
  return queue.running?.runId === runId ? { ...queue, running: { ...queue.running, build } } : queue;
}

/**
 * The queue when there was no room for it: the run waits, unless a newer one does already or it looks aside. However
 * often it is tried, it is over at the deadline that it was written down with.
 */
export function throttled(
  queue: Queue,
  { runId, deadline }: Pick<Requested, 'runId' | 'deadline'>,
  reason: string,
): Queue {
  if (queue.running?.runId !== runId) return queue;
  if (queue.running.aside === true) return { ...queue, running: null };
  const { ticket: _ticket, claimedAt: _claimedAt, build: _build, ...request } = queue.running;
  const newer = queue.waiting !== null && queue.waiting.runId > runId ? queue.waiting : null;
  return { ...queue, running: null, waiting: newer ?? { ...request, deadline, throttled: reason } };
}

/**
 * The queue once the run has been judged, whether it was running or only waiting. One that waits and was asked for
 * before it has nothing to look for any more.
 */
export function released(queue: Queue, { runId, aside }: Pick<Report, 'runId' | 'aside'>): Queue {
  const judged = aside === true || (queue.judged !== null && queue.judged >= runId) ? queue.judged : runId;
  const isOver = queue.waiting?.runId === runId || (judged !== null && (queue.waiting?.runId ?? '') <= judged);
  return {
    ...queue,
    running: queue.running?.runId === runId ? null : queue.running,
    waiting: isOver ? null : queue.waiting,
    judged,
  };
}
