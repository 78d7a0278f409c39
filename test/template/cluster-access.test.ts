import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import table from '#drift/kubernetes/schema/builtin-types.json' with { type: 'json' };
import { CLUSTER_GROUP } from '#drift/names.ts';

const folder = path.resolve(import.meta.dirname, '../../infra/cluster-access');
const documents = (file: string): readonly unknown[] =>
  parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')).map((document) => document.toJS() as unknown);

const roleSchema = z.strictObject({
  apiVersion: z.literal('rbac.authorization.k8s.io/v1'),
  kind: z.literal('ClusterRole'),
  metadata: z.object({ name: z.string() }),
  rules: z.array(
    z.strictObject({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
  ),
});
const bindingSchema = z.object({
  kind: z.literal('ClusterRoleBinding'),
  roleRef: z.object({ kind: z.literal('ClusterRole'), name: z.string() }),
  subjects: z.array(z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() })),
});

const [first, second, ...others] = documents('reader.yaml');
const role = roleSchema.parse(first);
const binding = bindingSchema.parse(second);

describe('what Plumbline may read in a cluster', () => {
  test('is a role, and its binding to the group that access entries name', () => {
    expect(others).toEqual([]);
    expect(binding.roleRef.name).toBe(role.metadata.name);
    expect(binding.subjects).toEqual([expect.objectContaining({ kind: 'Group', name: CLUSTER_GROUP })]);
  });

  test('is read with get and list, and with no other verb', () => {
    expect(role.rules.map(({ verbs }) => verbs)).toEqual([
      ['get', 'list'],
      ['get', 'list'],
    ]);
  });

  test('is nothing that runs when it is got: no group without a name, and no sub-resource of the core', () => {
    for (const { apiGroups, resources } of role.rules) {
      expect(apiGroups).not.toContain('*');
      if (apiGroups.includes('')) expect(resources.filter((name) => /[*/]/.test(name))).toEqual([]);
    }
  });

  test('is every kind that Kubernetes brings with it, but events and what the server keeps to itself', () => {
    const left: string[] = [];
    let allowed = 0;
    for (const key of Object.keys(table.kinds)) {
      const [apiVersion = '', kind = ''] = key.split(' ');
      const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
      const plural = `${kind.toLowerCase()}s`.replace(/ss$/, 's');
      const fits = role.rules.some(
        ({ apiGroups, resources }) =>
          apiGroups.includes(group) && (resources.includes('*') || resources.includes(plural)),
      );
      if (fits) allowed += 1;
      else left.push(`${group}/${kind}`);
    }
    expect([...new Set(left)].sort()).toEqual([
      '/Event',
      'events.k8s.io/Event',
      'internal.apiserver.k8s.io/StorageVersion',
    ]);
    expect(allowed).toBeGreaterThan(80);
  });
});

test('with a kubeconfig it is an account in a namespace of its own, with a token and the same rights', () => {
  const [namespace, account, token, bound, ...more] = documents('service-account.yaml');
  expect(more).toEqual([]);
  expect(namespace).toMatchObject({ kind: 'Namespace', metadata: { name: 'plumbline' } });
  expect(account).toMatchObject({ kind: 'ServiceAccount', metadata: { name: 'plumbline', namespace: 'plumbline' } });
  expect(token).toMatchObject({
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: { namespace: 'plumbline', annotations: { 'kubernetes.io/service-account.name': 'plumbline' } },
  });
  const { roleRef, subjects } = bindingSchema.parse(bound);
  expect(roleRef.name).toBe(role.metadata.name);
  expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'plumbline', namespace: 'plumbline' }]);
});
