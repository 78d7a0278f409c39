import { writeFileSync } from 'node:fs';
import { at } from './json.ts';
import { makeOtherTypes, OTHER_TYPES } from './other-types.ts';
import { recording } from './recording.ts';

/** `npm run sandbox-types`: after the client library was replaced by one of another release. */
const core = at(recording.openApi('api/v1')?.document, 'components', 'schemas');
const types = await makeOtherTypes(new Set(Object.keys(core)));
writeFileSync(OTHER_TYPES, `${JSON.stringify(types, null, 1)}\n`);
console.log(`${Object.keys(types).length} types written to ${OTHER_TYPES}`);
