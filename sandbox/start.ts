import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Clusters, startClusters } from './clusters.ts';
import { Emulator } from './emulator.ts';
import { GitHost, type Repository } from './git-host.ts';
import { makeImage } from './image.ts';
import { Nodes } from './nodes.ts';
import { ownerOf } from './outside.ts';
import { type Incident, Pager, type PagerMessage } from './pager.ts';
import { run } from './run.ts';
import { type Certificates, makeCertificates } from './tls.ts';
import { pythonTools } from './venv.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const PREFIX = 'plumbline-sandbox-';
const ACCOUNT = '000000000000';
const REGION = 'eu-west-1';
/** Where the pager's addresses lie, as a user would have put them. */
const PAGER_PARAMETERS = ['/plumbline/pagerduty-critical', '/plumbline/pagerduty-warning'];

export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Parts {
  readonly dir: string;
  readonly image: string;
  readonly certificates: Certificates;
  readonly emulator: Emulator;
  readonly git: GitHost;
  readonly pager: Pager;
  readonly clusters: Clusters;
}

/** An AWS account on this machine, with a git host and a pager. Stops what it started, however it ends. */
export class Sandbox {
  readonly account = ACCOUNT;
  readonly region = REGION;
  readonly dir: string;
  readonly image: string;
  readonly endpoint: string;
  readonly caBundle: string;
  readonly git: GitHost;
  readonly pager: Pager;
  /** The account's EKS clusters, by their names. */
  readonly clusters: Clusters;
  /** The account's machines; none but those that are made. */
  readonly nodes: Nodes;
  /** For tools that act as the account's owner. An IP address makes SDKs use path-style S3 addresses. */
  readonly env: Readonly<Record<string, string>>;
  readonly #emulator: Emulator;
  readonly #onSignal: (signal: NodeJS.Signals) => void;
  #bootstrapped: Promise<unknown> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(parts: Parts) {
    this.dir = parts.dir;
    this.image = parts.image;
    this.endpoint = parts.emulator.endpoint;
    this.caBundle = parts.certificates.ca;
    this.git = parts.git;
    this.pager = parts.pager;
    this.clusters = parts.clusters;
    this.#emulator = parts.emulator;
    this.nodes = new Nodes(this, parts.emulator);
    this.env = {
      PATH: `${path.join(ROOT, 'node_modules/.bin')}:${parts.image}/bin:${process.env['PATH'] ?? ''}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_CA_BUNDLE: this.caBundle,
      NODE_EXTRA_CA_CERTS: this.caBundle,
      GIT_SSL_CAINFO: this.caBundle,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    this.#onSignal = (signal) => {
      this.stop().finally(() => process.exit(128 + constants.signals[signal]));
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, this.#onSignal);
  }

  /** Prepares the account for CDK; safe to call early, done once. */
  bootstrap(): Promise<unknown> {
    this.#bootstrapped ??= this.#cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`], this.dir);
    return this.#bootstrapped;
  }

  /** Deploys what `cdk synth` makes of a config, by the project's own `cdk.json`. */
  async deploy(options: { readonly config: string }): Promise<StackOutputs> {
    await this.bootstrap();
    const outputs = path.join(this.dir, 'outputs.json');
    const config = ['--context', `config=${options.config}`, '--output', path.join(this.dir, 'cdk.out')];
    await this.#cdk([
      'deploy',
      '--all',
      '--require-approval',
      'never',
      '--concurrency',
      '4',
      '--outputs-file',
      outputs,
      ...config,
    ]);
    return JSON.parse(readFileSync(outputs, 'utf8')) as StackOutputs;
  }

  /** Names of the account's roles that hold a word. */
  async rolesOf(word: string): Promise<readonly string[]> {
    const found = await new IAMClient(ownerOf(this)).send(new ListRolesCommand({ MaxItems: 1000 }));
    return (found.Roles ?? []).flatMap((role) => (role.RoleName?.includes(word) ? [role.RoleName] : []));
  }

  createRepo(name: string, options: { readonly from: string; readonly token?: string }): Promise<Repository> {
    return this.git.create(name, options.from, options.token ?? null);
  }

  incidents(): readonly Incident[] {
    return this.pager.incidents();
  }

  inbox(): readonly PagerMessage[] {
    return this.pager.inbox();
  }

  /** Where the emulator takes what is sent to a function's own address. */
  functionAddress(functionUrl: string): string {
    return `${this.endpoint}/_aws/lambda-url/${new URL(functionUrl).hostname.split('.')[0]}/`;
  }

  /** Lets the clock of the alarms run ahead, so that silence need not be waited for. */
  advanceAlarmClock(seconds: number): Promise<void> {
    return this.#emulator.advanceAlarmClock(seconds);
  }

  /** Stops all that was started and removes the folder; calling it twice is safe. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, this.#onSignal);
    await this.#emulator.stop();
    const clusters = Object.values(this.clusters).map((cluster) => cluster.stop());
    await Promise.all([this.git.stop(), this.pager.stop(), ...clusters]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #cdk(args: readonly string[], cwd = ROOT): Promise<string> {
    // CDK's own validation takes seconds of each account; the templates are validated in test/template.
    const env = { ...this.env, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true', CDK_VALIDATION: 'false' };
    return run('cdk', [...args, '--no-notices'], { cwd, env, seconds: 300 });
  }
}

/** Starts an account. @throws SandboxError that says which part of the machine is missing and how to get it */
export async function startSandbox(options: { readonly progress?: (line: string) => void } = {}): Promise<Sandbox> {
  const say = options.progress ?? (() => undefined);
  removeLeftovers();
  const bin = await pythonTools(say);
  const dir = mkdtempSync(path.join(tmpdir(), PREFIX));
  chmodSync(dir, 0o755);
  try {
    return await assemble(dir, bin, say);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

async function assemble(dir: string, bin: string, say: (line: string) => void): Promise<Sandbox> {
  writeFileSync(path.join(dir, 'pid'), String(process.pid));
  // Function workers are unpacked below; a "type": "module" somewhere above would kill them without a word.
  writeFileSync(path.join(dir, 'package.json'), '{}');
  mkdirSync(path.join(dir, 'tmp'));
  chmodSync(path.join(dir, 'tmp'), 0o1777);
  const certificates = await makeCertificates(dir);
  const image = await makeImage(path.join(dir, 'image'));
  say('starting the emulated account');
  const python = path.join(bin, 'python');
  const emulator = await Emulator.start({ python, dir, image, account: ACCOUNT, region: REGION, certificates });
  const git = await GitHost.start(path.join(dir, 'git'), certificates);
  const pager = await Pager.start(certificates);
  const clusters = await startClusters({ dir, certificates, emulator, region: REGION });
  const sandbox = new Sandbox({ dir, image, certificates, emulator, git, pager, clusters });
  const ssm = new SSMClient(ownerOf(sandbox));
  for (const name of PAGER_PARAMETERS) {
    const value = pager.integration(emulator.endpoint);
    await ssm.send(new PutParameterCommand({ Name: name, Type: 'String', Value: value }));
  }
  say(`account ${ACCOUNT} in ${REGION} at ${sandbox.endpoint}`);
  return sandbox;
}

/** Folders of sandboxes whose process is gone without having been able to clean up. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = path.join(tmpdir(), name);
    const file = path.join(folder, 'pid');
    if (existsSync(file) && !alive(Number(readFileSync(file, 'utf8'))))
      rmSync(folder, { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
