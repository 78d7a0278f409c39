/** Amounts as the server writes them: the suffix family is kept, the number is made whole. */

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: readonly (readonly [string, number])[] = [
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
];
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d+))?$/;

/** @returns null when the text is no amount */
export function canonicalQuantity(text: string, smallest = -9): string | null {
  const parts = FORM.exec(text);
  if (parts === null) return null;
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent] = parts;
  if (whole === '' && fraction === '') return null;
  const isNegative = sign === '-';
  let digits = BigInt(`${whole}${fraction}` || '0');
  let power = -fraction.length;
  const binary = BINARY.indexOf(suffix);
  if (suffix !== '' && binary > 0) return binaryForm(digits, fraction.length, binary, isNegative);
  power += exponent === undefined ? (DECIMAL.find(([name]) => name === suffix)?.[1] ?? 0) : Number(exponent);
  const written = power;
  if (power < smallest) {
    const divisor = 10n ** BigInt(smallest - power);
    // Rounded away from zero, so that no little thing is lost.
    digits = (digits + divisor - 1n) / divisor;
    power = smallest;
  }
  if (digits === 0n) return '0';
  // Measured: what is in steps of a thousand already comes back as it was written.
  const isWhole = power >= 0 || fraction === '';
  if (power % 3 === 0 && digits % 1000n !== 0n && isWhole && power === written) return text;
  while (digits % 10n === 0n) {
    digits /= 10n;
    power++;
  }
  const step = Math.floor(power / 3) * 3;
  const most = exponent === undefined ? Math.min(step, 18) : step;
  const number = `${isNegative ? '-' : ''}${digits * 10n ** BigInt(power - most)}`;
  if (exponent !== undefined) return most === 0 ? number : `${number}e${most}`;
  return `${number}${DECIMAL.find(([, size]) => size === most)?.[0] ?? ''}`;
}

function binaryForm(digits: bigint, places: number, binary: number, isNegative: boolean): string {
  const divisor = 10n ** BigInt(places);
  let amount = digits * 1024n ** BigInt(binary);
  if (amount % divisor !== 0n) {
    const thousandth = (amount * 1000n + divisor - 1n) / divisor;
    return canonicalQuantity(`${isNegative ? '-' : ''}${thousandth}m`) ?? '0';
  }
  amount /= divisor;
  if (amount === 0n) return '0';
  let unit = 0;
  while (unit < 6 && amount % 1024n === 0n) {
    amount /= 1024n;
    unit++;
  }
  return `${isNegative ? '-' : ''}${amount}${BINARY[unit]}`;
}
