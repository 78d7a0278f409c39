/** The outside world as the procedures see it. One implementation per file beside this one; tests bring their own. */
import type { EventName } from '#drift/names.ts';
import type { FoundNode } from '#drift/nodes/fleet.ts';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import type { StatusRequest } from '#drift/statuses/request.ts';
import type { NodeSelect, SecretReference, Source } from '#drift/target.ts';
import type { PushRange } from '#drift/webhook/changes.ts';
import type { Host } from '#drift/webhook/delivery.ts';

/** A bucket or a folder. Keys use `/`. */
export interface ObjectStore {
  /** Null when there is none. @throws ObjectHidden; ObjectTooLarge before more than `maxBytes` are read */
  read(key: string, maxBytes: number): Promise<{ readonly text: string; readonly etag: string } | null>;
  /** Writes only if there is none yet; false when there is. */
  create(key: string, content: string | Uint8Array, contentType: ContentType): Promise<boolean>;
  /** Writes only over the version that `etag` names (null: only if there is none); false when another writer was faster. */
  replace(key: string, text: string, contentType: ContentType, etag: string | null): Promise<boolean>;
  /** Writes whatever is there; for what is derived and can be written again. */
  put(key: string, text: string, contentType: ContentType): Promise<void>;
  delete(key: string): Promise<void>;
}
export type ContentType =
  | 'application/json'
  | 'application/gzip'
  | 'text/html; charset=utf-8'
  | 'text/plain; charset=utf-8';

/** It may not be read, or there is none: S3 tells whoever may not list a bucket no difference. */
export class ObjectHidden extends Error {
  override readonly name = 'ObjectHidden';
}

/** An object larger than the caller will read. */
export class ObjectTooLarge extends Error {
  override readonly name = 'ObjectTooLarge';
}

/** Builds that are started, asked for and stopped by id. */
export interface Builds {
  /** @returns the build's ARN, or that there is no room for it now */
  start(request: BuildRequest): Promise<{ readonly build: string } | { readonly throttled: string }>;
  /** Null when the service no longer knows the build. */
  describe(build: string): Promise<BuildState | null>;
}
export interface BuildRequest {
  readonly project: string;
  /** 1 to 64 characters; the same token within 5 minutes gives the same build. */
  readonly token: string;
  readonly timeoutMinutes: number;
  readonly environment: Readonly<Record<string, string>>;
}
/** `ended` false while it is queued or running. `status` is the service's word: SUCCEEDED, FAILED, STOPPED, TIMED_OUT, FAULT. */
export interface BuildState {
  readonly ended: boolean;
  readonly status: string;
  readonly log: string | null;
}

export interface MetricDatum {
  readonly name: string;
  /** Absent for the service's own metrics. */
  readonly target?: string;
  readonly value: number;
}
export interface Metrics {
  /** All of them, stamped `at`; throws when any was not taken. */
  publish(data: readonly MetricDatum[], at: Date): Promise<void>;
}

export interface BusEvent {
  readonly name: EventName;
  readonly detail: Readonly<Record<string, unknown>>;
}
export interface EventBus {
  /** All of them; throws when any was not taken. */
  announce(events: readonly BusEvent[], at: Date): Promise<void>;
}

export interface Alarms {
  /** Sets an alarm to OK with a reason, so that the next datum raises it again. */
  reset(alarm: string, reason: string): Promise<void>;
}

/** Our functions: started without waiting for them, or asked. */
export interface Functions {
  send(functionName: string, payload: unknown): Promise<void>;
  /** The same where it may wait. @returns that there is no room for it now; null once it is taken */
  start(functionName: string, payload: unknown): Promise<{ readonly throttled: string } | null>;
  /** Waits for the function's answer. @throws FunctionError */
  ask(functionName: string, payload: unknown): Promise<unknown>;
}

/** A function could not be asked, or failed: the message is one sentence that names it and says what to do. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

/** Signed addresses, so that somebody may write who has no right to. */
export interface Uploads {
  /** Takes one object at `key`, and none over another, for so many seconds. Whoever has it can use it: a secret. */
  link(key: string, seconds: number): Promise<string>;
}

/** Signed addresses for those who have no right at all, to read one object or to write it. */
export interface Links extends Uploads {
  /** Gives the object at `key` for so many seconds. A secret. */
  download(key: string, seconds: number): Promise<string>;
  /**
   * When the credentials end that sign, and with them every address, however long it was meant to last; null: nobody
   * knows. `renew`: new ones are asked for before.
   */
  endsAt(renew: boolean): Promise<Date | null>;
}

export interface Secrets {
  read(reference: SecretReference): Promise<string>;
}

