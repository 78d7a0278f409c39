import { type StartRequest, type StartWorld, startRun } from '#checks/runs/start.ts';
import type { SweepWorld } from '#checks/runs/tend.ts';
import { METRICS } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import { NO_RULES } from '#drift/rules/rule.ts';
import type { DeployedConfig, KubernetesTarget, NodesTarget, Target, TerraformTarget } from '#drift/target.ts';
import {
  type BuildRequest,
  type BuildState,
  type BusEvent,
  ChangesUnknown,
  type MetricDatum,
  type ObjectStore,
} from '#services/ports.ts';

export const TARGET: TerraformTarget = {
  name: 'prod/network',
  environment: {
    name: 'prod',
    account: '111111111111',
    region: 'eu-west-1',
    role: 'plumbline',
    severity: 'critical',
    state: [],
    locks: [],
  },
  layer: 'terraform',
  source: { name: 'infra', url: 'https://git.example/infra.git', ref: 'main' },
  schedule: 'rate(1 hour)',
  severity: 'critical',
  timeoutSeconds: 1800,
  minCoverage: 1,
  enabled: true,
  observe: false,
  retired: false,
  windows: [],
  pendingGraceSeconds: 7200,
  confirmSeconds: 0,
  terraform: { tool: 'terraform', path: 'terraform/network', varFiles: [], vars: {}, backendConfig: {}, env: {} },
};
/** A target whose objects a function compares. */
export const SHOP: KubernetesTarget = {
  ...{ name: 'prod/shop', layer: 'kubernetes', severity: 'critical', schedule: 'rate(15 minutes)' },
  environment: { ...TARGET.environment, cluster: { eks: 'acme-prod' } },
  source: { name: 'apps', url: 'https://git.example/apps.git', ref: 'main', token: { secret: 'git-token' } },
  ...{ timeoutSeconds: 600, minCoverage: 1, enabled: true, observe: false, retired: false },
  ...{ windows: [], pendingGraceSeconds: 7200, confirmSeconds: 0 },
  kubernetes: {
    ...{ manifests: ['k8s'], render: 'plain', namespace: 'default', values: [], release: 'shop' },
    jsonnet: { ext: {}, tla: {}, importPaths: [] },
    ...{ hosts: [], appliers: [], people: [], secretKinds: [] },
  },
};
/** A target whose nodes a build asks. */
export const FLEET: NodesTarget = {
  ...{ name: 'prod/nodes', layer: 'nodes', severity: 'critical', schedule: 'rate(4 hours)' },
  environment: TARGET.environment,
  source: { name: 'infra', url: 'https://git.example/infra.git', ref: 'main' },
  ...{ timeoutSeconds: 1800, minCoverage: 1, enabled: true, observe: false, retired: false },
  ...{ windows: [], pendingGraceSeconds: 7200, confirmSeconds: 0 },
  nodes: {
    playbook: 'ansible/site.yml',
    select: { tags: { Role: ['master', 'minion'] } },
    extraVars: { cluster: 'prod', max: 3 },
    secretVars: { db_password: { secret: 'prod/db' } },
    ...{ extraVarsFiles: [], tags: [], skipTags: [], secretVariables: [] },
    ...{ minNodes: 1, settleSeconds: 900, concurrency: '50' },
  },
};
export const COMMIT = 'a'.repeat(40);
export const ROLE_ID = 'AROAEXAMPLE';

/** The process died here. */
export class Crash extends Error {}

/** A store in memory that keeps S3's promises about conditional writes. */
export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, { text: string; etag: string }>();
  #version = 0;
  async read(key: string): Promise<{ text: string; etag: string } | null> {
    return this.objects.get(key) ?? null;
  }
  async create(key: string, text: string): Promise<boolean> {
    if (this.objects.has(key)) return false;
    await this.put(key, text);
    return true;
  }
  async replace(key: string, text: string, _type: string, etag: string | null): Promise<boolean> {
    if ((this.objects.get(key)?.etag ?? null) !== etag) return false;
    await this.put(key, text);
    return true;
  }
  async put(key: string, text: string): Promise<void> {
    this.#version += 1;
    this.objects.set(key, { text, etag: `v${this.#version}` });
  }
  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }
  json<T>(key: string): T | null {
    const object = this.objects.get(key);
    return object === undefined ? null : (JSON.parse(object.text) as T);
  }
}

export interface TestWorld extends SweepWorld, StartWorld {
  readonly store: MemoryStore;
  readonly metricLog: MetricDatum[];
  readonly eventLog: BusEvent[];
  readonly resets: string[];
  readonly sent: { readonly functionName: string; readonly payload: unknown }[];
  readonly starts: BuildRequest[];
  /** Functions that were asked to compare, and what the next one is answered. */
  readonly calls: TestWorld['sent'];
  readonly callers: { answer: { throttled: string } | null };
  readonly clock: { now: Date };
  readonly builders: { answer: { build: string } | { throttled: string }; state: BuildState | null };
  readonly head: { commit: string | Error };
  /** Commits that other branches and tags are at. */
  readonly branches: Set<string>;
  /** After this many acts on the outside world the process dies; Infinity: never. */
  readonly fuse: { left: number };
}

