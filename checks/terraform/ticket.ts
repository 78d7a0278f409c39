import * as z from 'zod';
import type { TerraformTicket } from '#drift/ticket.ts';
import { anyTarget, anyTicket, list, secretReference, texts } from '../ticket.ts';

const terraform = z
  .object({
    tool: z.enum(['terraform', 'tofu']),
    version: z.string().exactOptional(),
    path: z.string(),
    varFiles: list,
    vars: z.record(z.string(), z.unknown()),
    backendConfig: texts,
    workspace: z.string().exactOptional(),
    env: z.record(z.string(), secretReference).readonly(),
  })
  .readonly();

/** What `dispatch` wrote for this build. */
export const ticketSchema: z.ZodType<TerraformTicket> = anyTicket
  .extend({ target: anyTarget.extend({ layer: z.literal('terraform'), terraform }).readonly() })
  .readonly();
