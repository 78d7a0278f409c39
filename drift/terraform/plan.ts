import * as z from 'zod';
import { parseJson, toUtf8 } from './decode.ts';
import {
  changeSchema,
  checksSchema,
  declaredVariablesSchema,
  deferredSchema,
  invocationSchema,
  outputsSchema,
  type PlannedChange,
  resourceChangeSchema,
  resourceSchema,
  variablesSchema,
} from './plan-schema.ts';
import { collectTexts } from './secrets.ts';
import { elements, isListSlice, members, type Slice, sliceText, wholeSlice } from './slices.ts';

/** A resource instance with what is planned for it, or with how it drifted. */
export interface ResourceChange {
  /** Address. Where an older object of it is left over (`deposed`), two changes have the same. */
  readonly subject: string;
  readonly deposed: string | null;
  readonly type: string;
  readonly managed: boolean;
  readonly previousAddress: string | null;
  readonly reason: string | null;
  /** Without values where nothing is planned: nobody looks at them, and there are many. */
  readonly change: PlannedChange;
}

/** What is kept of a plan's JSON; everything else never leaves the parser. */
export interface Plan {
  readonly formatVersion: string;
  readonly toolVersion: string | null;
  /** Null: the plan has none, as in refresh-only mode. */
  readonly resourceChanges: readonly ResourceChange[] | null;
  readonly resourceDrift: readonly ResourceChange[];
  readonly outputChanges: Readonly<Record<string, PlannedChange>>;
  readonly deferred: readonly { readonly subject: string | null; readonly reason: string }[];
  /** Addresses of actions that an apply would run. */
  readonly actions: readonly string[];
  readonly checks: NonNullable<z.infer<typeof checksSchema>>;
  /** Addresses of the managed resource instances before and after; in old formats without module and index. */
  readonly prior: readonly string[];
  readonly planned: readonly string[];
  /** What is applied of the root module's outputs that are not sensitive. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly applyable: boolean | null;
  readonly complete: boolean;
  readonly errored: boolean;
  /** Every text that is marked sensitive somewhere in the plan: it must not be seen anywhere. */
  readonly sensitive: ReadonlySet<string>;
}

/** Modes of what terraform only reads or opens. Any other, also one that is not known yet, may change something. */
const UNMANAGED: ReadonlySet<string> = new Set(['data', 'ephemeral']);

/** Why a plan cannot be evidence. The message is one sentence. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
}

/** Reads the output of `terraform show -json` for a plan. @throws PlanError */
export function parsePlan(file: string | Uint8Array): Plan {
  try {
    return readPlan(new Map(members(wholeSlice(toUtf8(file)))));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new PlanError('the plan is not JSON: it was cut or damaged', { cause });
  }
}

