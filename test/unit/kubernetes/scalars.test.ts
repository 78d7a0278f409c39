import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseJson } from '#drift/kubernetes/json.ts';
import { decodeBase64, sameBytes } from '#drift/kubernetes/scalars/base64.ts';
import { sameDuration } from '#drift/kubernetes/scalars/duration.ts';
import { sameNumber } from '#drift/kubernetes/scalars/number.ts';
import { isQuantity, sameQuantity } from '#drift/kubernetes/scalars/quantity.ts';

const table = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/kubernetes/tables/${name}.json`, import.meta.url), 'utf8'));
const { equal, notEqual, invalid } = table('quantity');
const { canonical } = table('quantity-canonical');

describe('quantities', () => {
  it.each(equal as [string, string][])('%s is %s', (a, b) => expect(sameQuantity(a, b, 'nano')).toBe(true));
  it.each(notEqual as [string, string][])('%s is not %s', (a, b) => expect(sameQuantity(a, b, 'nano')).toBe(false));
  it.each(invalid as string[])('%j is none', (text) => expect(isQuantity(text)).toBe(false));
  it.each(Object.entries(canonical as Record<string, string>))('%s comes back as %s', (sent, returned) =>
    expect(sameQuantity(sent, returned, 'milli')).toBe(true),
  );
  it('is not slow on hostile exponents', () => {
    expect(isQuantity('1e9999')).toBe(false);
    expect(isQuantity('9'.repeat(100_000))).toBe(false);
  });
});

it.each([
  ['1h', '60m', true],
  ['1h0m0s', '3600s', true],
  ['1.5h', '90m', true],
  ['0.1s', '100ms', true],
  ['5m', '5m0s', true],
  ['1d', '24h', false],
  ['60', '1m', false],
  ['1m', '1m1s', false],
  ['', '0s', false],
])('durations %s and %s: %s', (a, b, same) => expect(sameDuration(a, b)).toBe(same));

it('tells bytes by what they decode to', () => {
  expect(sameBytes('aGVs\nbG8=', 'aGVsbG8=')).toBe(true);
  expect(sameBytes('aGVsbG8=', 'aGVsbG8h')).toBe(false);
  expect(decodeBase64('not base64!')).toBeNull();
});

it('keeps every digit of a number', () => {
  expect(sameNumber(1, 1.0)).toBe(true);
  expect(sameNumber(parseJson('9007199254740993'), parseJson('9007199254740992'))).toBe(false);
  expect(sameNumber(parseJson('9007199254740993'), parseJson('9007199254740993'))).toBe(true);
  expect(sameNumber('1', 1)).toBe(false);
  expect(parseJson('{"a":{"b":1234567890123456789}}')).toEqual({ a: { b: 1234567890123456789n } });
});

it.each([...Array(40).keys()])('keeps every digit of a number that stands after %i characters', (before) => {
  for (const text of ['9007199254740993', '-9007199254740993', '1234567890123456789']) {
    expect(parseJson(`${' '.repeat(before)}[1,${text}]`)).toEqual([1, BigInt(text)]);
  }
});
