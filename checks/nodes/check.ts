import { rmdir, stat } from 'node:fs/promises';
import { constants, homedir } from 'node:os';
import { join } from 'node:path';
import { hintOf } from '#drift/nodes/hints.ts';
import { judgeNodes } from '#drift/nodes/judge.ts';
import type { NodeStream } from '#drift/nodes/node.ts';
import type { Note } from '#drift/note.ts';
import { outputReferences } from '#drift/outputs.ts';
import type { Report } from '#drift/report.ts';
import type { Run } from '#drift/run.ts';
import type { NodesTarget } from '#drift/target.ts';
import { type ProcessEnd, runProcess } from '#services/process.ts';
import { checkAnsible, findAnsible, versionOfAnsible } from '#services/tools/ansible.ts';
import { ToolError } from '#services/tools/tool.ts';
import { stopped, timedOut } from '../ended.ts';
import { NotReady } from '../not-ready.ts';
import { reportOf } from '../report.ts';
import { makeScratch, type Scratch } from '../scratch.ts';
import { repositorySettings } from './ansible-cfg.ts';
import { EventFile } from './event-file.ts';
import { hiddenIn } from './hidden.ts';
import { inventoryHosts } from './inventory-hosts.ts';
import { layoutOf } from './layout.ts';
import { passwordsOf } from './password-files.ts';
import { installedFor, personEnvironment } from './person.ts';
import { filled, type PlaybookRun, playbookRun } from './playbook.ts';
import { PLUGIN_NAME, pluginText } from './plugin-file.ts';
import { encryptVariables, oneTimeKey } from './vault.ts';

/** A stopped check has some seconds for its report. */
const GRACE_MS = 5_000;
/** A play that matched no host: then it is of interest who is there. */
const UNMATCHED = '"event": "no-hosts"';

export interface NodesCheckRequest {
  readonly target: NodesTarget;
  readonly run: Pick<Run, 'runId' | 'trigger' | 'commit' | 'config'>;
  /** The root of the repository, as it lies on this machine. Nothing is written to it. */
  readonly source: { readonly folder: string };
  /** The person's environment: with PATH, without what would change how Ansible works. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values of `nodes.extraVars` that lie in a secret store. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The password of the repository's vaults, or a file with it. */
  readonly vaultPassword: { readonly value: string } | { readonly file: string } | null;
  /** Further values that no report may hold. */
  readonly hidden: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: (step: string) => void;
  readonly now: () => Date;
  readonly notes: readonly Note[];
}

/** What a run left behind. */
interface Ran {
  readonly stream: NodeStream;
  readonly version: string | null;
  /** Why the run is no whole one, beyond what its stream says. */
  readonly failure: string | null;
  /** That were in files. */
  readonly passwords: readonly string[];
}

/**
 * Compares hosts of an inventory with a playbook, over Ansible's own connections. Leaves nothing behind; whatever
 * Ansible does ends in a report, and only what we cannot explain throws.
 */
export async function checkNodes(request: NodesCheckRequest): Promise<Report> {
  const startedAt = request.now();
  const { target, run } = request;
  let ran: Ran | null = null;
  let failure: string | null = null;
  try {
    ran = await look(request);
    failure = ran.failure;
  } catch (error) {
    if (!(error instanceof NotReady || error instanceof ToolError)) throw error;
    failure = error.message;
  }
  const judge = (reason: string | null) =>
    judgeNodes(
      { streams: ran === null ? [] : [ran.stream], ...(reason === null ? {} : { failure: reason }) },
      { target: target.name, severity: target.severity, minCoverage: target.minCoverage, fingerprintKey: null },
    );
  const first = judge(failure);
  const few = failure === null ? tooFew(first.nodes.length, target.nodes.minNodes) : null;
  const { nodes: _, toolVersion, ...judgement } = few === null ? first : judge(few);
  const hide = hiddenIn([...request.hidden, ...Object.values(request.secrets), ...(ran?.passwords ?? [])]);
  return reportOf({
    ...{ target, run, startedAt, endedAt: request.now() },
    tool: {
      name: 'ansible-core',
      version: toolVersion ?? ran?.version ?? null,
      exitCode: ran?.stream.exitCode ?? null,
    },
    judgement: hide(judgement),
    notes: request.notes,
    // Nobody pushes to a working copy.
    paths: null,
  });
}

const tooFew = (count: number, least: number): string | null =>
  count === 0 || count >= least
    ? null
    : `${count} of at least ${least} nodes were looked at: see minNodes in the config`;

