import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { type Certificates, makeCertificates } from '#sandbox/tls.ts';

const CASES = path.resolve(import.meta.dirname, '../fixtures/kubernetes/cases');
/** Objects that a real server held right after they were applied. */
const APPLIED = [
  'r001-storefront-deployment-just-applied-csa',
  'r004-statefulset-with-claim-templates-10240mi-ssa',
  'r007-job-that-completed-csa',
  'r009-six-services-of-every-type-csa',
  'r011-ingress-and-networkpolicy-csa',
  'r012-pdb-quota-limit-range-priority-class-csa',
  'r016-aggregated-clusterrole-filled-by-the-controller-ssa',
  'r017-mutatingwebhookconfiguration-defaults-ssa',
  'r018-crd-with-defaults-and-list-map-keys-csa',
] as const;

interface Live {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

let dir: string;
let certificates: Certificates;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'plumbline-defaults-'));
  certificates = await makeCertificates(dir);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const CHANGING = new Set(
  [
    'uid resourceVersion creationTimestamp generation time status nodePort healthCheckNodePort',
    'controller-uid batch.kubernetes.io/controller-uid',
  ]
    .join(' ')
    .split(' '),
);

/** Without state, and what no two clusters share. */
function stable(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => stable(item));
    const isStatus = (item: unknown): boolean => (item as { subresource?: string } | null)?.subresource === 'status';
    const isEntry = (item: unknown): boolean => typeof item === 'object' && item !== null && 'fieldsV1' in item;
    const name = (item: unknown): string => JSON.stringify((item as { manager?: string }).manager);
    return items.some(isEntry)
      ? items.filter((item) => !isStatus(item)).sort((a, b) => (name(a) < name(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => {
    if (key === 'clusterIP' || key === 'clusterIPs') return JSON.stringify(item).includes('None');
    return !CHANGING.has(key);
  });
  return Object.fromEntries(entries.map(([key, item]) => [key, stable(item)]));
}

describe.each(APPLIED)('%s', (name) => {
  it('is held with the fields and owners that a real server gave it', async () => {
    const folder = path.join(CASES, name);
    const cluster = await Cluster.start({ name: 'defaults', dir, certificates, account: null });
    try {
      const { input } = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8'));
      const namespace: string = input.defaultNamespace ?? 'default';
      if (namespace !== 'default') await cluster.kubectl('create', 'namespace', namespace);
      const isServerSide = name.endsWith('-ssa');
      const apply = ['apply', ...(isServerSide ? ['--server-side'] : []), '-f', path.join(folder, 'config.yaml')];
      await cluster.kubectl('-n', namespace, ...apply);
      const lives = parseAllDocuments(readFileSync(path.join(folder, 'live.yaml'), 'utf8')).map(
        (one) => one.toJS() as Live,
      );
      expect(lives.length).toBeGreaterThan(0);
      for (const live of lives) {
        const [group, version] = live.apiVersion.includes('/') ? live.apiVersion.split('/') : ['', live.apiVersion];
        const where = live.metadata.namespace === undefined ? [] : ['-n', live.metadata.namespace];
        const kind = `${live.kind}.${version}.${group}`;
        const got = await cluster.kubectl(
          ...where,
          'get',
          kind,
          live.metadata.name,
          '-o',
          'json',
          '--show-managed-fields',
        );
        expect(stable(JSON.parse(got))).toEqual(stable(live));
      }
    } finally {
      await cluster.stop();
    }
  });
});
