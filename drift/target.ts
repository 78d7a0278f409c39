/** What is compared: targets, the environments they live in and the sources that declare them. */

import type { Rules } from './rules/rule.ts';
import type { Window } from './window.ts';

export const LAYERS = ['terraform', 'nodes', 'kubernetes'] as const;
export type Layer = (typeof LAYERS)[number];

export const SEVERITIES = ['critical', 'warning'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Where a secret value lies: a Secrets Manager secret or an SSM parameter, by name. Never the value. */
export type SecretReference = { readonly secret: string } | { readonly parameter: string };

/** A git repository and the ref whose head is the truth. */
export interface Source {
  readonly name: string;
  readonly url: string;
  readonly ref: string;
  readonly token?: SecretReference;
  /** Secret that proves the deliveries of its git host. */
  readonly webhook?: SecretReference;
  /** Token that may write statuses of its commits; absent: none are written. */
  readonly statuses?: SecretReference;
}

/** An account and region that targets are instantiated for; all absent for targets that are only checked locally. */
export interface Environment {
  readonly name: string;
  readonly account?: string;
  readonly region?: string;
  /** Prefix of the roles per layer: `<role>-terraform`. */
  readonly role?: string;
  readonly severity: Severity;
  /** `bucket/key` patterns of the terraform states that the terraform role may read. */
  readonly state: readonly string[];
  /** The Kubernetes cluster of its targets. */
  readonly cluster?: ClusterAccess;
  /** DynamoDB tables that hold locks of these states. */
  readonly locks: readonly string[];
}

/** What `terraform plan` is run with. Paths are relative to the root of the source. */
export interface TerraformCheck {
  readonly tool: 'terraform' | 'tofu';
  /** Exact version wanted; absent: the one on PATH. */
  readonly version?: string;
  readonly path: string;
  readonly varFiles: readonly string[];
  /** Texts; in a ticket also what outputs of other targets are. */
  readonly vars: Readonly<Record<string, unknown>>;
  readonly backendConfig: Readonly<Record<string, string>>;
  readonly workspace?: string;
  readonly env: Readonly<Record<string, SecretReference>>;
}

/** What manifests are compared with. Paths are relative to the root of the source. */
export interface KubernetesCheck {
  /** Folders, files or globs; one folder for kustomize and Helm. */
  readonly manifests: readonly string[];
  readonly render: 'plain' | 'kustomize' | 'helm' | 'jsonnet';
  /** Where objects without a namespace belong. */
  readonly namespace: string;
  /** Values files of a chart, later ones win. */
  readonly values: readonly string[];
  /** Name of the Helm release. */
  readonly release: string;
  readonly jsonnet: {
    /** External variables, top-level arguments: texts. */
    readonly ext: Readonly<Record<string, string>>;
    readonly tla: Readonly<Record<string, string>>;
    readonly importPaths: readonly string[];
  };
  /** Hosts that a kustomization may fetch remote bases from, and a chart its dependencies. Default: none. */
  readonly hosts: readonly string[];
  /** Which live objects have to be declared: those with a label, or all in some namespaces; absent: none. */
  readonly orphans?: { readonly label?: string; readonly namespaces: readonly string[] };
  /** Field managers that apply what git says, beyond the usual ones. */
  readonly appliers: readonly string[];
  /** Field managers that are people, beyond the usual ones; `*` is any text. */
  readonly people: readonly string[];
  /** Kinds whose values are as secret as those of a Secret, such as `SealedSecret` or `bitnami.com/SealedSecret`. */
  readonly secretKinds: readonly string[];
  /** Where the Lambda function runs to reach a private endpoint. */
  readonly vpc?: { readonly subnets: readonly string[]; readonly securityGroups: readonly string[] };
}

/** What `ansible-playbook --check --diff` is run with. Paths are relative to the root of the source. */
export interface NodesCheck {
  readonly playbook: string;
  /** The nodes that the service asks; absent: it is only checked locally, over `inventory`. */
  readonly select?: NodeSelect;
  /** An inventory: of a local check; on a node it gives groups and their variables. */
  readonly inventory?: string;
  /** Values as JSON has them; in a ticket also what outputs of other targets are. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Those of the extra variables that lie in a secret store. */
  readonly secretVars: Readonly<Record<string, SecretReference>>;
  readonly extraVarsFiles: readonly string[];
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  /** Hosts of the inventory in a local check. */
  readonly limit?: string;
  /** A file is one of the person who checks locally. */
  readonly vaultPassword?: SecretReference | { readonly file: string };
  /** Names of variables whose values no report may hold. */
  readonly secretVariables: readonly string[];
  /** Fewer nodes than this are no fleet that could be in sync. */
  readonly minNodes: number;
  /** A younger node is still being made: listed, not counted. */
  readonly settleSeconds: number;
  /** Nodes that look at the same time, a number or a percentage as SSM takes it: `50`, `10%`. */
  readonly concurrency: string;
}

/** Which nodes. Several tags: those that have each of them, with any of its values. */
export type NodeSelect =
  | { readonly tags: Readonly<Record<string, readonly string[]>> }
  | { readonly ids: readonly string[] }
  | { readonly resourceGroup: string };

/** How a cluster is reached. */
export type ClusterAccess =
  | {
      readonly eks: string;
      /** Whether the deployment lets the role in, by an access entry of the cluster; absent: a person does. */
      readonly accessEntry?: boolean;
    }
  | {
      /** Where it lies; a text is a file of the person who checks locally. */
      readonly kubeconfig: SecretReference | string;
      readonly context?: string;
    };

/** What targets of all layers have. */
interface AnyTarget {
  /** `<environment>/<name>`. */
  readonly name: string;
  readonly environment: Environment;
  /** Absent: it lives beside the config file and is only checked locally. */
  readonly source?: Source;
  /** EventBridge Scheduler expression, `rate(…)` or `cron(…)`; absent: no schedule. */
  readonly schedule?: string;
  readonly severity: Severity;
  readonly timeoutSeconds: number;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** `false`: paused; nothing pages. */
  readonly enabled: boolean;
  /** A baseline: findings are recorded, and none of them pages. */
  readonly observe: boolean;
  /** About to be removed: what is open is closed, nothing runs and nothing pages. */
  readonly retired: boolean;
  readonly windows: readonly Window[];
  /** People may have another commit than that of the source's ref checked. Absent: they may not. */
  readonly allowOtherCommits?: true;
  /** Pending drift pages after this many seconds; out-of-band drift at once. */
  readonly pendingGraceSeconds: number;
  /** New drift pages when a second look, so many seconds later, has found it too; 0: at once. */
  readonly confirmSeconds: number;
}

export interface TerraformTarget extends AnyTarget {
  readonly layer: 'terraform';
  readonly terraform: TerraformCheck;
}

export interface KubernetesTarget extends AnyTarget {
  readonly layer: 'kubernetes';
  readonly kubernetes: KubernetesCheck;
}

export interface NodesTarget extends AnyTarget {
  readonly layer: 'nodes';
  readonly nodes: NodesCheck;
}

/** One thing that is compared, with everything its check needs. Serialisable: it travels in a run's ticket. */
export type Target = TerraformTarget | NodesTarget | KubernetesTarget;

/** Who is told, by severity. */
export interface Notify {
  readonly pagerduty?: { readonly parameter: string };
  readonly email: readonly string[];
}

/** A validated config: everything resolved, `${environment}` expanded. */
export interface Config {
  /** Of the config file's bytes: 64 hex digits of SHA-256. */
  readonly hash: string;
  readonly sources: readonly Source[];
  readonly environments: readonly Environment[];
  readonly targets: readonly Target[];
  readonly notify: Readonly<Partial<Record<Severity, Notify>>>;
  readonly rules: Rules;
  /** Webhook deliveries that are handled at once; absent: none are reserved. */
  readonly webhookConcurrency?: number;
}

/** The config as it is deployed: with the commit of the repository it was read from, when there is one. */
export interface DeployedConfig extends Config {
  readonly commit: string | null;
  /** Where its file lies: host and path of the repository, and the path from its root; absent: not known. */
  readonly file?: { readonly repository: string; readonly path: string };
}
