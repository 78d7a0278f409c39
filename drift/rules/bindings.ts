import * as z from 'zod';
import { acknowledges, type Known } from './acknowledge.ts';
import { type AcknowledgeRule, ruleHash } from './rule.ts';

/** Values that one target remembers at most; what is beyond is not covered. */
const MAX_VALUES = 5000;

/** Which live values each acknowledgement was bound to when it was first met: rule → fingerprint → value hash. */
export const bindingsSchema = z.record(z.string(), z.record(z.string(), z.string().nullable()).readonly()).readonly();
export type Bindings = z.infer<typeof bindingsSchema>;

/**
 * Binds the acknowledgements that were not known yet to the values of the findings that are open, which are those of
 * the last verdict before the rule was deployed. Rules that are gone are forgotten; one that names a value itself has
 * nothing to remember.
 * @param rules those of the target
 */
export function bindRules(known: Bindings, open: readonly Known[], rules: readonly AcknowledgeRule[]): Bindings {
  const bound: Record<string, Readonly<Record<string, string | null>>> = {};
  let room = MAX_VALUES;
  for (const rule of rules.filter(({ value }) => value === undefined)) {
    const hash = ruleHash(rule);
    const fresh = open.filter((finding) => acknowledges(rule, finding));
    const values =
      known[hash] ??
      Object.fromEntries(fresh.slice(0, room).map((finding) => [finding.fingerprint, finding.valueHash]));
    bound[hash] = values;
    room = Math.max(0, room - Object.keys(values).length);
  }
  return bound;
}
