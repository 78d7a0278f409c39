import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import type { OwnBuild } from '#checks/build.ts';
import type { NodesBuildWorld } from '#checks/nodes/build.ts';
import { keys } from '#drift/names.ts';
import type { FoundNode } from '#drift/nodes/fleet.ts';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import { newRunId } from '#drift/run.ts';
import type { NodesCheck, NodesTarget } from '#drift/target.ts';
import type { NodesTicket } from '#drift/ticket.ts';
import type { Identity } from '#services/aws/identity.ts';
import type { CommandRequest, ObjectStore } from '#services/ports.ts';

/** A build that asks nodes, with all of AWS in memory and a git host and processes that are real. */

export const BUILD: OwnBuild = { roleId: 'AROAEXAMPLE', uuid: 'c5b1f3a0-0000-4000-8000-000000000001' };
export const BUNDLE = keys.bundle(BUILD.roleId, BUILD.uuid);
export const INBOX = keys.inbox(BUILD.roleId, BUILD.uuid);
export const NONCE = '2f1c0f52-7b51-4a6e-9d3e-6a6f0e5d1c11';
export const SECRETS = {
  token: 'ghp-0123456789abcdef',
  db: 'correct-horse {{ battery }} "\n\u2028é😀',
  vault: 'vault-password-7f3a',
  key: 'f'.repeat(64),
  signature: 'ab12'.repeat(16),
} as const;
export const ROLE = { accessKeyId: 'ASIAROLE', secretAccessKey: 'role-secret-key', sessionToken: 'role-session-token' };
const RUN_ID = newRunId(new Date('2026-11-24T04:00:00Z'), 'prod/nodes', 'schedule', 'seed');

export const node = (id: string, over: Partial<FoundNode> = {}): FoundNode => ({
  id,
  tags: { Role: 'minion', Name: id.replace('i-', 'minion-') },
  address: `10.0.0.${id.length}`,
  ...{ platform: 'Linux', state: 'running', launchedAt: new Date('2026-11-01T00:00:00Z') },
  agent: { online: true, status: 'Online', lastSeen: null },
  computerName: null,
  ...over,
});

export function target(url: string, nodes: Partial<NodesCheck> = {}, over: Partial<NodesTarget> = {}): NodesTarget {
  return {
    name: 'prod/nodes',
    environment: {
      ...{ name: 'prod', account: '222222222222', region: 'eu-west-1', role: 'plumbline' },
      ...{ severity: 'critical', state: [], locks: [] },
    },
    layer: 'nodes',
    source: { name: 'infra', url, ref: 'main', token: { secret: 'token' } },
    ...{ severity: 'critical', timeoutSeconds: 300, minCoverage: 1, enabled: true, observe: false, retired: false },
    ...{ windows: [], pendingGraceSeconds: 0, confirmSeconds: 0 },
    nodes: {
      playbook: 'ansible/site.yml',
      select: { tags: { Role: ['minion'] } },
      extraVars: {},
      secretVars: {},
      ...{ extraVarsFiles: [], tags: [], skipTags: [], secretVariables: [] },
      ...{ minNodes: 1, settleSeconds: 900, concurrency: '50' },
      ...nodes,
    },
    ...over,
  };
}

export const ticketOf = (of: NodesTarget, commit: string, lastInSync: string | null = null): NodesTicket => ({
  schema: 'plumbline.ticket/1',
  run: {
    ...{ schema: 'plumbline.run/1', runId: RUN_ID, target: of.name, layer: 'nodes', trigger: 'schedule', commit },
    ...{ requestedAt: '2026-11-24T04:00:00.000Z', deadline: '2026-11-24T05:00:00.000Z' },
    config: { hash: 'c'.repeat(64), commit: null },
  },
  target: of,
  fingerprintKey: SECRETS.key,
  lastInSync,
});

/** A bucket in memory, whose inbox nobody writes over. */
export class Bucket implements ObjectStore {
  readonly objects = new Map<string, Buffer>();
  readonly deleted: string[] = [];
  async read(key: string) {
    const found = this.objects.get(key);
    return found === undefined ? null : { text: found.toString('utf8'), etag: '1' };
  }
  async create(key: string, content: string | Uint8Array) {
    if (this.objects.has(key)) return false;
    this.objects.set(key, Buffer.from(content as Uint8Array));
    return true;
  }
  replace(): Promise<boolean> {
    return Promise.reject(new Error('a build replaces nothing'));
  }
  put(): Promise<void> {
    return Promise.reject(new Error('a build overwrites nothing'));
  }
  async delete(key: string) {
    this.deleted.push(key);
    this.objects.delete(key);
  }
}

