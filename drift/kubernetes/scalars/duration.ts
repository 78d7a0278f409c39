import type { Json } from '../json.ts';

/** Nanoseconds (Go's `time.ParseDuration`). */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const DURATION = /^[+-]?(?:(?:\d{1,18}\.?\d{0,18}|\.\d{1,18})(?:ns|us|µs|μs|ms|s|m|h)){1,8}$/;
const PART = /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g;
const MAX_LENGTH = 64;

/** Whether both are durations as Go writes them, with a unit, and equally long. */
export function sameDuration(a: Json, b: Json): boolean {
  const [left, right] = [nanoseconds(a), nanoseconds(b)];
  return left !== null && left === right;
}

function nanoseconds(value: Json): bigint | null {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !DURATION.test(value)) return null;
  let sum = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of value.matchAll(PART)) {
    const size = UNITS[unit] ?? 0n;
    sum += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length);
  }
  return value.startsWith('-') ? -sum : sum;
}