async function look(request: NodesCheckRequest): Promise<Ran> {
  const { target, source, environment, signal, progress } = request;
  const end = performance.now() + target.timeoutSeconds * 1000;
  const left = (): number => Math.floor(end - performance.now());
  await requireFiles(request);
  const file = await findAnsible(environment['PATH'] ?? '');
  const scratch = await makeScratch();
  const traces = await tracesOf(environment['HOME']);
  try {
    const call = await prepare(request, scratch);
    const env = { ...personEnvironment(environment), ...call.environment };
    const events = new EventFile(join(scratch.folder, 'events'));
    progress('ansible-playbook');
    const stop = events.follow((tasks) => progress(`ansible-playbook: ${tasks} task results`));
    const command = { file, args: call.arguments, cwd: call.cwd, env, graceMs: GRACE_MS, signal };
    const result = await runProcess({ ...command, timeoutMs: left() }).finally(stop);
    const text = await events.read();
    const exitCode = exitCodeOf(result.end);
    const begun = /^\{"seq": 0, "event": "begin".*?"ansible": "([^"]*)"/.exec(text)?.[1] ?? null;
    const cut = cutOf(result.end, target.timeoutSeconds);
    // Only a core that says nothing is asked: it may be too old, or not run at all.
    const version = begun ?? (cut === null ? await versionOfAnsible(file, env, signal) : null);
    if (begun !== null) checkAnsible(begun);
    const hint = hintOf(result.stderr.replaceAll(join(source.folder, '/'), '/'));
    const inventory =
      cut === null && text.includes(UNMATCHED)
        ? await inventoryHosts({ ...command, timeoutMs: left() }, scratch)
        : null;
    const stream = { name: 'ansible-playbook', node: null, text, exitCode, hint, inventory };
    return { stream, version, failure: cut, passwords: await passwordsOf(call, env['HOME']) };
  } finally {
    await scratch.remove();
    await traces.remove();
  }
}

/** What Ansible would not be able to read, it would not always say so. @throws NotReady */
async function requireFiles({ target, source, vaultPassword }: NodesCheckRequest): Promise<void> {
  const { playbook, inventory, extraVarsFiles, extraVars } = target.nodes;
  for (const path of [playbook, ...(inventory === undefined ? [] : [inventory]), ...extraVarsFiles]) {
    if (!(await isThere(join(source.folder, path)))) {
      throw new NotReady(`${path} is not there: write a path from the root of the repository into the config`);
    }
  }
  if (vaultPassword !== null && 'file' in vaultPassword && !(await isThere(vaultPassword.file))) {
    throw new NotReady(
      `${vaultPassword.file} is not there: put the password of the vaults into it, or mend vaultPassword`,
    );
  }
  const [reference] = outputReferences(JSON.stringify(extraVars));
  if (reference === undefined) return;
  throw new NotReady(
    `nodes.extraVars uses ${reference.text}, which only the deployed service knows: there it is checked`,
  );
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Writes what the run needs into its private folder. @throws NotReady */
async function prepare(
  { target, source, environment, secrets, vaultPassword }: NodesCheckRequest,
  scratch: Scratch,
): Promise<PlaybookRun> {
  const check = target.nodes;
  const layout = await layoutOf(source.folder, check.playbook);
  const settings = await repositorySettings(source.folder, layout, 'here');
  if (check.inventory === undefined && settings['ANSIBLE_INVENTORY'] === undefined) {
    throw new NotReady('a check by hand looks at the hosts of an inventory: write nodes.inventory into the config');
  }
  const hasSecrets = Object.keys(secrets).length > 0;
  const key = oneTimeKey();
  const plugin = await scratch.makeFolder('plugin');
  await scratch.makeFolder('tmp');
  await scratch.write('ansible.cfg', '');
  await scratch.write(join('plugin', PLUGIN_NAME), await pluginText());
  return filled(
    playbookRun({
      ...{ check, settings, folder: layout.folder, place: 'here', installed: installedFor(environment) },
      has: { secrets: hasSecrets, vaultPassword: vaultPassword !== null, collections: false },
    }),
    {
      source: source.folder,
      plugin,
      private: scratch.folder,
      events: join(scratch.folder, 'events'),
      secrets: hasSecrets ? await scratch.write('secrets.yml', encryptVariables(secrets, key)) : '',
      key: hasSecrets ? await scratch.write('key', key) : '',
      vaultPassword:
        vaultPassword === null
          ? ''
          : 'file' in vaultPassword
            ? vaultPassword.file
            : await scratch.write('vault-password', vaultPassword.value),
      // Of a node that looks at itself.
      ...{ collections: '', inventory: '', own: '', node: '' },
    },
  );
}

/** Ansible before 2.14 makes an empty folder in its user's home, wherever it is told to work. */
async function tracesOf(home: string | undefined): Promise<{ remove(): Promise<void> }> {
  const folder = join(home ?? homedir(), '.ansible');
  const wasThere = await isThere(folder);
  return {
    remove: async () => {
      if (!wasThere) await rmdir(folder).catch(() => undefined);
    },
  };
}

/** As a shell has it. */
function exitCodeOf(end: ProcessEnd): number | null {
  if (end.kind === 'exited') return end.exitCode;
  if (end.kind !== 'killed') return null;
  return 128 + (constants.signals[end.signal as NodeJS.Signals] ?? 0);
}

/** @throws ToolError when it did not even start */
function cutOf(end: ProcessEnd, timeoutSeconds: number): string | null {
  if (end.kind === 'timed out') return timedOut(timeoutSeconds, 'ansible-playbook');
  if (end.kind === 'aborted') return stopped('ansible-playbook');
  if (end.kind === 'not started') throw new ToolError(`ansible-playbook could not be started: ${end.reason}`);
  return null;
}
