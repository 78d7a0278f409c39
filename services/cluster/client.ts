import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import pRetry, { AbortError } from 'p-retry';
import { isObject, type Json, type JsonObject, parseJson } from '#drift/kubernetes/json.ts';
import type { Note } from '#drift/note.ts';
import type { ClusterConnection } from './connection.ts';
import { ClusterError } from './error.ts';
import { type AnswerLimits, type HttpAnswer, httpGet, NoAnswer } from './http.ts';

export interface ReadBudget {
  readonly signal: AbortSignal;
  /** As `Date.now()`: until then everything is read that will be. */
  readonly deadline: number;
  /** What is being done; never holds a value. */
  readonly progress: (step: string) => void;
}

/** How hard a server is tried. */
export interface Effort extends AnswerLimits {
  /** Requests at once. */
  readonly parallel: number;
  /** Of one request, and of all of them together. */
  readonly retries: number;
  readonly allRetries: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** Pages of 500 objects are a few megabytes; the largest object that etcd takes is 1.5 MiB. */
export const EFFORT: Effort = {
  connectMs: 5_000,
  silentMs: 15_000,
  totalMs: 60_000,
  maxBytes: 48 * 1024 * 1024,
  parallel: 6,
  retries: 4,
  allRetries: 60,
  firstDelayMs: 250,
  maxDelayMs: 8_000,
};

/** What the server said in the end. Reasons go on after "the cluster". */
export type Answer =
  | { readonly kind: 'ok'; readonly value: JsonObject; readonly etag: string | null; readonly bytes: number }
  | { readonly kind: 'unchanged' }
  | NoObject;

export interface NoObject {
  /**
   * `gone`: an object that does not exist; `unserved`: a path that does not; `expired`: a list that was too slow;
   * `busy`: it answers, and does not serve.
   */
  readonly kind: 'forbidden' | 'gone' | 'unserved' | 'expired' | 'too large' | 'busy' | 'failed';
  readonly reason: string;
}

export const JSON_TYPE = 'application/json';
const MAX_NOTES = 20;
const MAX_SAID = 300;
const WARNING = /299 \S+ "((?:[^"\\]|\\.)*)"/g;

interface Question {
  readonly path: string;
  readonly accept: string;
  readonly etag: string | undefined;
  /** Whether the proof was made anew for it. */
  isRenewed: boolean;
}

class Again extends Error {
  readonly kind: 'busy' | 'failed';
  /** What the server asked to wait. */
  readonly afterMs: number;
  constructor(message: string, kind: Again['kind'] = 'failed', afterMs = 0) {
    super(message);
    this.kind = kind;
    this.afterMs = afterMs;
  }
}

/** Asks a cluster, within a budget: a few at a time, again where that may help, and never for anything but reading. */
export class ClusterClient {
  readonly #connection: ClusterConnection;
  readonly #effort: Effort;
  readonly #deadline: number;
  readonly #stop: AbortSignal;
  readonly #atOnce: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #warnings = new Set<string>();
  #retries: number;

  constructor(connection: ClusterConnection, { signal, deadline }: ReadBudget, effort: Effort = EFFORT) {
    this.#connection = connection;
    this.#effort = effort;
    this.#deadline = deadline;
    this.#stop = AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, deadline - Date.now()))]);
    this.#atOnce = pLimit(effort.parallel);
    this.#retries = effort.allRetries;
  }

  get server(): string {
    return this.#connection.server;
  }

  /** What the server warned of. */
  get notes(): readonly Note[] {
    return [...this.#warnings].slice(0, MAX_NOTES).map((text) => ({ kind: 'api-warning', text }));
  }

  /**
   * @param path from the root of the API, with its query
   * @throws ClusterError when nobody would get an answer: who asks is not known, or the server is not the one it should be
   */
  async get(path: string, options: { readonly accept?: string; readonly etag?: string } = {}): Promise<Answer> {
    return this.#atOnce(() => this.#try(path, options.accept ?? JSON_TYPE, options.etag));
  }

  async #try(path: string, accept: string, etag: string | undefined): Promise<Answer> {
    if (this.#stop.aborted) return this.#late();
    const { retries, firstDelayMs, maxDelayMs } = this.#effort;
    const question: Question = { path, accept, etag, isRenewed: false };
    try {
      return await pRetry(() => this.#ask(question), {
        ...{ retries, minTimeout: firstDelayMs, maxTimeout: maxDelayMs, randomize: true, signal: this.#stop },
        onFailedAttempt: ({ error, retryDelay }) => this.#waitAsTold(error, retryDelay),
        shouldRetry: ({ error }) => error instanceof Again && this.#mayRetry(),
      });
    } catch (error) {
      if (this.#stop.aborted) return this.#late();
      if (error instanceof Again) return { kind: error.kind, reason: error.message };
      if (error instanceof NoAnswer && error.kind === 'too large') return { kind: 'too large', reason: error.message };
      if (!(error instanceof NoAnswer)) throw error;
      throw new ClusterError(
        `${this.server} shows a certificate that must not be believed (${error.message}): is this the cluster, and its authority the one that is written down?`,
      );
    }
  }

  #late(): NoObject {
    return { kind: 'failed', reason: 'was not asked to the end: the time was over' };
  }

  #mayRetry(): boolean {
    this.#retries -= 1;
    return this.#retries >= 0;
  }

