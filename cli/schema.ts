/** `npm run schema`: writes the published JSON Schemas; a test keeps them fresh. */
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '#drift/config/schema.ts';
import { reportJsonSchema } from '#drift/report.ts';

for (const [name, schema] of [
  ['plumbline', configJsonSchema()],
  ['report', reportJsonSchema()],
] as const) {
  writeFileSync(new URL(`../schema/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
