import { get } from 'node:https';
import { type Attempt, isAllowed, refusalText, type User } from './rbac.ts';
import { Refused } from './status.ts';
import type { Store } from './store.ts';

/** Where the account that a cluster belongs to is asked about callers. */
export interface Account {
  /** The emulated account's address: its STS is asked who signed a token. */
  readonly endpoint: string;
  readonly ca: string;
  readonly region: string;
  /** The access entry of a role in this cluster. */
  readonly entry: (cluster: string, principalArn: string) => Promise<AccessEntry | null>;
}

export interface AccessEntry {
  readonly username: string;
  readonly groups: readonly string[];
}

const EKS_PREFIX = 'k8s-aws-v1.';
const CREATOR: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
const LONGEST_SECONDS = 900;
const ANSWER_SECONDS = 10;

/**
 * Who sent an EKS token, as the authenticator of a cluster finds out: the token is a signed question to STS, which is
 * asked for real. Null where anything about it is not as it must be.
 */
export async function eksUser(token: string, cluster: string, account: Account): Promise<User | null> {
  const url = urlOf(token);
  if (url === null || !isAcceptable(url, account)) return null;
  const identity = await callerOf(url, cluster, account).catch(() => null);
  if (identity === null) return null;
  // Who made the cluster is its first administrator: here the account itself.
  if (/^arn:aws:iam::\d{12}:root$/.test(identity)) return CREATOR;
  const session = /^arn:aws:sts::(\d{12}):assumed-role\/([^/]+)\/(.+)$/.exec(identity);
  if (session === null) return null;
  const [, id = '', role = '', name = ''] = session;
  const entry = await account.entry(cluster, `arn:aws:iam::${id}:role/${role}`);
  if (entry === null) return null;
  // EKS keeps a name with a colon of a session readable: the AWS names have none.
  const username = entry.username.replaceAll('{{SessionName}}', name.replaceAll('@', '-'));
  return { name: username, groups: [...entry.groups, 'system:authenticated'] };
}

function urlOf(token: string): URL | null {
  if (!token.startsWith(EKS_PREFIX)) return null;
  const encoded = token.slice(EKS_PREFIX.length);
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) return null;
  const text = Buffer.from(encoded, 'base64url').toString('utf8');
  return URL.canParse(text) ? new URL(text) : null;
}

/** The checks of aws-iam-authenticator before it asks: host, path, action, what is signed, and for how long. */
function isAcceptable(url: URL, account: Account): boolean {
  const hosts = [`sts.${account.region}.amazonaws.com`, 'sts.amazonaws.com', new URL(account.endpoint).host];
  if (url.protocol !== 'https:' || !hosts.includes(url.host) || url.pathname !== '/') return false;
  const query = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  if (query.get('action') !== 'GetCallerIdentity') return false;
  if (!(query.get('x-amz-signedheaders') ?? '').split(';').includes('x-k8s-aws-id')) return false;
  const seconds = Number(query.get('x-amz-expires'));
  if (!Number.isInteger(seconds) || seconds <= 0 || seconds > LONGEST_SECONDS) return false;
  const signed = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(query.get('x-amz-date') ?? '');
  if (signed === null) return false;
  const [year, month, day, hour, minute, second] = signed.slice(1).map(Number);
  const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  // A token lives for a quarter of an hour, whatever its own signature would allow.
  return at + LONGEST_SECONDS * 1000 > Date.now() && at < Date.now() + LONGEST_SECONDS * 1000;
}

/** Sends the signed question on, with the header that binds it to this cluster. @returns the caller's ARN */
function callerOf(url: URL, cluster: string, account: Account): Promise<string | null> {
  const endpoint = new URL(account.endpoint);
  return new Promise((resolve, reject) => {
    const request = get(
      {
        hostname: endpoint.hostname,
        port: endpoint.port,
        path: `${url.pathname}${url.search}`,
        ca: account.ca,
        headers: { host: url.host, 'x-k8s-aws-id': cluster, accept: 'application/json' },
        timeout: ANSWER_SECONDS * 1000,
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const body = Buffer.concat(parts).toString('utf8');
          const arn = /arn:aws:(sts::\d{12}:assumed-role\/[^"<\s]+|iam::\d{12}:root)/.exec(body)?.[0] ?? null;
          resolve(answer.statusCode === 200 ? arn : null);
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error('the account did not answer')));
    request.once('error', reject);
  });
}

/** Users that the API server itself knows, by their tokens. */
export class Tokens {
  readonly #users = new Map<string, User>();

  add(token: string, user: User): void {
    this.#users.set(token, { name: user.name, groups: [...user.groups, 'system:authenticated'] });
  }

  find(token: string): User | null {
    return this.#users.get(token) ?? null;
  }
}

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

type Headers = Readonly<Record<string, readonly string[] | undefined>>;

/**
 * In whose name a request is: its sender's, or that of the user and groups in its headers, each of which RBAC must let
 * the sender impersonate.
 * @throws Refused
 */
export function impersonated(sender: User, headers: Headers, store: Store): User {
  const names = Object.keys(headers).filter((name) => name.startsWith('impersonate-'));
  if (names.length === 0) return sender;
  const other = names.find((name) => name !== 'impersonate-user' && name !== 'impersonate-group');
  if (other !== undefined) throw new Refused(501, 'NotImplemented', `the sandbox does not know ${other}`, {});
  const [name = ''] = headers['impersonate-user'] ?? [];
  const groups = headers['impersonate-group'] ?? [];
  if (name === '') throw new Refused(500, 'InternalError', 'requested groups without impersonating a user', {});
  const [, namespace = '', account = ''] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) ?? [];
  const isAccount = account !== '';
  const who = isAccount ? { resource: 'serviceaccounts', namespace, name: account } : { resource: 'users', name };
  for (const part of [who, ...groups.map((group) => ({ resource: 'groups', name: group }))]) {
    const attempt: Attempt = { verb: 'impersonate', group: '', subresource: '', namespace: '', ...part };
    if (isAllowed(store, sender, attempt)) continue;
    const why = `${part.resource} "${part.name}" is forbidden: ${refusalText(sender, attempt)}`;
    throw new Refused(403, 'Forbidden', why, { name: part.name, kind: part.resource });
  }
  const own = isAccount && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : [];
  const all = [...groups, ...own];
  const isTold = all.includes('system:authenticated') || all.includes('system:unauthenticated');
  return { name, groups: isTold || name === ANONYMOUS.name ? all : [...all, 'system:authenticated'] };
}
