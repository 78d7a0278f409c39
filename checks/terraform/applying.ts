import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type S3StatePlace, StateHidden, type StateView, type StateWatch } from '#services/ports.ts';
import { LocalState } from '#services/state/local.ts';
import { stopped } from '../ended.ts';
import { StepFailure } from './failure.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const POLL_MS = 10_000;

const backendSchema = z.object({
  backend: z.object({ type: z.string(), config: z.record(z.string(), z.unknown()) }).nullish(),
});

export interface StateRequest {
  /** `TF_DATA_DIR`: what init wrote there names the backend. */
  readonly data: string;
  /** The root module as the person or the clone has it, where a local state lies. */
  readonly module: string;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly openS3: (place: S3StatePlace) => StateWatch;
}

/** A state that is watched, and what of it cannot be seen. */
export interface Watched {
  readonly state: StateWatch | null;
  readonly hidden: string | null;
}

/** The state that a plan will read, as far as it can be watched from outside. */
export async function watchState(request: StateRequest): Promise<Watched> {
  const found = await findState(request);
  if (typeof found === 'string') return { state: null, hidden: found };
  const hidden = await hiddenBecause(found);
  if (hidden === null) return { state: found, hidden: null };
  // Whoever may not see its lock may still see when it is written.
  const without = await findState({
    ...request,
    openS3: (place) => request.openS3({ ...place, lockTable: undefined }),
  });
  const blind = typeof without === 'string' || (await hiddenBecause(without)) !== null;
  return { state: blind ? null : without, hidden };
}

async function hiddenBecause(state: StateWatch): Promise<string | null> {
  try {
    await state.look();
    return null;
  } catch (error) {
    if (error instanceof StateHidden) return error.message;
    throw error;
  }
}

async function findState(request: StateRequest): Promise<StateWatch | string> {
  const { data, module, workspace } = request;
  const backend = await readBackend(path.join(data, 'terraform.tfstate'));
  if (backend === null || backend.type === 'local') {
    const named = workspace === 'default' ? textOf(backend?.config['path']) : undefined;
    const folder = textOf(backend?.config['workspace_dir']) ?? 'terraform.tfstate.d';
    const usual = workspace === 'default' ? 'terraform.tfstate' : path.join(folder, workspace, 'terraform.tfstate');
    return new LocalState(path.resolve(module, named ?? usual));
  }
  if (backend.type !== 's3') return `locks of the backend "${backend.type}" are not looked at`;
  const own = ['assume_role', 'assume_role_with_web_identity', 'role_arn', 'access_key', 'profile'].find((key) =>
    isSet(backend.config[key]),
  );
  if (own !== undefined) return `the backend has credentials of its own (${own}), so that its lock is not looked at`;
  const [bucket, key] = [textOf(backend.config['bucket']), textOf(backend.config['key'])];
  if (bucket === undefined || key === undefined) return 'the backend "s3" names no bucket and key';
  const prefix = textOf(backend.config['workspace_key_prefix']) ?? 'env:';
  const endpoints = z.object({ s3: z.string() }).safeParse(backend.config['endpoints']);
  return request.openS3({
    bucket,
    key: workspace === 'default' ? key : `${prefix}/${workspace}/${key}`,
    region: textOf(backend.config['region']),
    endpoint: endpoints.success ? endpoints.data.s3 : textOf(backend.config['endpoint']),
    lockTable: textOf(backend.config['dynamodb_table']),
    environment: request.environment,
  });
}

async function readBackend(file: string) {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size === 0 || size > MAX_FILE_BYTES) return null;
  const parsed = backendSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  return parsed.data?.backend ?? null;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const isSet = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);

export interface Pace {
  readonly signal: AbortSignal;
  /** Milliseconds that are left of the check's time limit. */
  readonly left: () => number;
  readonly progress: (step: string) => void;
  /** The part of the time that is left, 0 to 1, that may go by waiting; the rest is for the plan after it. */
  readonly patience: number;
  /** How often a state that is being written is looked at again. Default: 10 s. */
  readonly pollMs?: number;
}

/**
 * Looks while nobody writes the state. What is read during an apply is no evidence (DESIGN §3): when a lock is there, or
 * the state was written meanwhile, it waits and looks again.
 * @param look is called again from the start when what it found does not count
 * @throws StepFailure when the apply takes too long, and what `look` throws
 */
export async function lookWhileCalm(state: StateWatch, pace: Pace, look: () => Promise<void>): Promise<void> {
  const end = performance.now() + pace.left() * pace.patience;
  while (true) {
    const before = await calm(state, pace, end);
    let failure: unknown = null;
    try {
      await look();
    } catch (error) {
      failure = error ?? new Error('a check failed without a word');
    }
    const after = pace.left() > 0 && !pace.signal.aborted ? await view(state) : before;
    if (after.writer === null && after.version === before.version) {
      if (failure !== null) throw failure;
      return;
    }
    if (performance.now() >= end) throw beingApplied(after);
    pace.progress('somebody applies: what was read meanwhile does not count');
  }
}

/** A state that could be looked at before and cannot any more tells nothing of the plan between. */
async function view(state: StateWatch): Promise<StateView> {
  try {
    return await state.look();
  } catch (cause) {
    if (!(cause instanceof StateHidden)) throw cause;
    throw new StepFailure('plan', `it is not known whether somebody applies: ${cause.message}`, { cause });
  }
}

/** Waits until nobody writes. */
async function calm(state: StateWatch, { signal, progress, pollMs = POLL_MS }: Pace, end: number): Promise<StateView> {
  while (true) {
    const seen = await view(state);
    if (seen.writer === null) return seen;
    if (performance.now() >= end) throw beingApplied(seen);
    progress(`being applied since ${seen.writer.since} by ${seen.writer.who}, waiting`);
    await sleep(pollMs, undefined, { signal }).catch((cause: unknown) => {
      throw new StepFailure('plan', stopped('waiting for an apply'), { cause });
    });
  }
}

function beingApplied({ writer }: StateView): StepFailure {
  const who =
    writer === null ? 'now and again: its state was written during the plan' : `since ${writer.since} by ${writer.who}`;
  const remedy = 'the next check looks again; if nobody applies, remove the lock with "force-unlock"';
  return new StepFailure('plan', `being applied ${who}: ${remedy}`);
}
