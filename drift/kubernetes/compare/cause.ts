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
  /** The atomic list that the place is inside of. */
  readonly list?: Both;
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
  const { declared, live, applied } = both.list ?? both;
  const claim = owners.claim(path);
  const { writer } = claim;
  // A list inside a list is told by the outer one; its schema is not this place's.
  if (hasLastApplied && both.list === undefined) {
    if (sameValue(applied, declared, schema, rules)) return { cause: 'out-of-band', writer };
    return { cause: sameValue(applied, live, schema, rules) ? 'pending' : 'both', writer };
  }
  if (claim.onlyPerson) return { cause: 'out-of-band', writer };
  if (hasLastApplied && applied !== undefined) {
    if (sameJson(applied, declared)) return { cause: 'out-of-band', writer };
    return { cause: 'unclear', writer };
  }
  if (live !== undefined && claim.wroteByApplier) return { cause: 'pending', writer };
  if (live !== undefined && claim.owned && owners.hasApplier) return { cause: 'out-of-band', writer };
  return { cause: 'unclear', writer };
}

const sameJson = (a: Json | undefined, b: Json | undefined): boolean =>
  JSON.stringify(a, plain) === JSON.stringify(b, plain);
const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