  /** A server that is told to be busy for longer than we have is not waited for. */
  async #waitAsTold(error: Error, retryDelay: number): Promise<void> {
    if (!(error instanceof Again) || retryDelay === 0) return;
    const wait = error.afterMs - retryDelay;
    if (Date.now() + error.afterMs > this.#deadline) throw error;
    if (wait > 0) await delay(wait, undefined, { signal: this.#stop });
  }

  async #ask(question: Question): Promise<Answer> {
    const { path, accept, etag } = question;
    const { agent, proof, server } = this.#connection;
    const proven = await proof.headers(this.#stop).catch(final);
    const headers = { ...proven, Accept: accept, ...(etag === undefined ? {} : { 'If-None-Match': etag }) };
    let answer: HttpAnswer;
    try {
      answer = await httpGet({ url: server + path, agent, headers, signal: this.#stop, limits: this.#effort });
    } catch (error) {
      if (error instanceof NoAnswer && error.kind === 'broken') throw new Again(error.message);
      return final(error);
    }
    return this.#read(answer, question);
  }

  #read(answer: HttpAnswer, question: Question): Answer {
    const { status } = answer;
    if (status === 200) return this.#readObject(answer);
    if (status === 304 && question.etag !== undefined) return { kind: 'unchanged' };
    if (status === 401) return this.#unknown(question);
    if (status === 429 || status === 408 || status >= 500) {
      const seconds = Number(answer.headers['retry-after'] ?? 0);
      throw new Again(`answered with status ${status}`, 'busy', Number.isFinite(seconds) ? seconds * 1000 : 0);
    }
    if (status === 403)
      return { kind: 'forbidden', reason: `does not allow it${this.#clean(asUser(answer.body))} (403)` };
    if (status === 404)
      return { kind: isObjectMissing(answer.body) ? 'gone' : 'unserved', reason: 'has no such thing (404)' };
    if (status === 410) return { kind: 'expired', reason: 'forgot a list before its end (410)' };
    if (status >= 300 && status < 400) {
      return { kind: 'failed', reason: `redirects (${status}), which is not followed: give the address that answers` };
    }
    return { kind: 'failed', reason: `answered with status ${status}` };
  }

  #readObject({ body, headers }: HttpAnswer): Answer {
    const value = parsed(body);
    if (!isObject(value)) throw new Again('answered with something that is no object of JSON: is it a Kubernetes API?');
    for (const [, text = ''] of [headers['warning'] ?? []].flat().join(', ').matchAll(WARNING)) {
      this.#warnings.add(this.#clean(text.replaceAll(/\\(.)/g, '$1').slice(0, MAX_SAID)));
    }
    return { kind: 'ok', value, etag: headers.etag ?? null, bytes: body.length };
  }

  /** A token may have run out in the meantime: once it is made anew. */
  #unknown(question: Question): never {
    this.#connection.proof.renew();
    if (!question.isRenewed) {
      question.isRenewed = true;
      throw new Again('does not know who asks (401)');
    }
    return final(
      new ClusterError(
        `${this.server} does not know who asks (401): the token has expired, or belongs to another cluster, or an EKS access entry is missing`,
      ),
    );
  }

  #clean(text: string): string {
    return this.#connection
      .secrets()
      .reduce((cleaned, secret) => (secret === '' ? cleaned : cleaned.replaceAll(secret, '***')), text);
  }
}

/** Not to be tried again. */
function final(error: unknown): never {
  throw error instanceof Error ? new AbortError(error) : error;
}

function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The API's own word for who is refused, out of a sentence that is not ours. */
function asUser(body: string): string {
  const status = parsed(body);
  const message = isObject(status) ? status['message'] : undefined;
  const [, user] = (typeof message === 'string' ? /\bUser "([\w@:./+-]{1,200})"/.exec(message) : null) ?? [];
  // The name of a role's session is another one each time.
  return user === undefined ? '' : ` to ${user.replace(/(:assumed-role\/[^/]+)\/.*$/, '$1')}`;
}

/** A Status names the object that is not there; of a path that is not there it has no name to tell. */
function isObjectMissing(body: string): boolean {
  const status = parsed(body);
  const details = isObject(status) ? status['details'] : undefined;
  return isObject(details) && typeof details['name'] === 'string' && details['name'] !== '';
}
