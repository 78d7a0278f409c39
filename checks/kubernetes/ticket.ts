import * as z from 'zod';
import type { KubernetesTicket } from '#drift/ticket.ts';
import { anyTarget, anyTicket, environment, list, secretReference, texts } from '../ticket.ts';

const cluster = z.union([
  z.object({ eks: z.string(), accessEntry: z.boolean().exactOptional() }).readonly(),
  z.object({ kubeconfig: z.union([secretReference, z.string()]), context: z.string().exactOptional() }).readonly(),
]);

const kubernetes = z
  .object({
    manifests: list,
    render: z.enum(['plain', 'kustomize', 'helm', 'jsonnet']),
    namespace: z.string(),
    values: list,
    release: z.string(),
    jsonnet: z.object({ ext: texts, tla: texts, importPaths: list }).readonly(),
    hosts: list,
    orphans: z.object({ label: z.string().exactOptional(), namespaces: list }).readonly().exactOptional(),
    appliers: list,
    people: list,
    secretKinds: list,
    vpc: z.object({ subnets: list, securityGroups: list }).readonly().exactOptional(),
  })
  .readonly();

const rule = z
  .object({
    target: z.string(),
    subject: z.string(),
    reason: z.string(),
    path: z.string().exactOptional(),
    pointers: list.exactOptional(),
    jq: list.exactOptional(),
    managers: list.exactOptional(),
  })
  .readonly();

const target = anyTarget
  .extend({
    layer: z.literal('kubernetes'),
    environment: environment.extend({ cluster: cluster.exactOptional() }).readonly(),
    kubernetes,
  })
  .readonly();

/** What `dispatch` wrote for this run of the function. */
export const ticketSchema: z.ZodType<KubernetesTicket> = anyTicket
  .extend({
    target,
    rules: z.array(rule).readonly(),
    lastInSync: z.string().nullable(),
    upload: z.string().startsWith('https://'),
  })
  .readonly();
