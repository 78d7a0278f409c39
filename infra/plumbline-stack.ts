import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubectlV36Layer } from '@aws-cdk/lambda-layer-kubectl-v36';
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnDocument } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { deployed } from '#drift/names.ts';
import { DOCUMENT_FOLDER, nodeDocument } from '#drift/nodes/document.ts';
import type { AlarmText } from './alarm-text.ts';
import { Alerts, pascal } from './alerts.ts';
import type { BuildEnvironment } from './build-environment.ts';
import type { Bundles } from './bundle.ts';
import { Dashboard } from './dashboard.ts';
import { DeadLetters } from './dead-letters.ts';
import { Heartbeat } from './heartbeat.ts';
import { KubernetesEnvironment } from './kubernetes-environment.ts';
import { NodesEnvironment } from './nodes-environment.ts';
import { People } from './people.ts';
import { Results } from './results.ts';
import { type Clock, clockRole, scheduleSweep } from './schedules.ts';
import { Service } from './service.ts';
import type { ServedCluster, ServedModule, ServedNodes, ServedTarget, Settings } from './settings.ts';
import { shardOf } from './shards.ts';
import { hasStatuses, Statuses } from './statuses.ts';
import { TargetsStack } from './targets-stack.ts';
import { TerraformEnvironment } from './terraform-environment.ts';
import { hasWebhook, Webhook } from './webhook.ts';

const DOCUMENT = path.resolve(import.meta.dirname, '..', DOCUMENT_FOLDER);

export interface PlumblineStackProps extends StackProps {
  readonly settings: Settings;
  readonly bundles: Bundles;
  /**
   * Address of the operations guide, which every alarm links to.
   * @default docs/operations.md
   */
  readonly runbooks?: string;
}

/** The whole service in one account and region. */
export class PlumblineStack extends Stack {
  constructor(scope: Construct, id: string, { settings, bundles, runbooks, ...props }: PlumblineStackProps) {
    super(scope, id, props);
    const results = new Results(this, 'Results');
    const { bucketName: bucket } = results.bucket;
    const { region, account } = settings;
    const text: AlarmText = { region, account, bucket, runbooks: runbooks ?? 'docs/operations.md' };
    const letters = new DeadLetters(this, 'DeadLetters');
    const { queue: deadLetters } = letters;
    const alerts = new Alerts(this, 'Alerts', { notify: settings.notify, deadLetters });
    letters.alarm(alerts, text);
    new Heartbeat(this, 'Heartbeat', { alerts, text });

    const environments = this.#checkInBuilds(settings.targets, bundles, results, alerts);
    const service = new Service(this, 'Service', { settings, bundles, results, environments, deadLetters });
    this.#checkKubernetes(settings.targets.filter(isKubernetes), bundles, results, service);

    if (hasWebhook(settings)) {
      const code = bundles.functions.webhook;
      new Webhook(this, 'Webhook', { settings, code, results, deadLetters, alerts, text });
    }

    if (hasStatuses(settings)) {
      const code = bundles.functions['commit-status'];
      new Statuses(this, 'Statuses', { settings, code, results, deadLetters, alerts, text });
    }

    new People(this, 'People', { settings, code: bundles.functions.rerun, results });
    new Dashboard(this, 'Dashboard', { region, code: bundles.functions.widget, results });

    const functions = [service.dispatch.function, service.sweep.function];
    const role = clockRole(this, functions, deadLetters).withoutPolicyUpdates();
    scheduleSweep(this, service.sweep.function, { role, deadLetters });
    const clock: Clock = { role, dispatch: service.dispatch.function, deadLetters };
    for (const [shard, targets] of groupBy(settings.targets, (target) => shardOf(target.name))) {
      new TargetsStack(this, `Targets${shard}`, { targets, clock, topics: alerts.topics, text });
    }
    this.#tell(bucket, service, alerts);
  }

  #checkInBuilds(
    all: readonly ServedTarget[],
    bundles: Bundles,
    results: Results,
    alerts: Alerts,
  ): readonly BuildEnvironment[] {
    const [modules, nodes] = [all.filter(isTerraform), all.filter(isNodes)];
    if (modules.length + nodes.length === 0) return [];
    const shared = { tool: new Asset(this, 'Tool', { path: bundles.tool }), results };
    const topics = Object.values(alerts.topics);
    const environments: BuildEnvironment[] = [];
    for (const [name, targets] of groupBy(modules, environmentOf)) {
      environments.push(new TerraformEnvironment(this, `Terraform.${name}`, { targets, topics, ...shared }));
    }
    for (const [name, targets] of groupBy(nodes, environmentOf)) {
      environments.push(new NodesEnvironment(this, `Nodes.${name}`, { targets, ...shared }));
    }
    if (nodes.length > 0) this.#deployNodeDocument();
    return environments;
  }

  /** What runs a playbook on a node. A changed one becomes the newest version, and the one that is used. */
  #deployNodeDocument(): void {
    new CfnDocument(this, 'NodeDocument', {
      name: deployed.nodeDocument,
      documentType: 'Command',
      documentFormat: 'JSON',
      content: nodeDocument((name) => readFileSync(path.join(DOCUMENT, name), 'utf8')),
      updateMethod: 'NewVersion',
    });
  }

  #checkKubernetes(all: readonly ServedCluster[], bundles: Bundles, results: Results, service: Service): void {
    if (all.length === 0) return;
    const code = bundles.functions['kube-diff'];
    const tools = new KubectlV36Layer(this, 'KubectlLayer');
    const record = service.record.function;
    for (const [name, targets] of groupBy(all, environmentOf)) {
      const { environment } = targets[0];
      new KubernetesEnvironment(this, `Kubernetes.${name}`, { environment, targets, code, tools, results, record });
    }
  }

  #tell(bucket: string, service: Service, alerts: Alerts): void {
    const outputs: Readonly<Record<string, string>> = {
      ResultsBucket: bucket,
      DispatchFunction: service.dispatch.function.functionName,
      RecordFunction: service.record.function.functionName,
      SweepFunction: service.sweep.function.functionName,
      ...Object.fromEntries(
        Object.entries(alerts.topics).map(([severity, topic]) => [`${pascal(severity)}Topic`, topic.topicArn]),
      ),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

const environmentOf = ({ environment }: ServedTarget): string => environment.name;
const isTerraform = (target: ServedTarget): target is ServedModule => target.layer === 'terraform';
const isNodes = (target: ServedTarget): target is ServedNodes => target.layer === 'nodes';
const isKubernetes = (target: ServedTarget): target is ServedCluster => target.layer === 'kubernetes';

/** Groups in the order of their names, so that the order of the config's keys changes nothing. */
function groupBy<T extends ServedTarget>(
  targets: readonly T[],
  nameOf: (target: T) => string,
): ReadonlyMap<string, readonly [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  const sorted = [...targets].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const target of sorted) {
    const name = nameOf(target);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [target]);
    else group.push(target);
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}
