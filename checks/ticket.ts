import * as z from 'zod';
import { runSchema } from '#drift/run.ts';
import { SEVERITIES } from '#drift/target.ts';

/** What tickets of all layers have, as `dispatch` writes it. */

export const secretReference = z.union([
  z.object({ secret: z.string() }).readonly(),
  z.object({ parameter: z.string() }).readonly(),
]);
export const texts = z.record(z.string(), z.string()).readonly();
export const list = z.array(z.string()).readonly();

const source = z
  .object({
    name: z.string(),
    url: z.string(),
    ref: z.string(),
    token: secretReference.exactOptional(),
    webhook: secretReference.exactOptional(),
  })
  .readonly();

export const environment = z.object({
  name: z.string(),
  account: z.string().exactOptional(),
  region: z.string().exactOptional(),
  role: z.string().exactOptional(),
  severity: z.enum(SEVERITIES),
  state: list,
  locks: list.default([]),
});

const window = z
  .object({ start: z.string(), durationSeconds: z.number(), timezone: z.string(), reason: z.string() })
  .readonly();

/** A target without its layer. */
export const anyTarget = z.object({
  name: z.string(),
  environment: environment.readonly(),
  source: source.exactOptional(),
  schedule: z.string().exactOptional(),
  severity: z.enum(SEVERITIES),
  timeoutSeconds: z.number().int().positive().max(3600),
  minCoverage: z.number().min(0).max(1),
  enabled: z.boolean(),
  // What pages is not a worker's business; tickets of a version that did not know these are read too.
  observe: z.boolean().default(false),
  retired: z.boolean().default(false),
  windows: z.array(window).readonly().default([]),
  allowOtherCommits: z.literal(true).exactOptional(),
  pendingGraceSeconds: z.number().nonnegative(),
  confirmSeconds: z.number().nonnegative().default(0),
});

export const anyTicket = z.object({
  schema: z.literal('plumbline.ticket/1'),
  run: z.intersection(runSchema, z.object({ commit: z.string() }).readonly()),
  fingerprintKey: z.string().min(32),
});
