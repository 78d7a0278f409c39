import type { Cause } from '../../cause.ts';
import type { Json } from '../json.ts';
import type { Owners, Writer } from '../owners.ts';
import type { Path } from '../path.ts';
import type { Schema } from '../schema/schema.ts';
import { type ScalarRules, sameValue } from './same.ts';

/** What each side has at a place. */
export interface Both {
  readonly declared: Json | undefined;
  readonly live: Json | undefined;
  /** What the last-applied annotation has there. */
  readonly applied: Json | undefined;
}

/** What an object tells about who did what. */
export interface ObjectFacts {
  readonly owners: Owners;
  /** It says what was applied last, and that is still how it is applied. */
  readonly hasLastApplied: boolean;
}

/**
 * Why the sides differ, as far as the object itself can tell: the live side moved, git moved and was not applied, both.
 * Git's history may settle what stays unclear.
 */
export function causeOf(
  both: Both,
  schema: Schema,
  path: Path,
  { owners, hasLastApplied }: ObjectFacts,
  rules: ScalarRules,
): { readonly cause: Cause; readonly writer: Writer | null } {
  const { declared, live, applied } = both;
  const claim = owners.claim(path);
  const { writer } = claim;
  const same = (a: Json | undefined, b: Json | undefined): boolean => sameValue(a, b, schema, rules);
  if (claim.onlyPerson) {
    // `kubectl edit` may have written the annotation too, so that what was applied is no longer known.
    const gitMoved = hasLastApplied && !same(applied, declared) && !same(applied, live);
    return { cause: gitMoved ? 'both' : 'out-of-band', writer };
  }
  if (hasLastApplied) {
    if (same(applied, declared)) return { cause: 'out-of-band', writer };
    return { cause: same(applied, live) ? 'pending' : 'both', writer };
  }
  if (live !== undefined && claim.wroteByApplier) return { cause: 'pending', writer };
  if (live !== undefined && claim.owned && owners.hasApplier) return { cause: 'out-of-band', writer };
  return { cause: 'unclear', writer };
}
