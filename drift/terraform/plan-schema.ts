import * as z from 'zod';

/** The parts of a plan's JSON that are looked at, each read by itself. */
export const changeSchema = z.object({
  actions: z.array(z.string()),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  after_unknown: z.unknown().optional(),
  before_sensitive: z.unknown().optional(),
  after_sensitive: z.unknown().optional(),
  replace_paths: z.array(z.array(z.unknown())).nullish(),
  importing: z.unknown().optional(),
});
export type PlannedChange = z.infer<typeof changeSchema>;

export const resourceChangeSchema = z.object({
  address: z.string().nullish(),
  module_address: z.string().nullish(),
  mode: z.string().nullish(),
  type: z.string().nullish(),
  name: z.string().nullish(),
  index: z.unknown().optional(),
  deposed: z.string().nullish(),
  previous_address: z.string().nullish(),
  action_reason: z.string().nullish(),
  change: changeSchema,
});

export const deferredSchema = z.object({
  reason: z.string().optional(),
  resource_change: resourceChangeSchema.optional(),
});

export const checksSchema = z
  .array(
    z.object({
      address: z.object({ to_display: z.string().optional() }).optional(),
      status: z.string().optional(),
      instances: z
        .array(z.object({ problems: z.array(z.object({ message: z.string().optional() })).nullish() }))
        .nullish(),
    }),
  )
  .nullable();

export const invocationSchema = z.object({
  address: z.string().default('(an action)'),
  config_values: z.unknown().optional(),
  config_sensitive: z.unknown().optional(),
});

export const resourceSchema = z.object({
  address: z.string(),
  mode: z.string().nullish(),
  values: z.unknown().optional(),
  sensitive_values: z.unknown().optional(),
});

export const outputsSchema = z
  .record(z.string(), z.object({ sensitive: z.boolean().optional(), value: z.unknown().optional() }))
  .nullable();
export const variablesSchema = z.record(z.string(), z.object({ value: z.unknown().optional() })).nullable();
export const declaredVariablesSchema = z.record(
  z.string(),
  z.object({ sensitive: z.boolean().optional(), ephemeral: z.boolean().optional(), default: z.unknown().optional() }),
);
