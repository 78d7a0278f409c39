import type { Json } from '../json.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Whether both are base64 as Go reads it (line ends inside mean nothing), and of the same bytes. */
export function sameBytes(a: Json, b: Json): boolean {
  const [left, right] = [decodeBase64(a), decodeBase64(b)];
  return left !== null && right !== null && left.equals(right);
}

/** Null: not base64. */
export function decodeBase64(value: Json): Buffer | null {
  if (typeof value !== 'string') return null;
  const text = value.replace(/[\r\n]/g, '');
  return BASE64.test(text) ? Buffer.from(text, 'base64') : null;
}
