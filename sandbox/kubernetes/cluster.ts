import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run.ts';
import type { Certificates } from '../tls.ts';
import type { Account } from './authenticate.ts';
import { type Fault, TOO_MANY } from './faults.ts';
import { findKubectl } from './kubectl.ts';
import type { User } from './rbac.ts';
import { ApiServer } from './server.ts';

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

/** A Kubernetes cluster on this machine: its API, no nodes. */
export class Cluster {
  readonly name: string;
  readonly server: string;
  readonly caFile: string;
  /** An admin's kubeconfig file. */
  readonly kubeconfig: string;
  readonly #dir: string;
  readonly #api: ApiServer;

  private constructor(options: ClusterOptions, api: ApiServer) {
    this.name = options.name;
    this.server = api.url;
    this.caFile = options.certificates.ca;
    this.#dir = options.dir;
    this.#api = api;
    this.kubeconfig = this.kubeconfigOf('admin', ADMIN);
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const { certificates, name, account } = options;
    const [cert, key] = [readFileSync(certificates.cert, 'utf8'), readFileSync(certificates.key, 'utf8')];
    const api = new ApiServer({ name, cert, key, account });
    api.tokens.add(ADMIN, { name: 'kubernetes-admin', groups: ['system:masters'] });
    await api.start();
    mkdirSync(options.dir, { recursive: true });
    return new Cluster(options, api);
  }

  /** Runs kubectl as the admin. @returns what it printed @throws SandboxError with what it said */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.#kubectl(args, {});
  }

  /** The same with a standard input or more environment. */
  kubectlWith(options: KubectlOptions, ...args: readonly string[]): Promise<string> {
    return this.#kubectl(args, options);
  }

  /** `kubectl apply -f`, client-side. */
  apply(place: string): Promise<string> {
    return this.kubectl('apply', '-R', '-f', place);
  }

  /** Lets somebody in who is known by a token; what he may do, RBAC says. */
  addUser(token: string, user: User): void {
    this.#api.tokens.add(token, user);
  }

  /** Writes a kubeconfig for a token. @returns its path */
  kubeconfigOf(user: string, token: string): string {
    const file = path.join(this.#dir, `${this.name}-${user}.kubeconfig`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: this.name,
          cluster: { server: this.server, 'certificate-authority-data': readFileSync(this.caFile).toString('base64') },
        },
      ],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: this.name, context: { cluster: this.name, user } }],
      'current-context': this.name,
    };
    // JSON is YAML.
    writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    return file;
  }

  /** Lets requests go wrong, from now on. */
  fail(fault: Fault): void {
    this.#api.faults.add(fault);
  }

  /** Answers the next matching requests as a server does that has too much to do. */
  refuseAsBusy(match: RegExp, times = 1): void {
    this.fail({ match, times, answer: TOO_MANY });
  }

  heal(): void {
    this.#api.faults.clear();
  }

  /** Lists that are under way expire, as after a compaction. */
  forgetContinueTokens(): void {
    this.#api.api.store.forgetSnapshots();
  }

  /** Every request that came, as `METHOD /path?query`. */
  requests(): readonly string[] {
    return this.#api.faults.requests();
  }

  forgetRequests(): void {
    this.#api.faults.forgetRequests();
  }

  /** Back on the net, at the same address and with what it held. */
  start(): Promise<void> {
    return this.#api.start();
  }

  stop(): Promise<void> {
    return this.#api.stop();
  }

  #kubectl(args: readonly string[], options: KubectlOptions): Promise<string> {
    const env = { KUBECONFIG: this.kubeconfig, HOME: this.#dir, NO_PROXY: '*', ...options.env };
    return run(findKubectl(), args, {
      env,
      seconds: 60,
      ...(options.stdin === undefined ? {} : { input: options.stdin }),
    });
  }
}
