import { z } from 'zod';
import { runSchema } from '#drift/run.ts';
import { SEVERITIES } from '#drift/target.ts';
import type { TerraformTicket } from '#drift/ticket.ts';

const secretReference = z.union([
  z.object({ secret: z.string() }).readonly(),
  z.object({ parameter: z.string() }).readonly(),
]);
const texts = z.record(z.string(), z.string()).readonly();

const source = z
  .object({
    name: z.string(),
    url: z.string(),
    ref: z.string(),
    token: secretReference.exactOptional(),
    webhook: secretReference.exactOptional(),
  })
  .readonly();

const environment = z
  .object({
    name: z.string(),
    account: z.string().exactOptional(),
    region: z.string().exactOptional(),
    role: z.string().exactOptional(),
    severity: z.enum(SEVERITIES),
    state: z.array(z.string()).readonly(),
    locks: z.array(z.string()).readonly().default([]),
  })
  .readonly();

const terraform = z
  .object({
    tool: z.enum(['terraform', 'tofu']),
    version: z.string().exactOptional(),
    path: z.string(),
    varFiles: z.array(z.string()).readonly(),
    vars: z.record(z.string(), z.unknown()),
    backendConfig: texts,
    workspace: z.string().exactOptional(),
    env: z.record(z.string(), secretReference).readonly(),
  })
  .readonly();

const window = z
  .object({ start: z.string(), durationSeconds: z.number(), timezone: z.string(), reason: z.string() })
  .readonly();

const target = z
  .object({
    name: z.string(),
    environment,
    layer: z.literal('terraform'),
    source: source.exactOptional(),
    schedule: z.string().exactOptional(),
    severity: z.enum(SEVERITIES),
    timeoutSeconds: z.number().int().positive().max(3600),
    minCoverage: z.number().min(0).max(1),
    enabled: z.boolean(),
    // What pages is not a build's business; tickets of a version that did not know these are read too.
    observe: z.boolean().default(false),
    retired: z.boolean().default(false),
    windows: z.array(window).readonly().default([]),
    pendingGraceSeconds: z.number().nonnegative(),
    confirmSeconds: z.number().nonnegative().default(0),
    terraform,
  })
  .readonly();

/** What `dispatch` wrote for this build. */
export const ticketSchema: z.ZodType<TerraformTicket> = z
  .object({
    schema: z.literal('plumbline.ticket/1'),
    run: z.intersection(runSchema, z.object({ commit: z.string() }).readonly()),
    target,
    fingerprintKey: z.string().min(32),
  })
  .readonly();
