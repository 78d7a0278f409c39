import { z } from 'zod';
import { decodeText, parseJson } from './decode.ts';

/** The keys of a plan's JSON that are looked at; all others never leave this parser. */
const changeSchema = z.object({
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

const resourceChangeSchema = z.object({
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

const resourceSchema = z.object({
  address: z.string(),
  mode: z.string().nullish(),
  values: z.unknown().optional(),
  sensitive_values: z.unknown().optional(),
});
export type StateResource = z.infer<typeof resourceSchema>;
interface StateModule {
  resources?: StateResource[] | undefined;
  child_modules?: StateModule[] | undefined;
}
const moduleSchema: z.ZodType<StateModule> = z.lazy(() =>
  z.object({ resources: z.array(resourceSchema).optional(), child_modules: z.array(moduleSchema).optional() }),
);
const valuesSchema = z.object({
  root_module: moduleSchema.optional(),
  outputs: z
    .record(z.string(), z.object({ sensitive: z.boolean().optional(), value: z.unknown().optional() }))
    .optional(),
});

const planSchema = z.object({
  format_version: z.string(),
  terraform_version: z.string().optional(),
  resource_changes: z.array(resourceChangeSchema).nullish(),
  resource_drift: z.array(resourceChangeSchema).nullish(),
  output_changes: z.record(z.string(), changeSchema).nullish(),
  deferred_changes: z
    .array(z.object({ reason: z.string().optional(), resource_change: resourceChangeSchema.optional() }))
    .nullish(),
  checks: z
    .array(
      z.object({
        address: z.object({ to_display: z.string().optional() }).optional(),
        status: z.string().optional(),
        instances: z
          .array(z.object({ problems: z.array(z.object({ message: z.string().optional() })).nullish() }))
          .nullish(),
      }),
    )
    .nullish(),
  variables: z.record(z.string(), z.object({ value: z.unknown().optional() })).nullish(),
  configuration: z
    .object({
      root_module: z
        .object({ variables: z.record(z.string(), z.object({ sensitive: z.boolean().optional() })).optional() })
        .optional(),
    })
    .nullish(),
  prior_state: z.object({ values: valuesSchema.nullish() }).nullish(),
  planned_values: valuesSchema.nullish(),
  applyable: z.boolean().optional(),
  complete: z.boolean().optional(),
  errored: z.boolean().optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** A resource instance with what is planned for it, or with how it drifted. */
export interface ResourceChange {
  /** Address; with the deposed key where it is not the current object. */
  readonly subject: string;
  readonly type: string;
  readonly managed: boolean;
  readonly previousAddress: string | null;
  readonly reason: string | null;
  readonly change: PlannedChange;
}

/** Why a plan cannot be evidence. The message is one sentence. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
}

/** Reads the output of `terraform show -json` for a plan. @throws PlanError */
export function parsePlan(bytes: string | Uint8Array): Plan {
  let json: unknown;
  try {
    json = parseJson(decodeText(bytes));
  } catch (cause) {
    throw new PlanError('the plan is not JSON: it was cut or damaged', { cause });
  }
  const version = versionOf(json);
  if (version === null) throw new PlanError('the plan has no format_version: it is not the output of "show -json"');
  if (!/^(0\.[1-9]\d*|1\.\d+)$/.test(version)) {
    throw new PlanError(`the plan has format ${version.slice(0, 20)}; formats 0.1 up to 2 are understood`);
  }
  const parsed = planSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PlanError(`the plan is not valid at ${issue?.path.join('.')}: ${issue?.message}`);
}

function versionOf(json: unknown): string | null {
  if (typeof json !== 'object' || json === null || !('format_version' in json)) return null;
  return typeof json.format_version === 'string' ? json.format_version : null;
}

/** The entries of `resource_changes` or `resource_drift`; old formats lack the address, it is put together then. */
export function resourceChanges(entries: Plan['resource_changes']): readonly ResourceChange[] {
  return (entries ?? []).map((entry) => {
    const address = entry.address ?? addressOf(entry);
    return {
      subject: entry.deposed == null ? address : `${address} (deposed ${entry.deposed})`,
      type: entry.type ?? '',
      managed: entry.mode == null ? !/(^|\.)data\.[^.]+\.[^.]+$/.test(address) : entry.mode === 'managed',
      previousAddress: entry.previous_address ?? null,
      reason: entry.action_reason ?? null,
      change: entry.change,
    };
  });
}

function addressOf(entry: z.infer<typeof resourceChangeSchema>): string {
  const prefix = entry.module_address == null ? '' : `${entry.module_address}.`;
  const mode = entry.mode === 'data' ? 'data.' : '';
  const index = entry.index == null ? '' : `[${JSON.stringify(entry.index)}]`;
  return `${prefix}${mode}${entry.type ?? '?'}.${entry.name ?? '?'}${index}`;
}

/** Every resource instance of a state or of planned values, in all modules. */
export function stateResources(values: z.infer<typeof valuesSchema> | null | undefined): readonly StateResource[] {
  const found: StateResource[] = [];
  const modules: StateModule[] = values?.root_module === undefined ? [] : [values.root_module];
  for (let module = modules.pop(); module !== undefined; module = modules.pop()) {
    found.push(...(module.resources ?? []));
    modules.push(...(module.child_modules ?? []));
  }
  return found;
}