/** Secrets that are being rotated: the old one counts for a while. */
export interface SecretVersions {
  /** The value, then the one of before, if there is one. @throws SecretError */
  versions(reference: SecretReference): Promise<readonly string[]>;
}

/** A secret could not be read: the message names it and says what to do, and holds no value. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

export interface GitRemote {
  /** The commit at the source's ref, 40 hex digits. @throws GitError with a sentence a person can act on */
  head(source: Source, token: string | null): Promise<string>;
  /**
   * Whether a branch or tag of the repository is at this commit. What only a fork, or a pull request, has is not: hosts
   * serve that too, and whoever can make a fork could bring it there. @throws GitError
   */
  isHead(source: Source, commit: string, token: string | null): Promise<boolean>;
}

/** Git could not tell: the message says what and what to do, and holds no credential. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/** What a git host knows of a push that it has not told all of. */
export interface GitChanges {
  /**
   * All files that differ between two commits, whichever came of which; renamed ones under both names.
   * @throws ChangesUnknown unless it is certain that these are all
   */
  between(host: Host, repository: string, range: PushRange, token: string | null): Promise<readonly string[]>;
}

/** The host could not tell exactly: the message says why, and holds no credential. */
export class ChangesUnknown extends Error {
  override readonly name = 'ChangesUnknown';
}

/** What a git host shows beside a commit. */
export interface CommitStatuses {
  /** Tried again while that may help. @throws StatusRefused; anything else may pass by itself */
  send(request: StatusRequest): Promise<void>;
}

/** The git host will not take it: the message says what it answered and what to do, and holds no credential. */
export class StatusRefused extends Error {
  override readonly name = 'StatusRefused';
}

/** A terraform state, looked at from outside: nothing of its content is read. */
export interface StateWatch {
  /** @throws StateHidden */
  look(): Promise<StateView>;
}
export interface StateView {
  /** Who writes the state now, as its lock says; null: nobody, or only somebody who plans. */
  readonly writer: StateWriter | null;
  /** Another one after each write; null: there is no state yet. */
  readonly version: string | null;
}
export interface StateWriter {
  readonly who: string;
  /** ISO time, as the lock says it. */
  readonly since: string;
}

/** A state cannot be looked at: the message is one sentence that says why. */
export class StateHidden extends Error {
  override readonly name = 'StateHidden';
}

/** Where the backend `s3` keeps a state, and what the tool sees of our environment to get there. */
export interface S3StatePlace {
  readonly bucket: string;
  readonly key: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** DynamoDB table of its locks, where it has one. */
  readonly lockTable: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/** Which machines there are, and whether SSM reaches them. */
export interface Nodes {
  /** All that are selected, in whatever state, each once. @throws FleetError */
  find(select: NodeSelect): Promise<readonly FoundNode[]>;
}

/** Documents that run on nodes. @throws FleetError, each of them */
export interface Commands {
  /** Asks nodes, all at once as far as `concurrency` lets it. @returns ids of the commands that it took */
  send(request: CommandRequest): Promise<readonly string[]>;
  /** How far they are together, in one call. A command that was just sent may not be known yet: then nothing has ended. */
  progress(ids: readonly string[]): Promise<CommandProgress>;
  /** What each node has come to, in pages. One that was just asked may be missing. */
  outcomes(ids: readonly string[]): AsyncIterable<CommandOutcome>;
  /** Takes back what has not ended. */
  cancel(ids: readonly string[]): Promise<void>;
}
export interface CommandRequest {
  readonly document: string;
  /** Ids of those who are asked. Where a call does not take so many, all that are selected are. */
  readonly nodes: readonly string[];
  readonly select: NodeSelect;
  readonly parameters: Readonly<Record<string, string>>;
  /** Nodes at the same time: `50`, `10%`. */
  readonly concurrency: string;
  /** A node that has not begun by then is not asked any more. 30 s to 30 days. */
  readonly deliverySeconds: number;
  /** For people who look at the list of commands; at most 100 characters. */
  readonly comment: string;
}
/** Counts are of nodes that were asked; `total` is 0 until SSM knows them. */
export interface CommandProgress {
  readonly ended: boolean;
  readonly completed: number;
  readonly total: number;
}

/** Nodes cannot be found or asked: the message says what AWS refused, and what to do. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
}

/** How many messages lie in each queue that nobody empties on his own. */
export interface DeadLetters {
  depths(): Promise<readonly { readonly queue: string; readonly messages: number }[]>;
}

/** One JSON object a line; never a secret. */
export interface Log {
  info(message: string, attributes: Readonly<Record<string, unknown>>): void;
  warn(message: string, attributes: Readonly<Record<string, unknown>>): void;
  error(message: string, attributes: Readonly<Record<string, unknown>>): void;
}
