import * as z from 'zod';
import { CAUSES } from './cause.ts';
import { SEVERITIES } from './target.ts';

/** Seen from the declared side: `removed` = declared, not live; `added` = live, not declared. */
export const CHANGES = ['added', 'removed', 'changed'] as const;
export type Change = (typeof CHANGES)[number];

/** Stands for a declared value that nobody knows before an apply. */
export const UNKNOWN_UNTIL_APPLY = '(known after apply)';

/** One difference. `declared` and `live` are redacted text; absent when that side has no value. */
export const findingSchema = z
  .object({
    /** Resource address, object, or node and task. */
    subject: z.string(),
    /** Attribute path; absent when the whole subject is meant. Holds no position in a set or unkeyed list. */
    path: z.string().optional(),
    change: z.enum(CHANGES),
    /** The layer's own word for what would be done: `update`, `create`, `delete`, `replace`, … */
    action: z.string().optional(),
    /** Why that action, in the layer's words: `replace_because_cannot_update`, … */
    actionReason: z.string().optional(),
    declared: z.string().optional(),
    live: z.string().optional(),
    cause: z.enum(CAUSES),
    /** Who wrote what is live, where the layer knows: a field manager and its last write, ISO. */
    writer: z.object({ manager: z.string(), time: z.string().nullable() }).readonly().optional(),
    /** Identity: a hash of layer, target, subject and path. */
    fingerprint: z.string(),
    /** Keyed hash of the live value; null where no key was at hand (a local check). */
    valueHash: z.string().nullable(),
    /** ISO time; null until `record` has looked at what was known before. */
    firstSeen: z.string().nullable(),
    severity: z.enum(SEVERITIES),
    acknowledged: z.object({ owner: z.string(), reason: z.string(), until: z.string() }).readonly().nullable(),
  })
  .readonly();
export type Finding = z.infer<typeof findingSchema>;
