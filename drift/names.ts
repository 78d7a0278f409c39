import { createHash } from 'node:crypto';

/**
 * Every name that two sides must agree on: metrics, S3 keys, events, environment variables, resource names.
 * Emitters, alarms, infra and tests import them from here and nowhere else.
 */

/** CloudWatch: two metrics per target and the service's own heartbeat. */
export const METRICS = {
  namespace: 'Plumbline',
  dimension: 'Target',
  /** Open findings that page; the last known count while the target cannot be seen. */
  drift: 'Drift',
  /** 0 seen, 1 last run failed or incomplete, 2 stale. */
  unknown: 'Unknown',
  /** One per sweep, without a dimension. */
  heartbeat: 'Heartbeat',
  /** One per commit status that a git host did not take, without a dimension. */
  statusRefused: 'StatusRefused',
} as const;

/** Seconds between two sweeps: the schedule of `sweep`, and what the heartbeat alarm is built on. */
export const SWEEP_SECONDS = 300;

/** EventBridge, on the default bus. */
export const EVENTS = {
  source: 'plumbline',
  driftOpened: 'Drift Opened',
  driftChanged: 'Drift Changed',
  driftResolved: 'Drift Resolved',
  checkFailed: 'Check Failed',
  checkRecovered: 'Check Recovered',
} as const;
export type EventName = Exclude<(typeof EVENTS)[keyof typeof EVENTS], 'plumbline'>;

/** Variables that `dispatch` overrides on a build; none is a secret. */
export const BUILD_ENV = { target: 'TARGET', runId: 'RUN_ID', ticket: 'TICKET', bucket: 'PLUMBLINE_BUCKET' } as const;

/**
 * Variable of CodeBuild: who started the build, a user's name or `<role>/<session>`; a function's session has its name.
 * https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
 */
export const BUILD_INITIATOR = 'CODEBUILD_INITIATOR';

/** Variables of the functions; none is a secret. */
export const FUNCTION_ENV = {
  bucket: 'PLUMBLINE_BUCKET',
  fingerprintSecret: 'PLUMBLINE_FINGERPRINT_SECRET',
  recordFunction: 'PLUMBLINE_RECORD_FUNCTION',
  dispatchFunction: 'PLUMBLINE_DISPATCH_FUNCTION',
  /** JSON: CodeBuild project name → unique id (AROA…) of its service role; it names the inbox folder of a build. */
  buildRoles: 'PLUMBLINE_BUILD_ROLES',
  /** URLs of the dead-letter queues that `sweep` looks at, separated by commas. */
  deadLetterQueues: 'PLUMBLINE_DEAD_LETTER_QUEUES',
} as const;

/**
 * What a function that compares objects may take: the memory and time of infra, which `record` names when they were not
 * enough, and how long Lambda may look for room to start it.
 */
export const KUBERNETES_FUNCTION = { memoryMb: 1024, timeoutSeconds: 900, maxEventAgeSeconds: 600 } as const;

/** The Kubernetes group of our role in an EKS cluster; infra/cluster-access/reader.yaml says what it may read. */
export const CLUSTER_GROUP = 'plumbline';

/** The file beside a function's code that holds the deployed config, written at synth. */
export const DEPLOYED_CONFIG_FILE = 'plumbline.json';

/** What jsonnet needs beside a function's code. */
export const JSONNET_FILES = { worker: 'jsonnet-worker.js', library: 'libjsonnet.wasm' } as const;

const targetPath = (target: string): string => target.split('/').map(encodeURIComponent).join('/');

/** `runs/<target>/<yyyy>/<mm>/<dd>/<runId>/`; the date is that of the run id. */
export function runFolder(target: string, runId: string): string {
  return `runs/${targetPath(target)}/${runId.slice(0, 4)}/${runId.slice(4, 6)}/${runId.slice(6, 8)}/${runId}/`;
}

const digest = (texts: readonly string[]): string => createHash('sha256').update(JSON.stringify(texts)).digest('hex');

