import * as z from 'zod';
import type { IgnoreRule } from './rules/rule.ts';
import { isRunId, type Run } from './run.ts';
import type { KubernetesTarget, NodesTarget, TerraformTarget } from './target.ts';

/** A nonce: long enough not to be guessed, and nothing that leads elsewhere in a key. */
export const TICKET_NAME = /^[A-Za-z0-9-]{16,128}$/;

/**
 * What `dispatch` hands to one worker, in S3 under a name that cannot be guessed; deleted when the run is judged.
 * It holds the target's fingerprint key: readable by the worker itself, never by a process that runs the
 * repository's code, and of no use for another target.
 */
interface AnyTicket {
  readonly schema: 'plumbline.ticket/1';
  readonly run: Run & { readonly commit: string };
  readonly fingerprintKey: string;
}

/** For a build. */
export interface TerraformTicket extends AnyTicket {
  readonly target: TerraformTarget;
}

/** For a build that asks nodes. */
export interface NodesTicket extends AnyTicket {
  readonly target: NodesTarget;
  /** Commit of the newest run that was in sync; null: there is none. */
  readonly lastInSync: string | null;
}

/** For a function. */
export interface KubernetesTicket extends AnyTicket {
  readonly target: KubernetesTarget;
  /** Ignore rules that act while objects are compared. */
  readonly rules: readonly IgnoreRule[];
  /** Commit of the newest run that was in sync; null: there is none. */
  readonly lastInSync: string | null;
  /** Signed address that takes this run's report, once; whoever has it needs no right to write. */
  readonly upload: string;
}

/** What a function is asked: the run, and where its ticket lies. */
export const askedRunSchema = z
  .object({
    target: z.string().max(200),
    runId: z.string().refine(isRunId, 'is no run id'),
    ticket: z.string().regex(TICKET_NAME, "is no ticket's name"),
  })
  .readonly();
export type AskedRun = z.infer<typeof askedRunSchema>;

export type Ticket = TerraformTicket | NodesTicket | KubernetesTicket;

/** The largest ticket that is read, in bytes: a config, of which it is a part, may have as much. */
export const MAX_TICKET_BYTES = 1024 * 1024;
