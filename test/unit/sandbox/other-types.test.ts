import { expect, it } from 'vitest';
import { at } from '#sandbox/kubernetes/json.ts';
import { makeOtherTypes, readOtherTypes } from '#sandbox/kubernetes/other-types.ts';
import { recording } from '#sandbox/kubernetes/recording.ts';

it('the types that were not recorded are those of the client library that is installed', async () => {
  const core = at(recording.openApi('api/v1')?.document, 'components', 'schemas');
  const made = await makeOtherTypes(new Set(Object.keys(core)));
  expect(Object.keys(made).length).toBeGreaterThan(100);
  expect(readOtherTypes()).toEqual(made);
});
