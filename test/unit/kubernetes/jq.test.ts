import { describe, expect, it } from 'vitest';
import { JqError, withoutJq } from '#drift/kubernetes/jq.ts';

const LIST = { list: [1, 2, 3, 4] };
const HOOKS = { webhooks: [{ name: 'a', clientConfig: { caBundle: 'x' } }, { name: 'b' }] };
const WITHOUT_BUNDLE = { webhooks: [{ name: 'a', clientConfig: {} }, { name: 'b' }] };

describe('what a jq path names is taken out', () => {
  it.each([
    ['.list[0]', LIST, { list: [2, 3, 4] }],
    ['.list[-1]', LIST, { list: [1, 2, 3] }],
    ['.list[1:3]', LIST, { list: [1, 4] }],
    ['.list[2:]', LIST, { list: [1, 2] }],
    ['.list[:2]', LIST, { list: [3, 4] }],
    ['.list[-2:]', LIST, { list: [1, 2] }],
    ['.list[]', LIST, { list: [] }],
    ['.webhooks[].clientConfig.caBundle', HOOKS, WITHOUT_BUNDLE],
    ['.webhooks[].clientConfig.caBundle?', HOOKS, WITHOUT_BUNDLE],
    ['.webhooks[]?.clientConfig?.caBundle?', HOOKS, WITHOUT_BUNDLE],
    ['.webhooks[]?.clientConfig.caBundle', HOOKS, WITHOUT_BUNDLE],
    ['.. | .caBundle?', HOOKS, WITHOUT_BUNDLE],
    ['.webhooks[]? | select(.name == "b")', HOOKS, { webhooks: [{ name: 'a', clientConfig: { caBundle: 'x' } }] }],
    [
      '.webhooks[] | select(.name | test("^A$"; "i")) | .clientConfig',
      HOOKS,
      { webhooks: [{ name: 'a' }, { name: 'b' }] },
    ],
    ['.webhooks[] | select(.name == "a?") | .name', HOOKS, HOOKS],
    ['.a["b.c/d"]?', { a: { 'b.c/d': 1, e: 2 } }, { a: { e: 2 } }],
    ['.a."b.c/d"?', { a: { 'b.c/d': 1, e: 2 } }, { a: { e: 2 } }],
    ['.nothing.at[].all?', LIST, LIST],
    ['.list.no.map', LIST, LIST],
  ])('%s', (path, value, left) => expect(withoutJq(value, path)).toEqual(left));
});

it.each(['.a[] | select(.b == "x)', 'first(.list[])', 'if true then .list else empty end'])(
  'what cannot be used is said: %s',
  (path) => expect(() => withoutJq(LIST, path)).toThrow(JqError),
);

it('however long a path is, it is read at once', () => {
  const start = performance.now();
  withoutJq({}, `.spec.${'template.'.repeat(50)}spec.containers[].resources.limits`);
  expect(performance.now() - start).toBeLessThan(1000);
});