/** A service in memory. Each act on the outside world burns the fuse, before or after it is done. */
export function testWorld(target: Target = TARGET, dieAfterAct = false): TestWorld {
  const fuse = { left: Number.POSITIVE_INFINITY };
  const guarded =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (fuse.left <= 0 && !dieAfterAct) throw new Crash();
      const result = await act(...args);
      if (fuse.left <= 0) throw new Crash();
      fuse.left -= 1;
      return result;
    };
  const plain = new MemoryStore();
  const store = new MemoryStore();
  Object.assign(store, {
    objects: plain.objects,
    create: guarded(plain.create.bind(plain)),
    replace: guarded(plain.replace.bind(plain)),
    put: guarded(plain.put.bind(plain)),
    delete: guarded(plain.delete.bind(plain)),
  });
  const metricLog: MetricDatum[] = [];
  const eventLog: BusEvent[] = [];
  const resets: string[] = [];
  const sent: TestWorld['sent'] = [];
  const starts: BuildRequest[] = [];
  const calls: TestWorld['sent'] = [];
  const callers: TestWorld['callers'] = { answer: null };
  const clock = { now: new Date('2026-11-24T03:00:00.000Z') };
  const builders: TestWorld['builders'] = { answer: { build: buildArn('0001') }, state: null };
  const head: TestWorld['head'] = { commit: COMMIT };
  const branches: TestWorld['branches'] = new Set();
  const config: DeployedConfig = {
    hash: 'c'.repeat(64),
    commit: null,
    sources: target.source === undefined ? [] : [target.source],
    environments: [target.environment],
    targets: [target],
    notify: {},
    rules: NO_RULES,
  };
  let serial = 0;
  return {
    config,
    store,
    metrics: { publish: guarded(async (data) => void metricLog.push(...data)) },
    events: { announce: guarded(async (events) => void eventLog.push(...events)) },
    alarms: { reset: guarded(async (alarm) => void resets.push(alarm)) },
    functions: {
      send: guarded(async (functionName, payload) => void sent.push({ functionName, payload })),
      start: guarded(async (functionName, payload) => {
        calls.push({ functionName, payload });
        return callers.answer;
      }),
      ask: async () => null,
    },
    uploads: { link: async (key, seconds) => `https://results.example/${key}?for=${seconds}` },
    builds: {
      start: guarded(async (request) => {
        starts.push(request);
        return builders.answer;
      }),
      describe: async () => builders.state,
    },
    git: {
      head: async () => {
        if (head.commit instanceof Error) throw head.commit;
        return head.commit;
      },
      isHead: async (_source, commit) => branches.has(commit),
    },
    changes: { between: () => Promise.reject(new ChangesUnknown('nobody knows')) },
    secrets: { read: async () => 'master' },
    deadLetters: { depths: async () => [] },
    recordFunction: 'record',
    dispatchFunction: 'dispatch',
    fingerprintSecret: { secret: 'fingerprint' },
    bucket: 'results',
    buildRoles: { 'plumbline-terraform-prod': ROLE_ID, 'plumbline-nodes-prod': ROLE_ID },
    now: () => clock.now,
    random: () => {
      serial += 1;
      return `nonce-${serial}`;
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    metricLog,
    eventLog,
    resets,
    sent,
    starts,
    calls,
    callers,
    clock,
    builders,
    head,
    branches,
    fuse,
  };
}

/** What `dispatch` says of a request. */
export async function said(request: StartRequest, world: StartWorld): Promise<string> {
  return (await startRun(request, world)).sentence;
}

export function buildArn(uuid: string, layer = 'terraform'): string {
  return `arn:aws:codebuild:eu-west-1:111111111111:build/plumbline-${layer}-prod:${uuid}`;
}

/** What a build would report. */
export function report(runId: string, over: Partial<Report> = {}): Report {
  return {
    schema: 'plumbline.report/1',
    target: TARGET.name,
    layer: 'terraform',
    runId,
    trigger: 'schedule',
    commit: { checked: COMMIT, lastInSync: null },
    startedAt: '2026-11-24T03:00:10.000Z',
    endedAt: '2026-11-24T03:00:20.000Z',
    verdict: 'in-sync',
    reason: '3 of 3 compared',
    log: null,
    tool: { name: 'terraform', version: '1.11.4', exitCode: 0 },
    config: { hash: null, commit: null },
    coverage: { compared: 3, total: 3, uncovered: [] },
    findings: [],
    unconfirmed: [],
    notes: [],
    ...over,
  };
}

export function finding(subject: string, over: Partial<Report['findings'][number]> = {}): Report['findings'][number] {
  return {
    subject,
    path: 'ingress',
    change: 'changed',
    action: 'update',
    declared: 'a',
    live: 'b',
    cause: 'out-of-band',
    fingerprint: `id-of-${subject}`,
    valueHash: 'v1',
    firstSeen: null,
    severity: 'warning',
    acknowledged: null,
    ...over,
  };
}

/** The newest value of a target's metric. */
export function metric(world: TestWorld, name: keyof typeof METRICS): number | undefined {
  return world.metricLog.findLast((datum) => datum.name === METRICS[name])?.value;
}
