import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import * as z from 'zod';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/ansible');
const PLUGIN = path.resolve(import.meta.dirname, '../../../checks/nodes/plugin');

const endedSchema = z.object({ name: z.string(), code: z.number(), stderr: z.string() }).readonly();

/** How one run ended, and the file its events are in. */
export interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly events: string;
}

/** A case, laid out in a folder of its own: the playbook, the node's state, a home. */
export interface Laid {
  readonly name: string;
  readonly folder: string;
  readonly root: string;
}

/** Copies a case and makes the state of its nodes. */
export async function lay(kind: string, name: string, below: string): Promise<Laid> {
  const folder = path.join(below, name);
  const root = path.join(folder, 'root');
  await mkdir(root, { recursive: true });
  await mkdir(path.join(folder, 'home'));
  await cp(path.join(FIXTURES, kind, name), path.join(folder, 'case'), { recursive: true });
  await execa('bash', [path.join(folder, 'case/setup.sh')], { cwd: folder, env: { ROOT: root } });
  return { name, folder, root };
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

function argumentsOf({ folder, root }: Laid): readonly string[] {
  const own = path.join(folder, 'case/args');
  const given = existsSync(own)
    ? readFileSync(own, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
  const variables = existsSync(path.join(folder, 'case/vars.json')) ? ['-e', '@vars.json'] : [];
  const always = ['-i', 'hosts.ini', 'site.yml', '--check', '--diff', '-e', `root=${root}`];
  return [...always, '-e', 'ansible_python_interpreter=/usr/bin/python3', ...variables, ...given];
}

const environmentOf = ({ folder, root }: Laid, events: string): Readonly<Record<string, string>> => ({
  ROOT: root,
  HOME: path.join(folder, 'home'),
  PLUMBLINE_EVENTS: events,
  PLUMBLINE_SECRET_VARIABLES: 'named',
});

/** Isolated and deterministic (facts/ansible.md §7). */
async function isolated(bin: string, home: string, collections: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(home, { recursive: true });
  await writeFile(path.join(home, 'empty.cfg'), '');
  return {
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    ANSIBLE_ASYNC_DIR: path.join(home, 'async'),
    ANSIBLE_CACHE_PLUGIN: 'memory',
    ANSIBLE_CALLBACK_PLUGINS: PLUGIN,
    ANSIBLE_COLLECTIONS_PATH: collections,
    ANSIBLE_CONFIG: path.join(home, 'empty.cfg'),
    ANSIBLE_DEPRECATION_WARNINGS: 'False',
    ANSIBLE_HOME: path.join(home, 'ansible'),
    ANSIBLE_INJECT_INVOCATION: 'True',
    ANSIBLE_LOCAL_TEMP: path.join(home, 'local'),
    ANSIBLE_MODULE_STRICT_UTF8_RESPONSE: 'False',
    ANSIBLE_NOCOLOR: '1',
    ANSIBLE_PIPELINING: 'True',
    ANSIBLE_REMOTE_TEMP: path.join(home, 'remote'),
    ANSIBLE_RETRY_FILES_ENABLED: '0',
    ANSIBLE_STDOUT_CALLBACK: 'plumbline_events',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
  };
}

/** One run of the real command. */
export async function runPlaybook(bin: string, laid: Laid, events: string, collections: string): Promise<Ended> {
  const env = await isolated(bin, path.join(laid.folder, 'home'), collections);
  const ended = await execa(path.join(bin, 'ansible-playbook'), argumentsOf(laid), {
    cwd: path.join(laid.folder, 'case'),
    env: { ...env, ...environmentOf(laid, events) },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 60_000,
  });
  return { code: ended.exitCode ?? 137, stderr: ended.stderr, events };
}

/** Many runs by one process that has imported Ansible already: half the time of the command, and the same `main`. */
export class WarmAnsible {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (ended: z.infer<typeof endedSchema>) => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('the process has no output');
    createInterface(child.stdout).on('line', (line) => {
      const ended = endedSchema.parse(JSON.parse(line));
      this.#waiting.get(ended.name)?.(ended);
    });
  }

  static async start(bin: string, home: string, collections: string): Promise<WarmAnsible> {
    const env = await isolated(bin, home, collections);
    const script = path.join(import.meta.dirname, 'warm.py');
    return new WarmAnsible(spawn(path.join(bin, 'python'), [script], { env, stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  async run(laid: Laid, events: string): Promise<Ended> {
    const job = {
      name: laid.name,
      cwd: path.join(laid.folder, 'case'),
      env: environmentOf(laid, events),
      arguments: argumentsOf(laid),
    };
    const ended = await new Promise<z.infer<typeof endedSchema>>((resolve) => {
      this.#waiting.set(laid.name, resolve);
      this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    });
    return { ...ended, events };
  }

  stop(): void {
    this.#child.stdin?.end();
  }
}
