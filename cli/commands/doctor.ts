import { connect } from '#checks/kubernetes/connect.ts';
import { declaredIn } from '#checks/kubernetes/evidence.ts';
import type { KubernetesTarget, Target } from '#drift/target.ts';
import { type Caller, callerIn } from '#services/aws/identity.ts';
import { readConfig } from '../config-file.ts';
import { examineAccount } from '../doctor/account.ts';
import { type ClusterPorts, examineCluster } from '../doctor/cluster.ts';
import { type Diagnosis, diagnosesText, ill } from '../doctor/diagnosis.ts';
import { examineMachine } from '../doctor/machine.ts';
import { examineNodes } from '../doctor/nodes.ts';
import { ownWay } from '../local/kubernetes.ts';
import { toolCache } from '../local/run.ts';
import { withProgress } from '../output/progress.ts';
import { selectTargets } from '../select.ts';
import type { Terminal } from '../terminal.ts';
import { WorkingFolders } from '../working-folder.ts';

export interface DoctorOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** Of one cluster, rendering included. */
const CLUSTER_LIMIT_MS = 5 * 60_000;

interface Part {
  readonly name: string;
  readonly examine: (progress: (step: string) => void) => Promise<readonly Diagnosis[]>;
}

/** `plumbline doctor`: what this machine, its account and its clusters lack for checks of the targets. */
export async function doctor(wanted: readonly string[], options: DoctorOptions, terminal: Terminal): Promise<void> {
  const config = await readConfig(options.config, terminal.cwd, null);
  const targets = selectTargets(config.targets, wanted).filter(({ retired }) => !retired);
  const folders = new WorkingFolders(options.config, terminal);
  const parts: readonly Part[] = [
    { name: 'this machine', examine: () => examineMachine(targets, terminal) },
    ...accountParts(targets),
    ...nodesParts(targets),
    ...clusterParts(targets, clusterPorts(folders, terminal), terminal.signal),
  ];
  const diagnoses: Diagnosis[] = [];
  await withProgress(parts, terminal, async (part, progress) => {
    diagnoses.push(...(await examined(part, terminal, progress)));
  });
  terminal.out(options.json === true ? JSON.stringify(diagnoses, null, 2) : diagnosesText(diagnoses, terminal));
  terminal.exit(diagnoses.every(({ ok }) => ok) ? 0 : 1);
}

async function examined(
  { name, examine }: Part,
  terminal: Terminal,
  progress: (step: string) => void,
): Promise<readonly Diagnosis[]> {
  try {
    return await examine(progress);
  } catch (error) {
    // What else was found must not be lost with this one.
    const what = error instanceof Error ? error : new Error(String(error));
    terminal.err(`${name}: ${what.stack ?? what.message}`);
    return [ill(name, `the examination itself failed: ${what.message}`)];
  }
}

/** Each account once, by the environments that have one. */
function accountParts(targets: readonly Target[]): readonly Part[] {
  const callers = new Map<string | undefined, Promise<Caller>>();
  const caller = (region: string | undefined): Promise<Caller> => {
    const known = callers.get(region) ?? callerIn(region);
    callers.set(region, known);
    return known;
  };
  const environments = new Map(targets.map(({ environment }) => [environment.name, environment]));
  return [...environments.values()].flatMap((environment) => {
    const { name, account } = environment;
    if (account === undefined) return [];
    const examine = async () => [await examineAccount({ ...environment, account }, caller)];
    return [{ name: `${name} account`, examine }];
  });
}

/** Of the targets that the service checks. */
function nodesParts(targets: readonly Target[]): readonly Part[] {
  const served = targets.filter((target) => target.layer === 'nodes').filter(({ source }) => source !== undefined);
  return [...Map.groupBy(served, ({ environment }) => environment.name)].flatMap(([name, [first, ...others]]) => {
    const region = first?.environment.region;
    if (first === undefined || region === undefined) return [];
    const examine = async () => {
      const { nodePorts } = await import('../doctor/node-ports.ts');
      return examineNodes([first, ...others], region, nodePorts, new Date());
    };
    return [{ name: `${name} nodes`, examine }];
  });
}

function clusterParts(targets: readonly Target[], ports: ClusterPorts, signal: AbortSignal): readonly Part[] {
  const objects = targets.filter((target) => target.layer === 'kubernetes');
  return [...Map.groupBy(objects, ({ environment }) => environment.name)].flatMap(([name, [first, ...others]]) => {
    if (first === undefined) return [];
    const examine: Part['examine'] = async (progress) => {
      const end = new AbortController();
      const limit = AbortSignal.any([signal, AbortSignal.timeout(CLUSTER_LIMIT_MS), end.signal]);
      try {
        const bounds = { signal: limit, deadline: Date.now() + CLUSTER_LIMIT_MS, progress };
        return await examineCluster([first, ...others], ports, bounds);
      } finally {
        // Whatever is still asked beside what failed.
        end.abort();
      }
    };
    return [{ name: `${name} cluster`, examine }];
  });
}

function clusterPorts(folders: WorkingFolders, terminal: Terminal): ClusterPorts {
  const tools = { path: terminal.env['PATH'] ?? '', cache: toolCache(terminal) };
  return {
    connect: async (target, signal) => connect(await ownWay(target, await folders.of(target), terminal), signal),
    declared: async (target: KubernetesTarget, server, bounds) => {
      const { folder } = await folders.of(target);
      return declaredIn({ target, tools }, folder, bounds, Promise.resolve(server));
    },
    accessEntry: async (request) => {
      // Half of what a check loads is for EKS: other clusters need not wait for it.
      const { readAccessEntry } = await import('#services/cluster/eks-access.ts');
      return readAccessEntry(request);
    },
  };
}
