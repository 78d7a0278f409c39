import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run, SandboxError } from '../run.ts';
import type { Certificates } from '../tls.ts';
import type { Account } from './authenticate.ts';
import { type Fault, TOO_MANY } from './faults.ts';
import type { JsonObject } from './json.ts';
import type { User } from './rbac.ts';
import { ApiServer } from './server.ts';
import { findLayerTool } from './tools.ts';

export interface ClusterOptions {
  readonly name: string;
  /** Where its kubeconfig and kubectl's cache are put. */
  readonly dir: string;
  readonly certificates: Certificates;
  /** Null: no EKS tokens are taken. */
  readonly account: Account | null;
}

export interface KubectlOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const ADMIN = 'sandbox-admin-token';

/** A Kubernetes cluster: one of this machine (its API, no nodes), or a real one that somebody named. */
export class Cluster {
  readonly name: string;
  readonly server: string;
  readonly caFile: string;
  /** Not one of this machine. */
  readonly isReal: boolean;
  /** An admin's kubeconfig file. */
  readonly kubeconfig: string;
  readonly #dir: string;
  readonly #own: ApiServer | null;

  private constructor(
    parts: Pick<Cluster, 'name' | 'server' | 'caFile' | 'kubeconfig'>,
    dir: string,
    own: ApiServer | null,
  ) {
    this.name = parts.name;
    this.server = parts.server;
    this.caFile = parts.caFile;
    this.kubeconfig = parts.kubeconfig;
    this.#dir = dir;
    this.#own = own;
    this.isReal = own === null;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const { certificates, name, account, dir } = options;
    const [cert, key] = [readFileSync(certificates.cert, 'utf8'), readFileSync(certificates.key, 'utf8')];
    const own = new ApiServer({ name, cert, key, account });
    own.tokens.add(ADMIN, { name: 'kubernetes-admin', groups: ['system:masters'] });
    await own.start();
    mkdirSync(dir, { recursive: true });
    const place = { name, server: own.url, caFile: certificates.ca };
    return new Cluster({ ...place, kubeconfig: writeKubeconfig(dir, place, 'admin', ADMIN) }, dir, own);
  }

  /** A cluster that runs already: the current context of a kubeconfig. @throws SandboxError */
  static async real(options: {
    readonly name: string;
    readonly dir: string;
    readonly kubeconfig: string;
  }): Promise<Cluster> {
    const { name, dir, kubeconfig } = options;
    mkdirSync(dir, { recursive: true });
    const view = await run(findLayerTool('kubectl'), ['config', 'view', '--minify', '--raw', '-o', 'json'], {
      env: { KUBECONFIG: kubeconfig },
    });
    const [context] = (JSON.parse(view) as KubeconfigView).clusters ?? [];
    const server = context?.cluster?.server;
    const authority = context?.cluster?.['certificate-authority-data'];
    if (server === undefined || authority === undefined) {
      throw new SandboxError(`${kubeconfig} names no server with certificate-authority-data in its current context`);
    }
    const caFile = path.join(dir, 'ca.pem');
    writeFileSync(caFile, Buffer.from(authority, 'base64'));
    return new Cluster({ name, server, caFile, kubeconfig }, dir, null);
  }

  /** Runs kubectl as the admin. @returns what it printed @throws SandboxError with what it said */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.#kubectl(args, {});
  }

  /** The same with a standard input or more environment. */
  kubectlWith(options: KubectlOptions, ...args: readonly string[]): Promise<string> {
    return this.#kubectl(args, options);
  }

  /** `kubectl apply -f`, client-side; once more when a kind was defined that the first run did not know yet. */
  async apply(place: string): Promise<string> {
    const apply = () => this.kubectl('apply', '-R', '-f', place);
    return apply().catch((error: unknown) => {
      if (error instanceof SandboxError && error.message.includes('ensure CRDs are installed first')) return apply();
      throw error;
    });
  }

  /** Puts objects in as they are, with their owners and state: what a cluster held when it was looked at. */
  load(objects: readonly JsonObject[]): void {
    this.#api().api.load(objects);
  }

  /** Lets somebody in who is known by a token; what he may do, RBAC says. */
  addUser(token: string, user: User): void {
    this.#api().tokens.add(token, user);
  }

  /** Writes a kubeconfig for a token. @returns its path */
  kubeconfigOf(user: string, token: string): string {
    return writeKubeconfig(this.#dir, this, user, token);
  }

  /** Lets requests go wrong, from now on. */
  fail(fault: Fault): void {
    this.#api().faults.add(fault);
  }

  /** Answers the next matching requests as a server does that has too much to do. */
  refuseAsBusy(match: RegExp, times = 1): void {
    this.fail({ match, times, answer: TOO_MANY });
  }

  /** From now on there is an API in discovery whose own server does not answer, as `metrics.k8s.io/v1beta1`. */
  loseApi(apiVersion: string): void {
    this.#api().api.resources.unavailable.add(apiVersion);
  }

  /** Ends all faults. */
  heal(): void {
    this.#api().faults.clear();
    this.#api().api.resources.unavailable.clear();
  }

  /** Lists that are under way expire, as after a compaction. */
  forgetContinueTokens(): void {
    this.#api().api.store.forgetSnapshots();
  }

  /** Every request that came, as `METHOD /path?query`. */
  requests(): readonly string[] {
    return this.#api().faults.requests();
  }

  forgetRequests(): void {
    this.#api().faults.forgetRequests();
  }

  /** Back on the net, at the same address and with what it held. */
  start(): Promise<void> {
    return this.#api().start();
  }

  async stop(): Promise<void> {
    await this.#own?.stop();
  }

  #api(): ApiServer {
    if (this.#own !== null) return this.#own;
    throw new SandboxError(`${this.name} is a real cluster: its users and its faults are not made here`);
  }

  #kubectl(args: readonly string[], options: KubectlOptions): Promise<string> {
    const env = { KUBECONFIG: this.kubeconfig, HOME: this.#dir, NO_PROXY: '*', ...options.env };
    return run(findLayerTool('kubectl'), args, {
      env,
      seconds: 60,
      ...(options.stdin === undefined ? {} : { input: options.stdin }),
    });
  }
}

interface KubeconfigView {
  readonly clusters?: readonly {
    readonly cluster?: { readonly server?: string; readonly 'certificate-authority-data'?: string };
  }[];
}

function writeKubeconfig(
  dir: string,
  { name, server, caFile }: Pick<Cluster, 'name' | 'server' | 'caFile'>,
  user: string,
  token: string,
): string {
  const file = path.join(dir, `${name}-${user}.kubeconfig`);
  const authority = readFileSync(caFile).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  };
  // JSON is YAML.
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return file;
}
