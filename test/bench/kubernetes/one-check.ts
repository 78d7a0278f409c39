import { readFileSync } from 'node:fs';
import { checkKubernetes } from '#checks/kubernetes/check.ts';
import type { Report } from '#drift/report.ts';
import type { KubernetesTarget } from '#drift/target.ts';

const TARGET: KubernetesTarget = {
  ...{ name: 'bench/objects', layer: 'kubernetes', severity: 'warning', timeoutSeconds: 600, minCoverage: 1 },
  ...{ enabled: true, observe: false, retired: false, windows: [], pendingGraceSeconds: 0, confirmSeconds: 0 },
  environment: {
    ...{ name: 'bench', severity: 'warning', state: [], locks: [] },
    cluster: { kubeconfig: { secret: 'bench' } },
  },
  kubernetes: {
    ...{ manifests: ['.'], render: 'plain', namespace: 'default', values: [], release: 'bench', hosts: [] },
    ...{ jsonnet: { ext: {}, tla: {}, importPaths: [] }, appliers: [], people: [], secretKinds: [] },
  },
};

/** One check of the manifests in a folder, as the function does it once they are fetched. */
export const oneCheck = (kubeconfig: string, folder: string): Promise<Report> =>
  checkKubernetes({
    target: TARGET,
    run: { runId: 'bench', trigger: 'manual', commit: null, config: { hash: '', commit: null } },
    source: { folder },
    rules: [],
    kubeconfig: readFileSync(kubeconfig, 'utf8'),
    credentials: null,
    before: null,
    fingerprintKey: null,
    hidden: [],
    tools: { path: '', cache: '/nonexistent' },
    signal: new AbortController().signal,
    timeoutMs: 600_000,
    progress: () => undefined,
    now: () => new Date(),
  });