/** Whether a plan has any entry in `resource_drift`; a look, without reading the rest. False for what is no plan. */
export function holdsDrift(file: string | Uint8Array): boolean {
  try {
    const drift = memberOf(wholeSlice(toUtf8(file)), 'resource_drift');
    return drift !== undefined && !elements(drift).next().done;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function readPlan(parts: ReadonlyMap<string, Slice>): Plan {
  const read = <T>(key: string, schema: z.ZodType<T>): T | undefined => {
    const slice = parts.get(key);
    return slice === undefined ? undefined : parseSlice(key, slice, schema);
  };
  const formatVersion = versionOf(parts);
  const sensitive = new Set<string>();
  sensitiveVariables(parts, read('variables', variablesSchema) ?? {}, sensitive);
  const changes = (key: string): ResourceChange[] | null => {
    const slice = parts.get(key);
    if (slice === undefined || !isListSlice(slice)) return read(key, z.null()) ?? null;
    return Array.from(elements(slice), (item) =>
      resourceChange(parseSlice(key, item, resourceChangeSchema), sensitive),
    );
  };
  const outputChanges = read('output_changes', z.record(z.string(), changeSchema).nullable()) ?? {};
  for (const change of Object.values(outputChanges)) collectChange(change, sensitive);
  const deferred = (read('deferred_changes', z.array(deferredSchema).nullable()) ?? []).map((item) => ({
    subject: item.resource_change === undefined ? null : resourceChange(item.resource_change, sensitive).subject,
    reason: item.reason ?? 'unknown',
  }));
  const actions = (read('action_invocations', z.array(invocationSchema).nullable()) ?? []).map((action) => {
    collectTexts(action.config_values, action.config_sensitive, sensitive);
    return action.address;
  });
  const prior = memberOf(parts.get('prior_state'), 'values');
  stateOutputs('planned_values', parts.get('planned_values'), sensitive);
  return {
    formatVersion,
    toolVersion: read('terraform_version', z.string()) ?? null,
    resourceChanges: changes('resource_changes'),
    resourceDrift: changes('resource_drift') ?? [],
    outputChanges,
    deferred,
    actions,
    checks: read('checks', checksSchema) ?? [],
    prior: stateAddresses('prior_state', prior, sensitive),
    planned: stateAddresses('planned_values', parts.get('planned_values'), sensitive),
    outputs: stateOutputs('prior_state', prior, sensitive),
    applyable: read('applyable', z.boolean()) ?? null,
    complete: read('complete', z.boolean()) ?? true,
    errored: read('errored', z.boolean()) ?? false,
    sensitive,
  };
}

function versionOf(parts: ReadonlyMap<string, Slice>): string {
  const slice = parts.get('format_version');
  const version: unknown = slice === undefined ? undefined : parseJson(sliceText(slice));
  if (typeof version !== 'string') {
    throw new PlanError('the plan has no format_version: it is not the output of "show -json"');
  }
  if (!/^(0\.[1-9]\d*|1\.\d+)$/.test(version)) {
    throw new PlanError(`the plan has format ${version.slice(0, 20)}; formats 0.1 up to 2 are understood`);
  }
  return version;
}

function parseSlice<T>(key: string, slice: Slice, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(sliceText(slice)));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PlanError(`the plan is not valid at ${[key, ...(issue?.path ?? [])].join('.')}: ${issue?.message}`);
}

function memberOf(slice: Slice | undefined, wanted: string): Slice | undefined {
  if (slice !== undefined) for (const [key, value] of members(slice)) if (key === wanted) return value;
  return undefined;
}

/** The values of variables that are declared sensitive or ephemeral, and their defaults. */
function sensitiveVariables(
  parts: ReadonlyMap<string, Slice>,
  values: NonNullable<z.infer<typeof variablesSchema>>,
  found: Set<string>,
): void {
  const slice = memberOf(memberOf(parts.get('configuration'), 'root_module'), 'variables');
  if (slice === undefined) return;
  const declared = parseSlice('configuration.root_module.variables', slice, declaredVariablesSchema);
  for (const [name, variable] of Object.entries(declared)) {
    if (variable.sensitive !== true && variable.ephemeral !== true) continue;
    collectTexts(values[name]?.value, true, found);
    collectTexts(variable.default, true, found);
  }
}

/** Old formats lack the address, it is put together then. */
function resourceChange(entry: z.infer<typeof resourceChangeSchema>, sensitive: Set<string>): ResourceChange {
  collectChange(entry.change, sensitive);
  const address = entry.address ?? addressOf(entry);
  const idle = entry.change.actions.every((action) => action === 'no-op');
  const { actions, importing } = entry.change;
  return {
    subject: address,
    deposed: entry.deposed ?? null,
    type: entry.type ?? '',
    managed: entry.mode == null ? !/(^|\.)data\.[^.]+\.[^.]+$/.test(address) : !UNMANAGED.has(entry.mode),
    previousAddress: entry.previous_address ?? null,
    reason: entry.action_reason ?? null,
    change: idle ? { actions, importing } : entry.change,
  };
}

function addressOf(entry: z.infer<typeof resourceChangeSchema>): string {
  const prefix = entry.module_address == null ? '' : `${entry.module_address}.`;
  const mode = entry.mode === 'data' ? 'data.' : '';
  const index = entry.index == null ? '' : `[${JSON.stringify(entry.index)}]`;
  return `${prefix}${mode}${entry.type ?? '?'}.${entry.name ?? '?'}${index}`;
}

/** A value that one side marks is as secret on the other. */
function collectChange(change: PlannedChange, found: Set<string>): void {
  for (const value of [change.before, change.after]) {
    collectTexts(value, change.before_sensitive, found);
    collectTexts(value, change.after_sensitive, found);
  }
}

/** The outputs of a state or of planned values that are not sensitive; the secrets of the others are collected. */
function stateOutputs(
  key: string,
  values: Slice | undefined,
  sensitive: Set<string>,
): Readonly<Record<string, unknown>> {
  const slice = memberOf(values, 'outputs');
  const outputs = slice === undefined ? null : parseSlice(key, slice, outputsSchema);
  const open: Record<string, unknown> = {};
  for (const [name, { value, sensitive: hidden }] of Object.entries(outputs ?? {})) {
    collectTexts(value, hidden, sensitive);
    if (hidden !== true && value !== undefined) open[name] = value;
  }
  return open;
}

/** The managed resource instances of a state or of planned values, in all modules; their secrets are collected. */
function stateAddresses(key: string, values: Slice | undefined, sensitive: Set<string>): readonly string[] {
  if (values === undefined) return [];
  const found: string[] = [];
  const root = memberOf(values, 'root_module');
  const modules = root === undefined ? [] : [root];
  for (let module = modules.pop(); module !== undefined; module = modules.pop()) {
    for (const [name, slice] of members(module)) {
      if (name === 'child_modules') modules.push(...elements(slice));
      if (name !== 'resources') continue;
      for (const item of elements(slice)) {
        const resource = parseSlice(key, item, resourceSchema);
        collectTexts(resource.values, resource.sensitive_values, sensitive);
        if (resource.mode !== 'data') found.push(resource.address);
      }
    }
  }
  return found;
}
