import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import type { AccessEntry } from './kubernetes/authenticate.ts';
import { SandboxError } from './run.ts';
import type { Certificates } from './tls.ts';

const READY_SECONDS = 60;
const LAUNCHER = path.join(import.meta.dirname, 'emulator/launch.py');

export interface EmulatorOptions {
  readonly python: string;
  readonly dir: string;
  readonly image: string;
  readonly account: string;
  readonly region: string;
  readonly certificates: Certificates;
}

/** The emulated account's process. It ends when we do: its standard input is a pipe of ours. */
export class Emulator {
  readonly endpoint: string;
  readonly #process: ChildProcess;
  readonly #control: string;

  private constructor(process: ChildProcess, endpoint: string, control: string) {
    this.#process = process;
    this.endpoint = endpoint;
    this.#control = control;
  }

  /** Starts it; once more on other ports, because a free port may be taken before it is used. */
  static async start(options: EmulatorOptions): Promise<Emulator> {
    return Emulator.#attempt(options).catch(() => Emulator.#attempt(options));
  }

  static async #attempt(options: EmulatorOptions): Promise<Emulator> {
    const [port, controlPort] = [await freePort(), await freePort()];
    const endpoint = `https://127.0.0.1:${port}`;
    const log = path.join(options.dir, 'emulator.log');
    const { ca, cert, key } = options.certificates;
    const child = spawn(options.python, [LAUNCHER], {
      cwd: options.dir,
      env: {
        PATH: `${options.image}/bin:${process.env['PATH'] ?? ''}`,
        HOME: options.dir,
        TMPDIR: path.join(options.dir, 'tmp'),
        LANG: 'C.UTF-8',
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        GATEWAY_PORT: String(port),
        BIND_HOST: '127.0.0.1',
        MINISTACK_HOST: '127.0.0.1',
        MINISTACK_ACCOUNT_ID: options.account,
        MINISTACK_REGION: options.region,
        AWS_DEFAULT_REGION: options.region,
        MINISTACK_SSL_CERT: cert,
        MINISTACK_SSL_KEY: key,
        AUTH: 'true',
        USE_SSL: '1',
        S3_PERSIST: '0',
        IOT_MTLS_ENABLED: '0',
        CLOUDTRAIL_RECORDING: '1',
        // Nearer to AWS's minutes than the emulator's second, and still bearable.
        LAMBDA_ASYNC_RETRY_BASE_SECONDS: '4',
        AWS_ENDPOINT_URL: endpoint,
        AWS_CA_BUNDLE: ca,
        NODE_EXTRA_CA_CERTS: ca,
        GIT_SSL_CAINFO: ca,
        SSL_CERT_FILE: ca,
        SANDBOX_IMAGE: options.image,
        SANDBOX_DIR: options.dir,
        SANDBOX_CONTROL_PORT: String(controlPort),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const sink = createWriteStream(log);
    child.stdout.pipe(sink);
    child.stderr.pipe(sink);
    const emulator = new Emulator(child, endpoint, `http://127.0.0.1:${controlPort}`);
    await emulator.#ready(ca, log);
    return emulator;
  }

  /** Lets the clock of the alarms run ahead. */
  async advanceAlarmClock(seconds: number): Promise<void> {
    const answer = await fetch(`${this.#control}/alarm-clock`, { method: 'POST', body: JSON.stringify({ seconds }) });
    if (!answer.ok) throw new SandboxError(`the emulator did not take the time: ${answer.status}`);
  }

  /** Makes a cluster of this machine one of the account's. */
  async registerCluster(cluster: {
    readonly name: string;
    readonly endpoint: string;
    readonly certificateAuthority: string;
    readonly version: string;
  }): Promise<void> {
    const answer = await fetch(`${this.#control}/clusters`, { method: 'POST', body: JSON.stringify(cluster) });
    if (!answer.ok) throw new SandboxError(`the emulator did not take the cluster ${cluster.name}: ${answer.status}`);
  }

  /** Who a role is in a cluster, by its access entry; null where it has none. */
  async accessEntry(cluster: string, principal: string): Promise<AccessEntry | null> {
    const answer = await fetch(`${this.#control}/access-entry?${new URLSearchParams({ cluster, principal })}`);
    return answer.ok ? ((await answer.json()) as AccessEntry) : null;
  }

  /** Asks for something to be done to a node. @throws SandboxError that says why it was not */
  async node<T = unknown>(action: string, body: Readonly<Record<string, unknown>>): Promise<T> {
    const answer = await fetch(`${this.#control}/nodes/${action}`, { method: 'POST', body: JSON.stringify(body) });
    const said = (await answer.json()) as T & { readonly problem?: string };
    if (!answer.ok) throw new SandboxError(said.problem ?? `the emulator did not ${action} the node: ${answer.status}`);
    return said;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.stdin?.end();
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(killer);
  }

  async #ready(ca: string, log: string): Promise<void> {
    const end = Date.now() + READY_SECONDS * 1000;
    while (Date.now() < end && this.#process.exitCode === null && this.#process.signalCode === null) {
      if (await healthy(`${this.endpoint}/_ministack/health`, ca)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const said = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n') : '';
    await this.stop();
    throw new SandboxError(`the emulator did not start within ${READY_SECONDS} s\n${said}`);
  }
}

function healthy(url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { ca: readFileSync(ca), timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new SandboxError('no free port');
  return address.port;
}
