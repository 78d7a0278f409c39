import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Delivery, Host } from './delivery.ts';

/** A secret as it lies in Secrets Manager; while it is rotated there are two of one name. */
export interface HookSecret {
  readonly name: string;
  readonly value: string;
}

/** How old a signed delivery may be, in seconds (https://www.standardwebhooks.com: five minutes). */
const TOLERANCE_SECONDS = 300;
const HEX_SIGNATURE = /^sha256=([0-9a-f]{64})$/;
const STANDARD_SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;
const STANDARD_PREFIX = 'whsec_';

/**
 * The names of the secrets that prove a delivery; none: nobody who knows one has sent it. All secrets are tried, so that
 * the time it takes tells nothing.
 * - GitHub, Bitbucket: HMAC-SHA256 of the body as `sha256=<hex>`, each in its own header. (GitHub's other one is SHA-1.)
 * - GitLab: a signing token, HMAC-SHA256 of `<id>.<timestamp>.<body>` as `v1,<base64>`; else the classic token itself.
 * @param now seconds since 1970
 */
export function provenBy(
  delivery: Delivery,
  host: Host,
  secrets: readonly HookSecret[],
  now: number,
): readonly string[] {
  const isProof = proofOf(delivery, host, now);
  const proving = secrets.filter(({ value }) => isProof(value) && value !== '');
  return [...new Set(proving.map(({ name }) => name))];
}

function proofOf({ headers, body }: Delivery, host: Host, now: number): (secret: string) => boolean {
  if (host !== 'gitlab') {
    const header = headers[host === 'github' ? 'x-hub-signature-256' : 'x-hub-signature'] ?? '';
    const given = Buffer.from(HEX_SIGNATURE.exec(header)?.[1] ?? '', 'hex');
    return (secret) => isSame(given, createHmac('sha256', secret).update(body).digest());
  }
  const signatures = headers['webhook-signature'];
  if (signatures === undefined) {
    const given = Buffer.from(headers['x-gitlab-token'] ?? '', 'utf8');
    return (secret) => isSame(digest(given), digest(Buffer.from(secret, 'utf8')));
  }
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  const isFresh = /^\d{1,12}$/.test(timestamp) && Math.abs(now - Number(timestamp)) <= TOLERANCE_SECONDS;
  // Several, with a space between, while the host changes its key.
  const given = signatures
    .split(' ')
    .slice(0, 5)
    .map((signature) => Buffer.from(STANDARD_SIGNATURE.exec(signature)?.[1] ?? '', 'base64'));
  return (secret) => {
    const key = secret.startsWith(STANDARD_PREFIX)
      ? Buffer.from(secret.slice(STANDARD_PREFIX.length), 'base64')
      : Buffer.from(secret, 'utf8');
    const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    return given.map((one) => isSame(one, wanted)).includes(true) && isFresh && id !== '';
  };
}

/** Two tokens of any lengths, as two values of one length. */
const digest = (token: Buffer): Buffer => createHmac('sha256', 'compared, not kept').update(token).digest();

function isSame(given: Buffer, wanted: Buffer): boolean {
  const padded = given.length === wanted.length ? given : Buffer.alloc(wanted.length);
  return timingSafeEqual(padded, wanted) && given.length === wanted.length;
}
