import type { Json } from '../json.ts';

/** `resource.Quantity`: a sign, digits with at most one point, and a suffix (apimachinery, quantity.go). */
const QUANTITY = /^([+-]?)(\d+\.?\d*|\.\d+)(n|u|m|k|[MGTPE]|[KMGTPE]i|[eE][+-]?\d{1,4})?$/;
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, bigint>> = { Ki: 1n, Mi: 2n, Gi: 3n, Ti: 4n, Pi: 5n, Ei: 6n };
/** Powers of ten beyond which no amount is kept. */
const MAX_EXPONENT = 64;
const MAX_LENGTH = 128;

/** What amounts are rounded up to: lists of resources to thousandths, all others to billionths. */
export type QuantityScale = 'milli' | 'nano';

/** Whether both are amounts, and the same one. Numbers are as good as texts. */
export function sameQuantity(a: Json, b: Json, scale: QuantityScale): boolean {
  const [left, right] = [amount(a, scale), amount(b, scale)];
  return left !== null && left === right;
}

/** An amount that cannot be anything else: digits and a unit. */
const WITH_UNIT = /^[+-]?[\d.]+(?:[numkMGTPE]|[KMGTPE]i)$/;

/** Whether both are texts of the same amount, at least one of them with a unit: "1.10" and "1.1" may be versions. */
export function sameAmount(a: Json, b: Json): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  return (WITH_UNIT.test(a) || WITH_UNIT.test(b)) && sameQuantity(a, b, 'nano');
}

export function isQuantity(value: Json): boolean {
  return amount(value, 'nano') !== null;
}

/** In thousandths or billionths, rounded away from zero; null: no amount. */
function amount(value: Json, scale: QuantityScale): bigint | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return null;
  const text = String(value);
  const matched = text.length > MAX_LENGTH ? null : QUANTITY.exec(text);
  if (matched === null) return null;
  const [, sign, digits = '', suffix = ''] = matched;
  const [whole = '', fraction = ''] = digits.split('.');
  const binary = BINARY[suffix];
  const exponent =
    (binary === undefined ? (DECIMAL[suffix] ?? Number(suffix.slice(1))) : 0) -
    fraction.length +
    (scale === 'milli' ? 3 : 9);
  if (Math.abs(exponent) > MAX_EXPONENT) return null;
  const units = BigInt(whole + fraction) * (binary === undefined ? 1n : 1024n ** binary);
  const scaled = exponent >= 0 ? units * 10n ** BigInt(exponent) : roundUp(units, 10n ** BigInt(-exponent));
  return sign === '-' ? -scaled : scaled;
}

const roundUp = (units: bigint, divisor: bigint): bigint => (units + divisor - 1n) / divisor;
