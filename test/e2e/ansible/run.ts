import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import picocolors from 'picocolors';
import { filled, playbookRun } from '#checks/nodes/playbook.ts';
import { check } from '#cli/commands/check.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import type { NodesCheck } from '#drift/target.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/ansible');
const PLUGIN = path.resolve(import.meta.dirname, '../../../checks/nodes/plugin');
const SYSTEM = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** A case, laid out in a folder of its own: the playbook with a config, the node's state, a home. */
export interface Laid {
  readonly name: string;
  readonly folder: string;
  readonly root: string;
}

/** Copies a case, makes the state of its nodes, and writes a config for it. */
export async function lay(kind: string, name: string, below: string): Promise<Laid> {
  const folder = path.join(below, name);
  const root = path.join(folder, 'root');
  await mkdir(root, { recursive: true });
  await mkdir(path.join(folder, 'home'));
  await cp(path.join(FIXTURES, kind, name), path.join(folder, 'case'), { recursive: true });
  await execa('bash', [path.join(folder, 'case/setup.sh')], { cwd: folder, env: { ROOT: root } });
  await writeConfig(folder, nodesOf(path.join(folder, 'case'), root));
  return { name, folder, root };
}

/** Writes a config with one target of nodes beside a playbook. */
export async function writeConfig(folder: string, nodes: object): Promise<void> {
  const config = { version: 1, environments: { here: {} }, targets: { nodes: { in: ['here'], nodes } } };
  await writeFile(path.join(folder, 'case/plumbline.yaml'), JSON.stringify(config, null, 1));
}

/** What the arguments of a case are in a config. */
function nodesOf(folder: string, root: string): Readonly<Record<string, unknown>> {
  const written = path.join(folder, 'args');
  const given = existsSync(written) ? readFileSync(written, 'utf8').trim().split('\n') : [];
  const after = (option: string): readonly string[] =>
    given.flatMap((line, index) => (line === option ? [given[index + 1] ?? ''] : []));
  const known = new Set(['--tags', '--vault-password-file', '-e']);
  const odd = given.filter((line, index) => index % 2 === 0 && !known.has(line));
  if (odd.length > 0) throw new Error(`no key of the config is known for ${odd.join(', ')}`);
  const [file] = after('--vault-password-file');
  const variables = existsSync(path.join(folder, 'vars.json')) ? ['vars.json'] : [];
  return {
    playbook: 'site.yml',
    inventory: 'hosts.ini',
    extraVars: { root, ansible_python_interpreter: '/usr/bin/python3' },
    extraVarsFiles: [...variables, ...after('-e').map((value) => value.slice(1))],
    tags: after('--tags'),
    ...(file === undefined ? {} : { vaultPassword: { file } }),
    secretVariables: ['named'],
  };
}

/** Everything below a folder: kind, mode, times, content. */
export async function listing(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  const lines = names.map(async (name) => {
    const file = path.join(folder, name);
    const found = await lstat(file);
    const content = found.isSymbolicLink() ? await readlink(file) : found.isFile() ? await hashOf(file) : '';
    return `${name} ${found.mode.toString(8)} ${found.uid}:${found.gid} ${found.mtimeMs} ${content}`;
  });
  return (await Promise.all(lines)).sort();
}

const hashOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

/** What the command has of a person's shell. @param bin where ansible-playbook is */
export const shellOf = (
  { folder, root }: Laid,
  bin: string,
  collections: string,
): Readonly<Record<string, string>> => ({
  ANSIBLE_COLLECTIONS_PATH: collections,
  HOME: path.join(folder, 'home'),
  PATH: `${bin}:${SYSTEM}`,
  ROOT: root,
});

/** What the command said. */
export interface Checked {
  readonly report: Report;
  readonly code: number;
  readonly printed: string;
}

/** `plumbline check --json`, in this process. */
export async function checkCase(laid: Laid, env: Readonly<Record<string, string>>): Promise<Checked> {
  let printed = '';
  let code = -1;
  await check(
    [],
    { config: 'plumbline.yaml', json: true },
    {
      env,
      cwd: path.join(laid.folder, 'case'),
      colours: picocolors.createColors(false),
      interactive: false,
      signal: new AbortController().signal,
      out: (text) => {
        printed += text;
      },
      err: (text) => {
        printed += text;
      },
      exit: (given) => {
        code = given;
      },
      fail: (error) => {
        throw error;
      },
    },
  );
  const [report] = reportSchema.array().length(1).parse(JSON.parse(printed));
  if (report === undefined) throw new Error('there is no report');
  return { report, code, printed };
}

const NOTHING: NodesCheck = {
  playbook: 'site.yml',
  inventory: 'hosts.ini',
  ...{ extraVars: {}, secretVars: {}, extraVarsFiles: [], tags: [], skipTags: [], secretVariables: [] },
  ...{ minNodes: 1, settleSeconds: 0, concurrency: '1' },
};

/** The call of a check of this case that does nothing else. */
export async function callOf(folder: string, source: string, extraVars: object): Promise<ReturnType<typeof filled>> {
  await mkdir(path.join(folder, 'tmp'), { recursive: true });
  await writeFile(path.join(folder, 'ansible.cfg'), '');
  const nothing = { collections: '', secrets: '', key: '', vaultPassword: '', inventory: '', own: '', node: '' };
  return filled(
    playbookRun({
      ...{ check: { ...NOTHING, extraVars: { ...extraVars } }, settings: {}, folder: '.', place: 'here' },
      has: { secrets: false, vaultPassword: false, collections: false },
    }),
    { ...nothing, source, plugin: PLUGIN, private: folder, events: path.join(folder, 'events') },
  );
}

/** An ansible-playbook that starts in half the time, and is the same `main`. */
export class WarmAnsible {
  readonly #stop: () => void;
  /** The folder for the PATH. */
  readonly bin: string;

  private constructor(bin: string, stop: () => void) {
    this.bin = bin;
    this.#stop = stop;
  }

  static async start(bin: string, folder: string, collections: string): Promise<WarmAnsible> {
    const own = path.join(folder, 'bin');
    await mkdir(own, { recursive: true });
    const { environment } = await callOf(folder, folder, {});
    const child = spawn(
      path.join(bin, 'python'),
      [path.join(import.meta.dirname, 'warm.py'), path.join(folder, 'socket'), path.join(own, 'ansible-playbook')],
      {
        env: { ...environment, ANSIBLE_COLLECTIONS_PATH: collections, HOME: folder, PATH: `${bin}:${SYSTEM}` },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => {
        throw new Error(`Ansible of ${bin} did not start`);
      }),
    ]);
    return new WarmAnsible(own, () => child.kill());
  }

  stop(): void {
    this.#stop();
  }
}
