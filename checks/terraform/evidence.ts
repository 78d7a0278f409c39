import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Note } from '#drift/note.ts';
import { outputReferences } from '#drift/outputs.ts';
import type { TerraformCheck } from '#drift/target.ts';
import { needsSecondPlan } from '#drift/terraform/judge.ts';
import type { S3StatePlace, StateWatch } from '#services/ports.ts';
import type { Tool } from '#services/tools/tool.ts';
import { CopyTooLarge, copySource, type Scratch } from '../scratch.ts';
import { lookWhileCalm, watchState } from './applying.ts';
import { refuseConfiguredRemote, refuseDeclaredRemote } from './backend.ts';
import { StepFailure } from './failure.ts';
import { modulePaths } from './paths.ts';
import { Runner, type RunnerOptions } from './runner.ts';

/** A plan larger than this is not read into memory. */
const MAX_PLAN_BYTES = 256 * 1024 * 1024;
/** The part of a check's time that may go by waiting for an apply to end. */
const WAITING_PART = 0.5;
const LOCK_FILE = '.terraform.lock.hcl';

/** What one check could get hold of, filled step by step: what was found before a failure stays. */
export interface Gathered {
  exitCode: number | null;
  plan: Buffer | null;
  planWithoutRefresh: Buffer | null;
  events: string;
  readonly notes: Note[];
  /** What the root module is made of; null until init has told. */
  paths: readonly string[] | null;
}

export interface GatherRequest {
  readonly check: TerraformCheck;
  readonly tool: Tool;
  /** The checked-out repository. */
  readonly source: string;
  /** The source may be written in: nobody works in it. */
  readonly disposable: boolean;
  readonly scratch: Scratch;
  readonly runner: Omit<RunnerOptions, 'tool' | 'name' | 'cwd' | 'places'>;
  readonly openS3State: (place: S3StatePlace) => StateWatch;
  /** How often a state that is being written is looked at again. Default: 10 s. */
  readonly pollMs?: number;
}

/**
 * init, plan, show, and a second plan where the cause needs it (DESIGN §3). None of the commands can write: no lock, no
 * refresh, no apply; a workspace is only chosen once it is known to exist, because `init` would create it.
 * @throws StepFailure
 */
export async function gatherEvidence(request: GatherRequest, gathered: Gathered): Promise<void> {
  const { check, tool, scratch } = request;
  const root = await prepareSource(request);
  const cwd = await moduleFolder(root.folder, check);
  const files = await Promise.all(check.varFiles.map((file) => variableFile(root.folder, check.path, file)));
  await refuseDeclaredRemote(cwd, tool.name);
  const data = await scratch.makeFolder('data');
  refuseOutputs(check.vars);
  const vars = await scratch.write('vars.tfvars.json', JSON.stringify(check.vars));
  const backend = await scratch.write('backend.tfbackend.json', JSON.stringify(check.backendConfig));
  const runner = new Runner({
    ...request.runner,
    tool: tool.file,
    name: tool.name,
    cwd,
    env: { ...request.runner.env, TF_DATA_DIR: data },
    places: { hidden: [root.folder, scratch.folder], module: check.path },
  });

  await initialise(runner, tool, root.unpinned, Object.keys(check.backendConfig).length > 0 ? backend : null);
  if (root.unpinned && (await exists(join(cwd, LOCK_FILE)))) {
    gathered.notes.push({
      kind: 'unpinned-providers',
      text: `unpinned providers: ${check.path} has no ${LOCK_FILE}; commit the one that \`${tool.name} init\` writes`,
    });
  }
  await refuseConfiguredRemote(data, tool.name);
  gathered.paths = await modulePaths(root.folder, check, { cwd, data });
  const env = await workspaceEnvironment(runner, check.workspace);

  const arguments_ = [...files, vars].map((file) => `-var-file=${file}`);
  const look = (): Promise<void> => planAndShow({ runner, arguments_, env, data }, gathered);
  const { state, hidden } = await watchState({
    data,
    module: join(await realpath(request.source), check.path),
    workspace: check.workspace ?? 'default',
    environment: request.runner.env,
    openS3: request.openS3State,
  });
  if (hidden !== null) {
    gathered.notes.push({ kind: 'lock-not-read', text: `an apply in progress may not be noticed: ${hidden}` });
  }
  if (state === null) return look();
  const { signal, left, progress } = request.runner;
  // A copy stays as it was taken, however long it waits.
  const patience = root.copied ? 0 : WAITING_PART;
  const pollMs = request.pollMs === undefined ? {} : { pollMs: request.pollMs };
  await lookWhileCalm(state, { signal, left, progress, patience, ...pollMs }, look);
}

/** The service puts outputs of other targets in when it starts a build; nobody else knows them. */
function refuseOutputs(vars: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(vars)) {
    const [reference] = typeof value === 'string' ? outputReferences(value) : [];
    if (reference === undefined) continue;
    throw new StepFailure(
      'prepare',
      `terraform.vars.${name} is ${reference.text}, which only the deployed service knows: there it is checked`,
    );
  }
}

interface PlanRequest {
  readonly runner: Runner;
  readonly arguments_: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly data: string;
}

