import * as z from 'zod';
import { MAX_PATHS } from '../paths.ts';
import { touching } from './decide.ts';

/** Of more files than that, it is enough to know that they are many. */
export const MAX_CHANGED_FILES = 10_000;

const commit = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'is no commit');

/** Where a ref was, and where it is. */
const rangeSchema = z.object({ before: commit, after: commit });
export type PushRange = Readonly<z.infer<typeof rangeSchema>>;

/** A push that nobody told the files of: git is asked for them, and the target looked at if one is of these paths. */
export const unsurePushSchema = rangeSchema
  .extend({ paths: z.array(z.string().max(4096)).max(MAX_PATHS).readonly() })
  .readonly();
export type UnsurePush = z.infer<typeof unsurePushSchema>;

/** Of paths: Lambda takes 256 KB of an event that nobody waits for. */
const MAX_SENT_BYTES = 128 * 1024;

/** Whether `dispatch` can be sent so many paths. */
export function canBeSent(paths: readonly string[]): boolean {
  return Buffer.byteLength(JSON.stringify(paths)) <= MAX_SENT_BYTES;
}

/** Whatever was pushed since a commit, if it touched one of these paths. */
export const sinceSchema = z
  .object({ commit, paths: z.array(z.string().max(4096)).max(MAX_PATHS).readonly() })
  .readonly();
export type Since = z.infer<typeof sinceSchema>;

/** The most that is remembered of an answer. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

/** What git answered, kept so that it is asked once a push. `asking`: whoever asks has no answer yet. */
export const changesSchema = z.discriminatedUnion('is', [
  z.object({ is: z.literal('asking') }),
  z.object({ is: z.literal('unknown') }),
  z.object({ is: z.literal('known'), files: z.array(z.string()).readonly() }),
]);
export type Changes = Readonly<z.infer<typeof changesSchema>>;

/** An answer as it is kept; one that is too long is none. */
export function changesText(files: readonly string[] | null): string {
  const known: Changes = files === null ? { is: 'unknown' } : { is: 'known', files };
  const text = `${JSON.stringify(known)}\n`;
  return Buffer.byteLength(text) <= MAX_ANSWER_BYTES ? text : changesText(null);
}

/** Whether it is certain that a push changed nothing of a target. */
export function isUntouched(changes: Changes | null, { paths }: UnsurePush): boolean {
  return changes?.is === 'known' && !touching(changes.files)(paths);
}
