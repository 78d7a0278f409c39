import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { deployedDocument } from '#test/node-document.ts';
import { KEY, NODE, type Packed } from './bundle.ts';
import type { Store } from './store.ts';

/** What the last line says (seam 4). */
const answerSchema = z.strictObject({
  sha256: z.string().nullable(),
  size: z.number().nullable(),
  exit: z.number().nullable(),
  hint: z.string().nullable(),
  problem: z.string().nullable(),
  ansible: z.string().nullable(),
  python: z.string().nullable(),
  left: z.string().nullable(),
});
type Answer = z.infer<typeof answerSchema>;

const contentSchema = z.object({
  parameters: z.record(z.string(), z.object({ allowedPattern: z.string() })),
  mainSteps: z.tuple([z.object({ inputs: z.object({ runCommand: z.array(z.string()) }) })]),
});

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of the last line; null: there is none. */
  readonly answer: Answer | null;
}

export interface RunOptions {
  readonly seconds?: number;
  readonly sha256?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What `sh` is. @default this machine's */
  readonly shell?: readonly string[];
  /** A shell script around it, in a mount namespace of its own; it runs `"$@"`. */
  readonly before?: string;
  /** Called with the process once it runs. */
  readonly started?: (child: ChildProcess) => void;
}

/** A machine as the SSM agent sees it: a folder with a home and a place for temporary files, and its environment. */
export class Node {
  readonly home: string;
  readonly temporary: string;
  readonly root: string;
  /** Where its agent looks for programs. */
  readonly path: string;
  readonly #folder: string;
  readonly #store: Store;
  readonly #env: Readonly<Record<string, string>>;

  constructor(folder: string, store: Store, bin: string | null) {
    this.#folder = folder;
    this.#store = store;
    this.home = path.join(folder, 'home');
    this.temporary = path.join(folder, 'tmp');
    this.root = path.join(folder, 'root');
    for (const name of [this.home, this.temporary, this.root]) mkdirSync(name, { recursive: true });
    this.path = [...(bin === null ? [] : [bin]), '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'].join(':');
    this.#env = {
      PATH: this.path,
      HOME: this.home,
      TMPDIR: this.temporary,
      SSL_CERT_FILE: store.certificates.ca,
      AWS_SSM_INSTANCE_ID: NODE,
    };
  }

  /** The document's script with its parameters in it, as the agent runs it: by `sh`, in a process group of its own. */
  async run(packed: Packed, options: RunOptions = {}): Promise<Ended> {
    const script = path.join(this.#folder, `script-${scripts++}.sh`);
    const parameters = {
      BundleUrl: this.#store.link('bundle.tar.gz'),
      BundleSha256: options.sha256 ?? packed.sha256,
      Key: KEY,
      RunId: '20261127T080000000Z-0123456789abcdef',
      ExecutionSeconds: String(options.seconds ?? 120),
    };
    writeFileSync(script, scriptOf(parameters), { mode: 0o700 });
    const given = { ...this.#env, ...options.env };
    const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const command = options.before === undefined ? [] : ['unshare', '-r', '-m', 'sh', '-ec', options.before, 'sh'];
    const [program = 'sh', ...args] = [...command, ...(options.shell ?? ['sh']), script];
    const child = spawn(program, args, { cwd: this.#folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    options.started?.(child);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr, answer: answerOf(stdout) };
  }

  /** What a run left in its home and among its temporary files. */
  left(): readonly string[] {
    return [this.home, this.temporary].flatMap((below) => readdirSync(below).map((name) => path.join(below, name)));
  }
}

let scripts = 0;

/** Replaced as SSM does it, after its own check of the values. */
export function scriptOf(values: Readonly<Record<string, string>>): string {
  const { parameters, mainSteps } = contentSchema.parse(deployedDocument());
  for (const [name, { allowedPattern }] of Object.entries(parameters)) {
    if (!new RegExp(allowedPattern).test(values[name] ?? '')) throw new Error(`${name} is not allowed`);
  }
  const script = mainSteps[0].inputs.runCommand.join('\n');
  return script.replaceAll(/\{\{ ?(\w+) ?\}\}/g, (_, name: string) => values[name] ?? '');
}

/** Of the last line, which must be the only one. */
function answerOf(stdout: string): Answer | null {
  const [, json] = /^plumbline-node\/1 (\{.{1,1980}\})\n$/.exec(stdout) ?? [];
  return json === undefined ? null : answerSchema.parse(JSON.parse(json));
}

/** Processes whose arguments hold a text. */
export function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => read(`/proc/${id}/cmdline`).includes(text));
}

/** Its parent, as `/proc` tells it. */
export const parentOf = (id: number): number => Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${id}/status`))?.[1]);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // It has ended.
  }
}