/** Keys in the results bucket. */
export const keys = {
  run: (target: string, runId: string): string => `${runFolder(target, runId)}run.json`,
  report: (target: string, runId: string): string => `${runFolder(target, runId)}report.json`,
  reportPage: (target: string, runId: string): string => `${runFolder(target, runId)}report.html`,
  state: (target: string): string => `state/${targetPath(target)}.json`,
  statePage: (target: string): string => `state/${targetPath(target)}.html`,
  queue: (target: string): string => `queue/${targetPath(target)}.json`,
  /** What one worker may read: its run, its target's definition and its fingerprint key. The nonce cannot be guessed. */
  ticket: (nonce: string): string => `tickets/${nonce}.json`,
  /**
   * What one build may write. IAM enforces it: CodeBuild assumes a project's role with the session name
   * `AWSCodeBuild-<build uuid>`, so that `${aws:userid}` is `<role id>:AWSCodeBuild-<build uuid>`.
   */
  inbox: (roleId: string, buildUuid: string): string => `inbox/${roleId}:AWSCodeBuild-${buildUuid}/report.json`,
  /** Beside it, what a build that asks nodes hands them: packed files, which it deletes when they have answered. */
  bundle: (roleId: string, buildUuid: string): string => `inbox/${roleId}:AWSCodeBuild-${buildUuid}/bundle.tar.gz`,
  /** Where the signed address of one node leads to: its stream of events. */
  nodeInbox: (roleId: string, buildUuid: string, nodeId: string): string =>
    `inbox/${roleId}:AWSCodeBuild-${buildUuid}/nodes/${nodeId}.jsonl`,
  /**
   * That a git host's delivery was handled; a host may send it again at any time. GitHub's id is one of the event: all
   * webhooks that are told of it have the same, each with a secret that speaks for sources of its own.
   */
  delivery: (host: string, id: string, sources: readonly string[]): string =>
    `deliveries/${host}/${id}/${digest(sources.toSorted())}.json`,
  /** That the config's file was changed in git after the deployment. */
  configChange: 'deliveries/config-change.json',
  /** What git answered when it was asked for a push's files. */
  changes: (repository: string, before: string, after: string): string =>
    `changes/${digest([repository, before, after])}.json`,
  /** Where the signed address of a function's ticket leads to; the function itself has no right to write. */
  functionInbox: (nonce: string): string => `inbox/kubernetes/${nonce}/report.json`,
} as const;

/** The inbox as an IAM resource pattern below the bucket's ARN. */
export const INBOX_POLICY_PATH = `inbox/\${aws:userid}/report.json`;
/** All that a build which asks nodes may write and read. */
export const NODES_INBOX_POLICY_PATH = `inbox/\${aws:userid}/*`;
/** What of it such a build may delete: what it has reported and what nodes have said stays as it was written. */
export const NODES_BUNDLE_POLICY_PATH = `inbox/\${aws:userid}/bundle.tar.gz`;
/** What `dispatch` keeps of git's answers. */
export const ALL_CHANGES = 'changes/*';
/** The inboxes that `dispatch` signs addresses of. */
export const FUNCTION_INBOXES = 'inbox/kubernetes/*';

const slug = (target: string): string => target.replace('/', '-');

/** Cut to a service's limit; the hash of the whole keeps two long names apart. */
function within(limit: number, name: string): string {
  if (name.length <= limit) return name;
  return `${name.slice(0, limit - 9)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

/** Bitbucket takes 40 characters for what tells two statuses of a commit apart. */
export const bitbucketStatusKey = (context: string): string => within(40, context);

/** Names of deployed things; `account`-wide names carry the prefix. */
export const deployed = {
  prefix: 'plumbline',
  /** What compares the targets of an environment: a CodeBuild project, or a function. */
  project: (layer: string, environment: string): string => `plumbline-${layer}-${environment}`,
  /** Its log group. */
  logGroup: (layer: string, environment: string): string => `/plumbline/${layer}/${environment}`,
  /** The role whose rights the tool's process has; `role` is the environment's prefix. */
  targetRole: (role: string, layer: string): string => `${role}-${layer}`,
  /** The SSM document that runs a playbook on a node; one per account and region. */
  nodeDocument: 'plumbline-nodes',
  /** The SSM runbook with which people start checks; one per account and region. */
  runbook: 'plumbline-rerun',
  sweepSchedule: 'plumbline-sweep',
  /** EventBridge Scheduler takes 64 characters. */
  schedule: (target: string): string => within(64, `plumbline-${slug(target)}`),
  driftAlarm: (target: string): string => `plumbline ${target} drift`,
  unknownAlarm: (target: string): string => `plumbline ${target} unknown`,
  heartbeatAlarm: 'plumbline heartbeat',
  deadLettersAlarm: 'plumbline dead letters',
  statusesAlarm: 'plumbline commit statuses',
  /** Dashboards are the account's, of all its regions. */
  dashboard: (region: string): string => `plumbline-${region}`,
  webhookAlarm: (what: string): string => `plumbline webhook ${what}`,
  function: (name: string): string => `plumbline-${name}`,
} as const;
