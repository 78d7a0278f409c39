import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { builtinTypes } from '#cli/builtin-types.ts';
import { builtinKind, builtinType } from '#drift/kubernetes/schema/builtin.ts';

it('the table of built-in types is what `npm run builtin-types` writes', async () => {
  const table = new URL('../../../drift/kubernetes/schema/builtin-types.json', import.meta.url);
  expect(await builtinTypes()).toBe(readFileSync(table, 'utf8'));
}, 60_000);

it('knows how lists and maps merge', () => {
  const container = builtinType('core/v1/Container');
  const pod = builtinType('core/v1/PodSpec');
  const field = (schema: typeof pod, name: string) => (schema?.shape === 'struct' ? schema.field(name) : null);
  expect(field(container, 'ports')).toMatchObject({ merge: 'keyed', keys: ['containerPort', 'protocol'] });
  expect(field(pod, 'imagePullSecrets')).toMatchObject({ merge: 'keyed', keys: ['name'] });
  expect(builtinKind('v1', 'ServiceAccount')?.schema.field('imagePullSecrets')).toMatchObject({ merge: 'atomic' });
  expect(field(pod, 'tolerations')).toMatchObject({ merge: 'atomic' });
  expect(field(pod, 'nodeSelector')).toMatchObject({ shape: 'map', atomic: true });
  expect(field(builtinType('core/v1/ResourceRequirements'), 'limits')).toMatchObject({ value: { kind: 'quantity' } });
});

it('takes kinds of versions that are gone for what they became', () => {
  expect(builtinKind('extensions/v1beta1', 'Deployment')?.schema).toBe(builtinKind('apps/v1', 'Deployment')?.schema);
  expect(builtinKind('policy/v1beta1', 'PodDisruptionBudget')?.namespaced).toBe(true);
  expect(builtinKind('acme.example/v1', 'Deployment')).toBeNull();
});