export interface Unpacked {
  readonly files: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
}

/** What is in a bundle. */
export async function unpacked(bytes: Buffer): Promise<Unpacked> {
  const [files, links] = [new Map<string, string>(), new Map<string, string>()];
  const reader = extract();
  reader.end(gunzipSync(bytes));
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { name, type, linkname } = entry.header;
    if (type === 'file') files.set(name, Buffer.concat(chunks).toString('utf8'));
    if (type === 'symlink') links.set(name, linkname);
  }
  return { files, links };
}

/** What a node does with what it is sent; the answer is its command's outcome. */
export type Act = (node: string, request: CommandRequest, bucket: Bucket) => Promise<CommandOutcome>;

/** Fetches the bundle, compares its hash, puts `text` to its own link, and says so. */
export const sends =
  (text: string, said: Readonly<Record<string, unknown>> = {}): Act =>
  async (id, { parameters }, bucket) => {
    const bytes = bucket.objects.get(keyOf(parameters['BundleUrl'] ?? '')) ?? Buffer.alloc(0);
    if (hashOf(bytes) !== parameters['BundleSha256']) throw new Error('the bundle is another one');
    const { links } = JSON.parse((await unpacked(bytes)).files.get('run.json') ?? '');
    await bucket.create(keyOf(links[id]), text);
    const answer = { sha256: hashOf(Buffer.from(text)), size: Buffer.byteLength(text), exit: 0, hint: null };
    const line = JSON.stringify({ ...answer, problem: null, ansible: '2.19.14', python: '3.11.2', ...said });
    return { node: id, status: 'Success', details: 'Success', output: `plumbline-node/1 ${line}\n` };
  };

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const keyOf = (link: string): string => decodeURIComponent(new URL(link).pathname.slice(1));

export interface NodesTestWorld extends NodesBuildWorld {
  readonly store: Bucket;
  readonly said: string[];
  readonly assumed: unknown[][];
  readonly sent: CommandRequest[];
  readonly cancelled: string[];
  readonly opened: unknown[];
}

export interface WorldOptions {
  readonly caFile: string;
  readonly found: readonly FoundNode[];
  readonly act: Act;
  readonly ansibleCache: string;
}

export function nodesWorld({ caFile, found, act, ansibleCache }: WorldOptions): NodesTestWorld {
  const store = new Bucket();
  const said: string[] = [];
  const assumed: unknown[][] = [];
  const sent: CommandRequest[] = [];
  const cancelled: string[] = [];
  const opened: unknown[] = [];
  const identity: Identity = {
    userId: async () => `${BUILD.roleId}:AWSCodeBuild-${BUILD.uuid}`,
    assume: async (...args) => {
      assumed.push(args);
      return ROLE;
    },
  };
  let outcomes: readonly CommandOutcome[] = [];
  const link = async (key: string, seconds: number) =>
    `https://results.example/${encodeURI(key)}?X-Amz-Expires=${seconds}&X-Amz-Signature=${SECRETS.signature}`;
  const { GIT_SSL_CAINFO: _, ...env } = process.env;
  return {
    env: { ...env, GIT_SSL_CAINFO: caFile, TARGET: 'prod/nodes', RUN_ID, TICKET: NONCE },
    store,
    secrets: {
      read: async (reference) => {
        const name = 'secret' in reference ? reference.secret : reference.parameter;
        return SECRETS[name as keyof typeof SECRETS];
      },
    },
    identity,
    functions: { ask: () => Promise.reject(new Error('no run is asked for')) },
    ...(process.getuid?.() === 0 ? { user: { uid: 65534, gid: 65534 } } : {}),
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    now: () => new Date(),
    links: { link, download: link, endsAt: async () => null },
    openNodes: (credentials, region) => {
      opened.push({ credentials, region });
      return {
        nodes: { find: async () => found },
        commands: {
          send: async (request) => {
            sent.push(request);
            outcomes = await Promise.all(request.nodes.map((id) => act(id, request, store)));
            return ['command-1'];
          },
          progress: async () => ({ ended: true, completed: outcomes.length, total: outcomes.length }),
          outcomes: async function* () {
            yield* outcomes;
          },
          cancel: async (ids) => void cancelled.push(...ids),
        },
      };
    },
    ansibleCache,
    ...{ said, assumed, sent, cancelled, opened },
  };
}
