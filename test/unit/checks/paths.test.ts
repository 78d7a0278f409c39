import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { neededPaths } from '#checks/nodes/selection.ts';
import { modulePaths } from '#checks/terraform/paths.ts';
import { fewPaths } from '#drift/paths.ts';
import type { KubernetesCheck } from '#drift/target.ts';
import { renderManifests } from '#services/render/render.ts';
import { FLEET, SHOP } from '../runs/world.ts';

const ACME = path.resolve(import.meta.dirname, '../../../examples/acme');
let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'plumbline-paths-')));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a terraform root is made of', () => {
  const place = () => {
    const folder = mkdtempSync(path.join(root, 'terraform-'));
    const [data, source] = [path.join(folder, 'data'), path.join(folder, 'source')];
    const cwd = path.join(source, 'terraform/network');
    for (const made of [path.join(data, 'modules/registry'), cwd]) mkdirSync(made, { recursive: true });
    const list = (...dirs: readonly string[]) => {
      const Modules = dirs.map((Dir) => ({ Key: '', Source: '', Dir }));
      writeFileSync(path.join(data, 'modules/modules.json'), JSON.stringify({ Modules }));
    };
    const madeOf = async (varFiles: readonly string[] = []) =>
      fewPaths((await modulePaths(source, { path: 'terraform/network', varFiles }, { cwd, data })) ?? ['?']);
    return { data, source, cwd, list, madeOf };
  };

  it('itself and the modules that init has found in the repository', async () => {
    const { data, list, madeOf } = place();
    expect(await madeOf()).toEqual(['terraform/network']);
    list('.', '../modules/vpc', path.join(data, 'modules/registry'));
    expect(await madeOf()).toEqual(['terraform/modules/vpc', 'terraform/network']);
    writeFileSync(path.join(data, 'modules/modules.json'), '{');
    expect(await madeOf()).toEqual(['?']);
  });

  it('what links in these lead to, and the links', async () => {
    const { source, cwd, list, madeOf } = place();
    for (const folder of ['shared/vpc', 'shared/env', 'env', 'terraform/modules']) {
      mkdirSync(path.join(source, folder), { recursive: true });
    }
    for (const file of ['shared/versions.tf', 'shared/vpc/main.tf', 'shared/env/all.tfvars', 'shared/tags.tf']) {
      writeFileSync(path.join(source, file), '');
    }
    symlinkSync('../../shared/versions.tf', path.join(cwd, 'versions.tf'));
    symlinkSync('../../shared/vpc', path.join(source, 'terraform/modules/vpc'));
    symlinkSync('../tags.tf', path.join(source, 'shared/vpc/tags.tf'));
    symlinkSync('../shared/env/all.tfvars', path.join(source, 'env/prod.tfvars'));
    symlinkSync('/etc/hostname', path.join(cwd, 'elsewhere'));
    list('.', '../modules/vpc');
    expect(await madeOf(['env/prod.tfvars'])).toEqual([
      ...['env/prod.tfvars', 'shared/env/all.tfvars', 'shared/tags.tf', 'shared/versions.tf', 'shared/vpc'],
      ...['terraform/modules/vpc', 'terraform/network'],
    ]);
  });
});

it('nodes are made of the folder of the playbook, the inventory with its variables, and what ansible.cfg names', () => {
  const check = { ...FLEET.nodes, inventory: 'inventory/prod.ini', extraVarsFiles: ['vars/prod.yml'] };
  const settings = { ANSIBLE_ROLES_PATH: '{source}/ansible/roles:{source}/shared/roles' };
  expect(fewPaths(neededPaths(check, { folder: 'ansible', settings }))).toEqual([
    ...[
      'ansible',
      'inventory/group_vars',
      'inventory/host_vars',
      'inventory/prod.ini',
      'shared/roles',
      'vars/prod.yml',
    ],
  ]);
});

it.each(['{source}', '{source}/', '/etc/roles:{source}/.'])(
  'nodes are made of all where ansible.cfg names %s',
  (roles) => {
    const settings = { ANSIBLE_ROLES_PATH: roles };
    expect(fewPaths(neededPaths(FLEET.nodes, { folder: 'ansible', settings }))).toEqual(['.']);
  },
);

describe('objects are made of', () => {
  const madeOf = async (over: Partial<KubernetesCheck>, repository = ACME) => {
    const read: string[] = [];
    await renderManifests({
      root: repository,
      check: { ...SHOP.kubernetes, ...over },
      server: null,
      tools: { path: process.env['PATH'] ?? '', cache: path.join(root, 'tools') },
      signal: new AbortController().signal,
      timeoutMs: 60_000,
      onRead: (name) => read.push(name),
    });
    return fewPaths(read);
  };

  it('the folder that is named', async () => {
    expect(await madeOf({ manifests: ['k8s/addons'] })).toEqual(['k8s/addons']);
  });

  it('an overlay and its bases', async () => {
    const found = await madeOf({ manifests: ['k8s/shop/overlays/prod'], render: 'kustomize' });
    expect(found).toContain('k8s/shop/base/web.yaml');
    expect(found).toContain('k8s/shop/overlays/prod/kustomization.yaml');
    expect(found?.join()).not.toContain('staging');
  });

  it('a chart and its values', async () => {
    const values = ['k8s/charts/notifier/values/prod.yaml'];
    expect(await madeOf({ manifests: ['k8s/charts/notifier'], render: 'helm', values })).toEqual([
      'k8s/charts/notifier',
    ]);
  });

  it('a jsonnet program and what it imports', async () => {
    const jsonnet = { ext: { cluster: 'prod' }, tla: {}, importPaths: [] };
    const found = await madeOf({ manifests: ['k8s/clusters/main.jsonnet'], render: 'jsonnet', jsonnet });
    expect(found).toEqual([
      ...['k8s/clusters/lib/clusters.libsonnet', 'k8s/clusters/lib/object.libsonnet', 'k8s/clusters/main.jsonnet'],
    ]);
  });

  it('what would be imported in its place as well', async () => {
    const repository = path.join(root, 'jsonnet');
    for (const folder of ['apps', 'lib', 'vendor']) mkdirSync(path.join(repository, folder), { recursive: true });
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    writeFileSync(path.join(repository, 'vendor/config.libsonnet'), JSON.stringify(config));
    writeFileSync(path.join(repository, 'apps/main.jsonnet'), "import 'config.libsonnet'");
    const jsonnet = { ext: {}, tla: {}, importPaths: ['vendor', 'lib'] };
    expect(await madeOf({ manifests: ['apps/main.jsonnet'], render: 'jsonnet', jsonnet }, repository)).toEqual([
      ...['apps/config.libsonnet', 'apps/main.jsonnet', 'lib/config.libsonnet', 'vendor/config.libsonnet'],
    ]);
  });
});
