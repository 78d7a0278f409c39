import type { Cause } from '../../cause.ts';
import type { Change } from '../../finding.ts';
import type { Json } from '../json.ts';
import type { Writer } from '../owners.ts';
import type { Path } from '../path.ts';

/** One difference of an object. */
export interface Difference {
  readonly path: Path;
  readonly change: Change;
  readonly declared: Json | undefined;
  readonly live: Json | undefined;
  readonly cause: Cause;
  /** Who wrote what is live. */
  readonly writer: Writer | null;
}
