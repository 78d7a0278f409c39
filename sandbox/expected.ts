/** What a target has to be told about, and which alarms that makes red. */
export interface Expectation {
  readonly target: string;
  readonly verdict: string;
  readonly causes: readonly string[];
  /** Each difference, where it matters which. */
  readonly findings?: readonly string[];
  /** What could not be compared, where it matters. */
  readonly uncovered?: readonly string[];
  /** What cannot be compared, and a rule accepts that, where it matters. */
  readonly accepted?: readonly string[];
  readonly red: readonly string[];
  readonly story: string;
}

const VOLUMES = 'disks : Activate the volume group of the ephemeral disks';

/** The company with its drift. */
export const EXPECTED: readonly Expectation[] = [
  {
    target: 'staging/shop',
    verdict: 'in-sync',
    causes: [],
    red: [],
    story: 'kustomize; the server filled in a hundred defaults',
  },
  { target: 'staging/network', verdict: 'in-sync', causes: [], red: [], story: 'nobody touched it' },
  {
    target: 'prod/network',
    verdict: 'drifted',
    causes: ['out-of-band'],
    red: ['plumbline prod/network drift'],
    story: 'somebody opened SSH to the world, by hand',
  },
  {
    target: 'staging/storage',
    verdict: 'drifted',
    causes: ['pending'],
    red: [],
    story: 'merged and not applied; pages only after two hours',
  },
  {
    target: 'prod/storage',
    verdict: 'unknown',
    causes: [],
    red: ['plumbline prod/storage unknown'],
    story: 'what was pushed cannot be planned',
  },
  { target: 'prod/mail', verdict: 'in-sync', causes: [], red: [], story: 'a Helm chart' },
  { target: 'prod/clusters', verdict: 'in-sync', causes: [], red: [], story: 'jsonnet' },
  {
    target: 'prod/shop',
    verdict: 'drifted',
    causes: ['out-of-band', 'unclear'],
    findings: [
      'added Deployment/shop/web spec.template.spec.containers[name=web].env',
      'added Deployment/shop/web-debug',
      'changed Deployment/shop/cart spec.replicas',
      'removed Service/shop/checkout',
    ],
    red: ['plumbline prod/shop drift'],
    story: 'scaled, a variable set, a Service deleted, a Deployment that no file declares: with kubectl',
  },
  {
    target: 'staging/addons',
    verdict: 'unknown',
    causes: [],
    uncovered: ['Deployment/dashboard/dashboard', 'Service/dashboard/dashboard', 'ServiceAccount/dashboard/dashboard'],
    red: ['plumbline staging/addons unknown'],
    story: 'a namespace may not be read',
  },
  {
    target: 'staging/nodes',
    verdict: 'in-sync',
    causes: [],
    accepted: [`staging-master-0: ${VOLUMES}`, `staging-minion-0: ${VOLUMES}`],
    red: [],
    story: 'Ansible in check mode on every node; the one task that it skips is accepted',
  },
  {
    target: 'prod/nodes',
    verdict: 'drifted',
    causes: ['unclear'],
    findings: [
      'changed prod-master-2: control_plane : Static pods [kube-apiserver] /etc/kubernetes/manifests/kube-apiserver.yaml (on 1 of 3 nodes)',
      'changed prod-minion-0: kubelet : Flags /etc/systemd/system/kubelet.service.d/10-acme.conf (on 1 of 4 nodes)',
    ],
    uncovered: ['prod-minion-1'],
    red: ['plumbline prod/nodes drift', 'plumbline prod/nodes unknown'],
    story: 'a roll-out that one master missed, flags edited by hand on a minion; another is offline',
  },
];

/** @throws when nothing is expected of it */
export function expectationOf(target: string): Expectation {
  const found = EXPECTED.find((expectation) => expectation.target === target);
  if (found === undefined) throw new Error(`nothing is expected of ${target}`);
  return found;
}
