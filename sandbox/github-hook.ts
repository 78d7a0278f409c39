import { createHmac, randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { run } from './run.ts';

/** A webhook as a person sets it up on GitHub: content type JSON, a secret, pushes only. */
export interface Hook {
  readonly url: string;
  readonly secret: string;
}

/** What GitHub shows of a delivery under "Recent deliveries". */
export interface HookDelivery {
  readonly id: string;
  readonly status: number;
  readonly answer: string;
}

export interface Pushed {
  readonly url: string;
  readonly workingCopy: string;
  /** Null: the branch is new. */
  readonly before: string | null;
  readonly after: string;
  /** The branch was moved away from what it had. @default false */
  readonly forced?: boolean;
}

const NOTHING = '0'.repeat(40);

/** The body that GitHub sends after a push to `main`, as far as anybody reads it. */
export async function pushPayload({ url, workingCopy, before, after, forced = false }: Pushed): Promise<string> {
  const git = (...args: string[]) => run('git', ['-C', workingCopy, ...args]);
  const listed = await git('log', '--reverse', '--format=%H', before === null ? after : `${before}..${after}`);
  const commits = [];
  for (const id of listed.split('\n').filter((line) => line !== '')) {
    const changes = await git('show', '--format=', '--name-status', '--no-renames', '-z', id);
    const parts = changes.split('\0');
    const named = (status: string) => parts.filter((_, index) => index % 2 === 1 && parts[index - 1] === status);
    commits.push({ id, message: 'pushed', added: named('A'), removed: named('D'), modified: named('M') });
  }
  const html = url.replace(/\.git$/, '');
  return JSON.stringify({
    ref: 'refs/heads/main',
    before: before ?? NOTHING,
    after,
    ...{ created: before === null, deleted: false, forced },
    repository: { full_name: new URL(html).pathname.slice(1), html_url: html, clone_url: url },
    pusher: { name: 'acme', email: 'acme@example.com' },
    commits,
    head_commit: commits.at(-1) ?? null,
  });
}

/** Sends a body as GitHub does: signed, with an id that a redelivery keeps. */
export async function deliver(
  { url, secret }: Hook,
  body: string,
  ca: Buffer,
  id: string = randomUUID(),
): Promise<HookDelivery> {
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'User-Agent': 'GitHub-Hookshot/5a2c1fe',
    'X-GitHub-Event': 'push',
    'X-GitHub-Delivery': id,
    'X-GitHub-Hook-Installation-Target-Type': 'repository',
    'X-Hub-Signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
    'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, ca, timeout: 10_000 }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        answer += part;
      });
      response.once('end', () => resolve({ id, status: response.statusCode ?? 0, answer }));
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.once('error', reject);
    sent.end(body);
  });
}
