/** What a git host sends, before anything of it is believed. */
export interface Delivery {
  /** By lower-case names. A header that was sent twice has both values, with a comma between. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes as they came: what a signature is of. */
  readonly body: Buffer;
}

export const HOSTS = ['github', 'gitlab', 'bitbucket'] as const;
export type Host = (typeof HOSTS)[number];

/** The header in which a host says what happened; nobody but the proof says that it is that host. */
const EVENT_HEADERS: Readonly<Record<Host, string>> = {
  github: 'x-github-event',
  gitlab: 'x-gitlab-event',
  bitbucket: 'x-event-key',
};

/** The host whose way of speaking a delivery has; null: of none, or of several. */
export function hostOf({ headers }: Delivery): Host | null {
  const [host, ...others] = HOSTS.filter((candidate) => headers[EVENT_HEADERS[candidate]] !== undefined);
  return host === undefined || others.length > 0 ? null : host;
}

/** What happened, in the host's word: `push`, `Push Hook`, `repo:push`. */
export function eventOf({ headers }: Delivery, host: Host): string {
  return headers[EVENT_HEADERS[host]] ?? '';
}

/** A delivery id: nothing that leads elsewhere in a key. */
const ID = /^[A-Za-z0-9{}-]{8,100}$/;
const ID_HEADERS: Readonly<Record<Host, readonly string[]>> = {
  github: ['x-github-delivery'],
  gitlab: ['idempotency-key', 'webhook-id', 'x-gitlab-event-uuid'],
  bitbucket: ['x-request-uuid'],
};

/** The id that a delivery keeps when it is sent again; null: it has none that could be one. */
export function deliveryId({ headers }: Delivery, host: Host): string | null {
  const id = ID_HEADERS[host].flatMap((name) => headers[name] ?? [])[0];
  return id !== undefined && ID.test(id) ? id.replaceAll(/[{}]/g, '') : null;
}