/** One look from the start: what an earlier one found is forgotten. */
async function planAndShow({ runner, arguments_, env, data }: PlanRequest, gathered: Gathered): Promise<void> {
  Object.assign(gathered, { exitCode: null, plan: null, planWithoutRefresh: null, events: '' });
  const planFile = join(data, 'first.tfplan');
  await rm(planFile, { force: true });
  const plan = await runner.run('plan', [...PLAN, '-detailed-exitcode', `-out=${planFile}`, ...arguments_], { env });
  gathered.exitCode = plan.exitCode;
  gathered.events = plan.events;
  const ended = plan.exitCode === 0 || plan.exitCode === 2;
  // A plan that failed may still have left what it had found until then.
  if (ended || (await exists(planFile))) gathered.plan = await show(runner, 'show', planFile, env, ended);
  if (!ended) throw new StepFailure('plan', runner.sentence('plan', plan));
  if (gathered.plan === null || !needsSecondPlan(gathered.plan)) return;

  const secondFile = join(data, 'second.tfplan');
  const second = await runner.run(SECOND, [...PLAN, '-refresh=false', `-out=${secondFile}`, ...arguments_], { env });
  if (second.exitCode === 0) gathered.planWithoutRefresh = await show(runner, SECOND, secondFile, env, false);
  if (gathered.planWithoutRefresh === null) {
    const text = 'the second plan failed, so that causes are told apart by address only';
    gathered.notes.push({ kind: 'cause', text });
  }
}

const PLAN = ['plan', '-json', '-input=false', '-lock=false', '-no-color'] as const;
/** The step that only settles the cause. */
export const SECOND = 'plan without refresh';

/** Without a lock file init writes one: then in a copy, unless the source is ours to write in. */
async function prepareSource(request: GatherRequest): Promise<{ folder: string; unpinned: boolean; copied: boolean }> {
  const { check, disposable, scratch } = request;
  const source = await realpath(request.source);
  const unpinned = !(await exists(join(await moduleFolder(source, check), LOCK_FILE)));
  if (!unpinned || disposable) return { folder: source, unpinned, copied: false };
  const copy = join(scratch.folder, 'source');
  try {
    await copySource(source, copy);
  } catch (cause) {
    if (!(cause instanceof CopyTooLarge)) throw cause;
    throw new StepFailure('prepare', `${cause.message}: commit ${join(check.path, LOCK_FILE)}, then no copy is needed`);
  }
  return { folder: copy, unpinned, copied: true };
}

async function moduleFolder(root: string, { path, tool }: TerraformCheck): Promise<string> {
  const folder = await inside(root, path, 'path');
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new StepFailure('prepare', `${path} is no folder: mend the target's terraform.path`, { cause });
  });
  if (names.some((name) => /\.(tf|tofu)(\.json)?$/.test(name))) return folder;
  throw new StepFailure(
    'prepare',
    `${path} holds no ${tool} files: nothing to compare; mend the target's terraform.path`,
  );
}

/** Variable files lie beside the root module or, shared by several, below the root of the repository. */
async function variableFile(root: string, module: string, file: string): Promise<string> {
  const beside = join(module, file);
  return inside(root, (await exists(join(root, beside))) ? beside : file, 'varFiles');
}

/** A path of the config in the repository; a link may not lead out of it. */
async function inside(root: string, path: string, key: string): Promise<string> {
  const real = await realpath(join(root, path)).catch((cause: unknown) => {
    throw new StepFailure('prepare', `${path} is not in the repository: mend the target's terraform.${key}`, { cause });
  });
  const way = relative(root, real);
  if (way === '..' || way.startsWith(`..${sep}`)) {
    throw new StepFailure('prepare', `${path} leads out of the repository: mend the target's terraform.${key}`);
  }
  return real;
}

async function initialise(runner: Runner, tool: Tool, unpinned: boolean, backend: string | null): Promise<void> {
  const args = [
    'init',
    '-input=false',
    '-lock=false',
    '-no-color',
    ...(speaksJson(tool) ? ['-json'] : []),
    ...(unpinned ? [] : ['-lockfile=readonly']),
    ...(backend === null ? [] : [`-backend-config=${backend}`]),
  ];
  const result = await runner.run('init', args);
  if (result.exitCode !== 0) throw new StepFailure('init', runner.sentence('init', result));
}

/** `init -json` came with Terraform 1.9. */
function speaksJson({ name, version }: Tool): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return name === 'terraform' && (major > 1 || minor >= 9);
}

async function workspaceEnvironment(runner: Runner, workspace: string | undefined): Promise<Record<string, string>> {
  if (workspace === undefined || workspace === 'default') return {};
  const list = await runner.run('workspace list', ['workspace', 'list'], { maxStdout: 1024 * 1024 });
  if (list.exitCode !== 0) throw new StepFailure('workspace list', runner.sentence('workspace list', list));
  const names = list.stdout
    .toString('utf8')
    .split('\n')
    .map((line) => line.replace(/^[* ]+/, '').trim())
    .filter((name) => name !== '');
  if (names.includes(workspace)) return { TF_WORKSPACE: workspace };
  const known = names.slice(0, 20).join(', ');
  throw new StepFailure(
    'workspace list',
    `there is no workspace ${workspace}: mend the target's terraform.workspace; there are ${known}`,
  );
}

async function show(
  runner: Runner,
  step: string,
  file: string,
  env: Readonly<Record<string, string>>,
  mustWork: boolean,
): Promise<Buffer | null> {
  const shown = await runner.run(step, ['show', '-json', '-no-color', file], { env, maxStdout: MAX_PLAN_BYTES });
  if (shown.exitCode === 0) return shown.stdout;
  if (mustWork) throw new StepFailure(step, runner.sentence(step, { ...shown, stdout: Buffer.alloc(0) }));
  return null;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
