import type { IgnoreRule } from './rules/rule.ts';
import type { Run } from './run.ts';
import type { KubernetesTarget, TerraformTarget } from './target.ts';

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

/** For a function. */
export interface KubernetesTicket extends AnyTicket {
  readonly target: KubernetesTarget;
  /** Ignore rules that act while objects are compared. */
  readonly rules: readonly IgnoreRule[];
  /** Signed address that takes this run's report, once; whoever has it needs no right to write. */
  readonly upload: string;
}

export type Ticket = TerraformTicket | KubernetesTicket;

/** The largest ticket that is read, in bytes: a config, of which it is a part, may have as much. */
export const MAX_TICKET_BYTES = 1024 * 1024;
