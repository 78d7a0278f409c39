import type { Note } from '#drift/note.ts';
import { createRedactor } from '#drift/redact.ts';
import type { Report } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { TerraformTarget } from '#drift/target.ts';
import { judgeTerraform } from '#drift/terraform/judge.ts';
import type { S3StatePlace, StateWatch } from '#services/ports.ts';
import type { ProcessUser } from '#services/process.ts';
import type { ReleaseSource } from '#services/tools/release.ts';
import { findTool, type Tool, ToolError } from '#services/tools/tool.ts';
import { stopped, timedOut } from '../ended.ts';
import { reservedNames } from '../environment.ts';
import { reportOf } from '../report.ts';
import { makeScratch, type Scratch } from '../scratch.ts';
import { type Gathered, gatherEvidence, SECOND } from './evidence.ts';
import { StepFailure } from './failure.ts';

export interface TerraformCheckRequest {
  readonly target: TerraformTarget;
  /** What this run is; null config for a check that no config was read for. */
  readonly run: Pick<Run, 'runId' | 'trigger' | 'commit' | 'config'>;
  /** The checked-out repository. `disposable`: nobody works in it; needed when another user is to run the tool. */
  readonly source: { readonly folder: string; readonly disposable: boolean };
  readonly fingerprintKey: string | null;
  /** What the tool sees of our environment (`toolEnvironment`), with the credentials it shall use. */
  readonly environment: Readonly<Record<string, string>>;
  /** Values of `terraform.env`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Further values that no report may hold. */
  readonly hidden: readonly string[];
  readonly user?: ProcessUser;
  readonly toolCache: string;
  readonly releases?: ReleaseSource;
  /** Watches the state of an `s3` backend. */
  readonly openS3State: (place: S3StatePlace) => StateWatch;
  /** How often a state that is being written is looked at again. Default: 10 s. */
  readonly pollMs?: number;
  /** Aborts the check: its report says so. */
  readonly signal: AbortSignal;
  /** What is being done; never holds a value of the plan. */
  readonly progress: (step: string) => void;
  readonly now: () => Date;
  /** What is left of the target's time limit. Default: all of it. */
  readonly timeoutMs?: number;
  /** Notes that the caller has to add. */
  readonly notes?: readonly Note[];
}

/**
 * Compares one terraform target with what runs. Writes nothing but a scratch folder, which is gone afterwards.
 * Whatever the tool does ends in a report; only what we cannot explain throws.
 */
export async function checkTerraform(request: TerraformCheckRequest): Promise<Report> {
  const startedAt = request.now();
  const gathered: Gathered = {
    exitCode: null,
    plan: null,
    planWithoutRefresh: null,
    events: '',
    notes: [],
    paths: null,
  };
  const found: { tool: Tool | null; failure: StepFailure | null } = { tool: null, failure: null };
  try {
    await look(request, gathered, found);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    found.failure = error;
  }
  return assemble(request, gathered, found, startedAt);
}

async function look(request: TerraformCheckRequest, gathered: Gathered, found: { tool: Tool | null }): Promise<void> {
  const { target, user } = request;
  const refused = reservedNames(Object.keys(request.secrets));
  if (refused.length > 0) {
    throw new StepFailure('prepare', `terraform.env may not set ${refused.join(', ')}: take it out of the config`);
  }
  const end = performance.now() + (request.timeoutMs ?? target.timeoutSeconds * 1000);
  const left = (): number => Math.floor(end - performance.now());
  const scratch = await makeScratch(user);
  try {
    request.progress(`looking for ${target.terraform.tool}`);
    const tool = await getTool(request, left());
    found.tool = tool;
    await gatherEvidence(
      {
        check: target.terraform,
        tool,
        source: request.source.folder,
        disposable: request.source.disposable,
        scratch,
        openS3State: request.openS3State,
        ...(request.pollMs === undefined ? {} : { pollMs: request.pollMs }),
        runner: {
          env: await fullEnvironment(request, scratch),
          signal: request.signal,
          left,
          timeoutSeconds: target.timeoutSeconds,
          progress: request.progress,
          ...(user === undefined ? {} : { user }),
        },
      },
      gathered,
    );
  } catch (error) {
    if (!(isOnlyAboutCause(error) && gathered.plan !== null) || request.signal.aborted) throw error;
    gathered.notes.push({
      kind: 'cause',
      text: 'the second plan did not end, so that causes are told by address only',
    });
  } finally {
    await scratch.remove();
  }
}

const isOnlyAboutCause = (error: unknown): boolean => error instanceof StepFailure && error.step === SECOND;

async function fullEnvironment(request: TerraformCheckRequest, scratch: Scratch): Promise<Record<string, string>> {
  return {
    HOME: await scratch.makeFolder('home'),
    LANG: 'C.UTF-8',
    ...request.environment,
    ...request.secrets,
    TMPDIR: await scratch.makeFolder('tmp'),
    TF_IN_AUTOMATION: '1',
    TF_INPUT: '0',
    CHECKPOINT_DISABLE: '1',
  };
}

async function getTool(request: TerraformCheckRequest, leftMs: number): Promise<Tool> {
  const { terraform, timeoutSeconds } = request.target;
  const step = `getting ${terraform.tool}`;
  const limit = AbortSignal.timeout(Math.max(1, leftMs));
  try {
    return await findTool({
      name: terraform.tool,
      path: request.environment['PATH'] ?? '',
      cache: request.toolCache,
      signal: AbortSignal.any([request.signal, limit]),
      ...(terraform.version === undefined ? {} : { version: terraform.version }),
      ...(request.releases === undefined ? {} : { releases: request.releases }),
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (request.signal.aborted) throw new StepFailure(step, stopped(step), { cause: error });
    if (limit.aborted) throw new StepFailure(step, timedOut(timeoutSeconds, step), { cause: error });
    throw new StepFailure(step, error.message, { cause: error });
  }
}

function assemble(
  request: TerraformCheckRequest,
  gathered: Gathered,
  { tool, failure }: { readonly tool: Tool | null; readonly failure: StepFailure | null },
  startedAt: Date,
): Report {
  const { target, run } = request;
  const secrets = [...Object.values(request.secrets), ...request.hidden];
  const redact = createRedactor(secrets);
  const judgement = judgeTerraform(
    {
      plan: gathered.plan,
      exitCode: gathered.exitCode,
      planWithoutRefresh: gathered.planWithoutRefresh,
      events: gathered.events,
      secrets,
      ...(failure === null ? {} : { failure: { step: failure.step, reason: failure.message } }),
    },
    {
      target: target.name,
      severity: target.severity,
      minCoverage: target.minCoverage,
      fingerprintKey: request.fingerprintKey,
    },
  );
  return reportOf({
    ...{ target, run, startedAt, endedAt: request.now(), judgement },
    tool: {
      name: target.terraform.tool,
      version: tool?.version ?? judgement.toolVersion,
      exitCode: gathered.exitCode,
    },
    notes: [...(request.notes ?? []), ...gathered.notes].map((note) => ({ ...note, text: redact(note.text) })),
    paths: gathered.paths,
  });
}
