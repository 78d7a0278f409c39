import { access } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type ClusterConnection, connectionTo, type Proof, serverAddress } from './connection.ts';
import { ClusterError } from './error.ts';

export interface OwnKubeconfigRequest {
  /** Null: where kubectl looks, `KUBECONFIG` and then `~/.kube/config`. */
  readonly file: string | null;
  /** Undefined: the current one. */
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

const MAX_SAID = 300;

/**
 * A person's own kubeconfig, read as kubectl reads it: files, lists of them, and the commands and providers that it
 * names, which run as this person. Never in the service.
 * @throws ClusterError
 */
export async function connectOwnKubeconfig(request: OwnKubeconfigRequest): Promise<ClusterConnection> {
  const config = await load(request);
  const cluster = config.getCurrentCluster();
  const context = config.getCurrentContext();
  const origin = `the context ${context} of your kubeconfig`;
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    const choice = known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`;
    throw new ClusterError(
      `the kubeconfig has no context ${context || '(none is current)'} with a cluster: choose one with "kubectl config use-context"; ${choice}`,
    );
  }
  const server = serverAddress(cluster.server, origin);
  const proof = new OwnProof(config, origin);
  const { ca, cert, key } = await proof.options(request.signal);
  return connectionTo({
    server,
    ca: ca?.toString(),
    client: cert === undefined || key === undefined ? undefined : { cert: String(cert), key: String(key) },
    serverName: cluster.tlsServerName,
    verify: cluster.skipTLSVerify !== true,
    proof,
    origin,
  });
}

/** The library is loaded only here: the service's functions do without it. */
async function load({ file, context, env }: OwnKubeconfigRequest): Promise<KubeConfig> {
  const files = await present(
    file === null ? (listed(env['KUBECONFIG']) ?? [path.join(env['HOME'] ?? homedir(), '.kube', 'config')]) : [file],
  );
  if (files.length === 0) {
    throw new ClusterError(
      `there is no kubeconfig${file === null ? '' : ` ${file}`}: write cluster: { kubeconfig: path } in the environment, or set KUBECONFIG`,
    );
  }
  const { KubeConfig } = await import('@kubernetes/client-node');
  const merged = Object.assign(new KubeConfig(), { clusters: [], users: [], contexts: [] });
  for (const one of files) {
    const config = new KubeConfig();
    try {
      config.loadFromFile(one);
    } catch {
      throw new ClusterError(`${one} is no kubeconfig: what does "kubectl config view" say?`);
    }
    // Of two entries of one name kubectl takes the first.
    config.clusters = config.clusters.filter(({ name }) => merged.getCluster(name) === null);
    config.users = config.users.filter(({ name }) => merged.getUser(name) === null);
    config.contexts = config.contexts.filter(({ name }) => merged.getContextObject(name) === null);
    merged.mergeConfig(config, merged.currentContext !== undefined && merged.currentContext !== '');
  }
  if (context !== undefined) merged.setCurrentContext(context);
  return merged;
}

const listed = (text: string | undefined): readonly string[] | null =>
  text === undefined || text === '' ? null : text.split(path.delimiter).filter((file) => file !== '');

async function present(files: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => [file],
        () => [],
      ),
    ),
  );
  return found.flat();
}

class OwnProof implements Proof {
  readonly #config: KubeConfig;
  readonly #origin: string;
  readonly #seen = new Set<string>();

  constructor(config: KubeConfig, origin: string) {
    this.#config = config;
    this.#origin = origin;
  }

  /** Runs what the kubeconfig names, unless its answer is still good. */
  async options(signal: AbortSignal): Promise<RequestOptions> {
    const options: RequestOptions = {};
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([this.#config.applyToHTTPSOptions(options), stopped]);
    } catch (error) {
      const said = error instanceof Error ? (error.message.trim().split('\n')[0] ?? '') : '';
      throw new ClusterError(
        signal.aborted
          ? `${this.#origin}: no credential was there in time: does the command that it names wait for something?`
          : `${this.#origin} gives no credential: ${said.slice(0, MAX_SAID) || 'its command failed without a word'}`,
      );
    } finally {
      signal.removeEventListener('abort', stop);
    }
    return options;
  }

  async headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { headers, auth } = await this.options(signal);
    const basic = typeof auth === 'string' ? `Basic ${Buffer.from(auth).toString('base64')}` : null;
    const found = Object.entries((headers ?? {}) as Record<string, string>);
    if (basic !== null) found.push(['Authorization', basic]);
    for (const [, value] of found) this.#seen.add(value.replace(/^(Bearer|Basic) /, ''));
    return Object.fromEntries(found);
  }

  /** What a command gave counts until the time that it said: a new answer would be the same. */
  renew(): void {}

  secrets(): readonly string[] {
    return [...this.#seen];
  }
}
