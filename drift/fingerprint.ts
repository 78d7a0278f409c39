import { createHash, createHmac } from 'node:crypto';
import type { Layer } from './target.ts';

/** Identity of a finding (DESIGN §2.9): 32 hex digits over layer, target, subject and path. */
export function fingerprint(layer: Layer, target: string, subject: string, path: string | undefined): string {
  const identity = JSON.stringify([layer, target, subject, path ?? null]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** A target's own key, derived from the master that only `dispatch` and `record` can read. */
export function targetKey(master: string, target: string): string {
  return createHmac('sha256', master).update(`plumbline target ${target}`).digest('hex');
}

/** Keyed hash of a live value: tells "another value" without telling the value. */
export function valueHash(key: string, canonicalLiveValue: string): string {
  return createHmac('sha256', key).update(canonicalLiveValue).digest('hex').slice(0, 32);
}
