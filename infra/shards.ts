import { createHash } from 'node:crypto';

/**
 * How many parts the targets are dealt to. Changing it moves targets between stacks, and a schedule or alarm cannot be
 * in two at once: never change it in a running deployment.
 */
export const SHARDS = 20;

/** The part that a target belongs to, whatever other targets there are: `00` to `19`. */
export function shardOf(target: string): string {
  const number = createHash('sha256').update(target).digest().readUInt32BE(0) % SHARDS;
  return String(number).padStart(2, '0');
}
