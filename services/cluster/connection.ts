import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ClusterError } from './error.ts';

/** Who asks. */
export interface Proof {
  /** Headers that say so, fresh enough to be sent now. @throws ClusterError */
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The server has refused them: the next ones must be made anew. */
  renew(): void;
  /** Every value that no report may hold, as far as known by now. */
  secrets(): readonly string[];
}

/** How one cluster is spoken to. */
export interface ClusterConnection {
  /** `https://host[:port][/prefix]`, without a slash at its end. */
  readonly server: string;
  /** Values that no report may hold (tokens, keys), as far as known by now. */
  readonly secrets: () => readonly string[];
  readonly proof: Proof;
  /** Keeps connections open, and trusts the cluster's own authority only. */
  readonly agent: Agent;
}

export interface ConnectionRequest {
  readonly server: string;
  /** PEM; undefined: the authorities that everybody trusts. */
  readonly ca: string | undefined;
  /** PEM of a client certificate. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** The name in the server's certificate, where it is not that of the address. */
  readonly serverName?: string | undefined;
  /** False only where a person's own kubeconfig says so. @default true */
  readonly verify?: boolean;
  readonly proof: Proof;
  /** Where all this was written, for the sentence that refuses it. */
  readonly origin: string;
}

/** More are never at work at once, see `ClusterClient`. */
const MAX_SOCKETS = 8;

/** @throws ClusterError when the address or a certificate cannot be used */
export function connectionTo(request: ConnectionRequest): ClusterConnection {
  const { ca, client, serverName, proof, origin } = request;
  const server = serverAddress(request.server, origin);
  let secureContext: SecureContext;
  try {
    // Once, and not for every connection again.
    secureContext = createSecureContext({ ...(ca === undefined ? {} : { ca }), ...client });
    // An authority that cannot be read would silently be none.
    if (ca !== undefined) new X509Certificate(ca);
  } catch {
    // What OpenSSL says may hold parts of a key.
    throw new ClusterError(`${origin}: a certificate or its key is no PEM that belongs together: copy them again`);
  }
  const agent = new Agent({
    secureContext,
    ...(serverName === undefined ? {} : { servername: serverName }),
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    rejectUnauthorized: request.verify ?? true,
  });
  const keys = client === undefined ? [] : [client.key];
  return { server, proof, agent, secrets: () => [...keys, ...proof.secrets()] };
}

/** Without a slash at its end. @throws ClusterError when it is no address of a cluster */
export function serverAddress(text: string, origin: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new ClusterError(`${origin}: the server's address must be https://host[:port] without a user`);
  }
  if (url.search !== '' || url.hash !== '') {
    throw new ClusterError(`${origin}: the server's address must be https://host[:port][/path] and nothing after it`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** A token that stays the same; null: none, the client certificate tells. */
export function fixedToken(token: string | null): Proof {
  return {
    headers: async () => (token === null ? {} : { Authorization: `Bearer ${token}` }),
    renew: () => undefined,
    secrets: () => (token === null ? [] : [token]),
  };
}
