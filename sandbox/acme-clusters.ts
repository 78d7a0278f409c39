import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from './kubernetes/cluster.ts';
import { findLayerTool } from './kubernetes/tools.ts';
import { run } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const ACCESS = path.join(ROOT, 'infra/cluster-access/reader.yaml');
/** Prints the objects that a jsonnet program makes, one a document, as YAML takes them. */
const JSONNET = `
import json, sys, _jsonnet
def objects(value):
    if "apiVersion" in value: yield value
    else:
        for part in (value if isinstance(value, list) else value.values()): yield from objects(part)
made = json.loads(_jsonnet.evaluate_file(sys.argv[1], ext_vars={"cluster": sys.argv[2]}))
namespaces_first = sorted(objects(made), key=lambda one: one["kind"] != "Namespace")
print("\\n---\\n".join("# " + one["kind"] + "\\n" + json.dumps(one) for one in namespaces_first))
`;

/** What acme has in one of its clusters: applied by its pipeline, with the tools that its manifests are written for. */
export class AcmeCluster {
  readonly #cluster: Cluster;
  readonly #environment: string;
  readonly #python: string;
  readonly #k8s: string;

  /** @param repository a working copy @param python one that has jsonnet */
  constructor(cluster: Cluster, environment: string, repository: string, python: string) {
    this.#cluster = cluster;
    this.#environment = environment;
    this.#python = python;
    this.#k8s = path.join(repository, 'k8s');
  }

  /** Everything, as on any day: the namespaces first. Plumbline is let in as its documentation says. */
  async settle(): Promise<void> {
    await this.#cluster.apply(ACCESS);
    await this.#applyText(
      await run(this.#python, ['-c', JSONNET, path.join(this.#k8s, 'clusters/main.jsonnet'), this.#environment]),
    );
    await this.#cluster.apply(path.join(this.#k8s, 'addons'));
    await this.applyShop();
    const chart = path.join(this.#k8s, 'charts/notifier');
    const values = path.join(chart, `values/${this.#environment}.yaml`);
    const helm = ['template', 'mail', chart, '--namespace=notifier', `--values=${values}`];
    await this.#applyText(await run(findLayerTool('helm'), helm), '--namespace=notifier');
  }

  /** The shop again, which undoes what it declares and somebody changed. */
  async applyShop(): Promise<void> {
    await this.#cluster.kubectl('apply', '-k', path.join(this.#k8s, 'shop/overlays', this.#environment));
  }

  /** By hand, in a hurry: more replicas, a variable, a Service gone, and a Deployment that no file declares. */
  async breakShop(): Promise<void> {
    const shop = (...args: readonly string[]): Promise<string> => this.#cluster.kubectl('--namespace=shop', ...args);
    await shop('scale', 'deployment/cart', '--replicas=5');
    await shop('set', 'env', 'deployment/web', 'DEBUG=true');
    await shop('delete', 'service/checkout');
    await shop('create', 'deployment', 'web-debug', '--image=registry.acme.example/shop/web:debug');
  }

  /** Undone by hand, and applied again. */
  async healShop(): Promise<void> {
    await this.#cluster.kubectl('--namespace=shop', 'set', 'env', 'deployment/web', 'DEBUG-');
    await this.#cluster.kubectl('--namespace=shop', 'delete', 'deployment/web-debug');
    await this.applyShop();
  }

  /** Plumbline may look everywhere but into one namespace. */
  async hideDashboard(): Promise<void> {
    const everything = readFileSync(ACCESS, 'utf8');
    const [role = ''] = everything.split(/^---$/m);
    const group = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'plumbline' };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'plumbline-reader' };
    const bindings = ['kube-system', 'kube-public', 'shop', 'notifier'].map((namespace) => ({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', roleRef, subjects: [group] },
      metadata: { name: 'plumbline-reader', namespace },
    }));
    await this.#cluster.kubectl('delete', 'clusterrolebinding/plumbline-reader');
    await this.#applyText(
      [role, CLUSTER_SCOPED, ...bindings.map((one) => `# \n${JSON.stringify(one)}`)].join('\n---\n'),
    );
  }

  async showDashboard(): Promise<void> {
    await this.#cluster.apply(ACCESS);
  }

  async #applyText(stdin: string, ...options: readonly string[]): Promise<void> {
    await this.#cluster.kubectlWith({ stdin }, 'apply', ...options, '-f', '-');
  }
}

/** Objects of the cluster itself, which no binding in a namespace can open. */
const CLUSTER_SCOPED = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: plumbline-cluster }
rules:
  - { apiGroups: [""], resources: [namespaces], verbs: [get, list] }
  - { apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles, clusterrolebindings], verbs: [get, list] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: plumbline-cluster }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: plumbline-cluster }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: plumbline }]
`;
