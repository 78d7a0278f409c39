import { asGoReads, type Json } from '../json.ts';

/** Whether both are numbers, and the same one: 1 and 1.0 are, 9007199254740993 and 9007199254740992 are not. */
export function sameNumber(a: Json, b: Json): boolean {
  const isNumber = (value: Json): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';
  if (typeof a === 'bigint' && asGoReads(a) !== a) return sameNumber(asGoReads(a), b);
  if (typeof b === 'bigint' && asGoReads(b) !== b) return sameNumber(a, asGoReads(b));
  // JavaScript compares a bigint with a number by its exact amount.
  // biome-ignore lint/suspicious/noDoubleEquals: === is false for a bigint and a number
  return isNumber(a) && isNumber(b) && a == b;
}
