import type { Run } from './run.ts';
import type { Target } from './target.ts';

/**
 * What `dispatch` hands to one build, in S3 under a name that cannot be guessed; deleted when the run is judged.
 * It holds the target's fingerprint key: readable by the build's own tool, never by the process that runs the
 * repository's code, and of no use for another target.
 */
export interface Ticket {
  readonly schema: 'plumbline.ticket/1';
  readonly run: Run & { readonly commit: string };
  readonly target: Target;
  readonly fingerprintKey: string;
}

/** The largest ticket that is read, in bytes. */
export const MAX_TICKET_BYTES = 256 * 1024;
