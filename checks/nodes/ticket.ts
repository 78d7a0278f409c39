import * as z from 'zod';
import type { NodesTicket } from '#drift/ticket.ts';
import { anyTarget, anyTicket, list, secretReference } from '../ticket.ts';

const select = z.union([
  z.strictObject({ tags: z.record(z.string(), list).readonly() }).readonly(),
  z.strictObject({ ids: list }).readonly(),
  z.strictObject({ resourceGroup: z.string() }).readonly(),
]);

const nodes = z
  .strictObject({
    playbook: z.string(),
    select: select.exactOptional(),
    inventory: z.string().exactOptional(),
    extraVars: z.record(z.string(), z.unknown()).readonly(),
    secretVars: z.record(z.string(), secretReference).readonly(),
    extraVarsFiles: list,
    tags: list,
    skipTags: list,
    limit: z.string().exactOptional(),
    vaultPassword: z.union([secretReference, z.strictObject({ file: z.string() }).readonly()]).exactOptional(),
    secretVariables: list,
    minNodes: z.number().int().positive(),
    settleSeconds: z.number().nonnegative(),
    concurrency: z.string(),
  })
  .readonly();

/** What `dispatch` wrote for this build. */
export const ticketSchema: z.ZodType<NodesTicket> = anyTicket
  .extend({
    target: anyTarget.extend({ layer: z.literal('nodes'), nodes }).readonly(),
    lastInSync: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .nullable(),
  })
  .readonly();
