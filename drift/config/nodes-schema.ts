import * as z from 'zod';
import { duration, repositoryPath, secretReference, text } from './scalars.ts';

const MAX_VARIABLES = 200;
const MAX_DEPTH = 10;
/** One argument of a command on Linux has at most 128 KB, and outputs of other targets come in later. */
const MAX_VARIABLES_LENGTH = 64 * 1024;

const list = <T extends z.ZodType>(entry: T, what: string, max: number) =>
  z.array(entry, { error: `write ${what} as a list: [a, b]` }).max(max, `at most ${max} are possible`);

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;
const variable = z
  .string({ error: 'write the name of a variable' })
  .regex(VARIABLE, 'a variable has letters, digits and "_", and starts with no digit');

const extraVars = z
  .record(variable, z.unknown(), {
    error: ({ code }) => (code === 'invalid_type' ? 'write the variables as a map: { name: value }' : undefined),
  })
  .superRefine((variables, context) => {
    const wrong = (message: string, ...path: string[]): void => context.addIssue({ code: 'custom', path, message });
    const entries = Object.entries(variables);
    if (entries.length > MAX_VARIABLES)
      wrong(`at most ${MAX_VARIABLES} are possible: write the others into a file, and the file into extraVarsFiles`);
    const deep = entries.filter(([, value]) => isDeeper(value, MAX_DEPTH));
    for (const [name] of deep) wrong(`is more than ${MAX_DEPTH} levels deep: write it into a file`, name);
    if (deep.length > 0) return;
    for (const [name, value] of entries) {
      if (hasLostDigits(value)) wrong('has a number that is not read as it is written: write it in quotes', name);
    }
    if (JSON.stringify(variables).length > MAX_VARIABLES_LENGTH)
      wrong('are longer than 64 KB: write them into a file, and the file into extraVarsFiles');
  });

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((entry) => isDeeper(entry, levels - 1));
}

/** JSON has no infinity, and integers have no more digits than a double. */
function hasLostDigits(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLostDigits);
}

// What SendCommand takes: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Target.html
const tagValues = z
  .union([text('a value', 256), list(text('a value', 256), 'the values', 50).min(1, 'write at least one value')], {
    error: 'write a value or a list of values: [master, minion]',
  })
  .transform((values) => (typeof values === 'string' ? [values] : values));

const CONCURRENCY = 'write how many nodes look at the same time, 1 to 1000, or a percentage: "10%"';

const select = z.union(
  [
    z.strictObject({
      ids: list(
        text('an id').regex(/^(i-[0-9a-f]{8,17}|mi-[0-9a-f]{17})$/, 'write the id of a node: i-… or mi-…'),
        'the ids',
        1000,
      ).min(1, 'write at least one id'),
    }),
    z.strictObject({
      resourceGroup: text('the name of a resource group', 300),
    }),
    z
      .record(text('a tag', 132).regex(/^tag:\S/, 'write a tag as "tag:Role"'), tagValues)
      .refine((tags) => Object.keys(tags).length > 0, 'write at least one tag')
      .refine((tags) => Object.keys(tags).length <= 5, 'at most 5 tags are possible'),
  ],
  {
    error:
      'write { "tag:Role": [master, minion] } with at most 5 tags, { ids: [i-…, mi-…] } or { resourceGroup: name }',
  },
);

const tag = text('a tag', 200).regex(/^[^\s,]+$/, 'a tag has no spaces and commas; write several as a list');

const vaultPassword = z.union(
  [
    secretReference,
    z.strictObject({ file: text('a file').describe('From the folder of this file, for local checks alone.') }),
  ],
  { error: 'write { secret: name }, { parameter: /name }, or for local checks { file: path }; never the value itself' },
);

/** `nodes` of a target as it is written. */
export const nodes = z
  .strictObject({
    playbook: repositoryPath.describe('The playbook, from the root of the repository.'),
    select: select
      .exactOptional()
      .describe('The nodes that the service asks, by tags, ids or a resource group. A target with a source needs it.'),
    inventory: repositoryPath
      .exactOptional()
      .describe('An inventory, a file or a folder: of a local check; on a node its groups and variables hold too.'),
    extraVars: extraVars
      .default({})
      .describe('Extra variables, of any kind; { secret: name } or { parameter: /name } is read there. Default: none.'),
    extraVarsFiles: list(repositoryPath, 'the files', 50)
      .default([])
      .describe('Files of extra variables, from the root of the repository; extraVars win. Default: none.'),
    tags: list(tag, 'the tags', 50).default([]).describe('Tasks that are looked at. Default: all.'),
    skipTags: list(tag, 'the tags', 50).default([]).describe('Tasks that are not looked at. Default: none.'),
    limit: text('a pattern', 1000)
      .exactOptional()
      .describe('Hosts of the inventory that a local check looks at. Default: all.'),
    vaultPassword: vaultPassword
      .exactOptional()
      .describe("Where the password of the repository's vaults lies. Default: it has none."),
    secretVariables: list(variable, 'the variables', 200)
      .default([])
      .describe('Variables whose values no report may hold, beyond those that look secret. Default: none.'),
    minNodes: z
      .int({ error: 'write a number of nodes' })
      .min(1, 'at least 1 node is needed')
      .max(10_000, 'at most 10000 are possible')
      .default(1)
      .describe('With fewer nodes the verdict is unknown. Default: 1.'),
    settle: duration
      .refine((seconds) => seconds <= 86_400, 'a node is settled within 1d')
      .default(900)
      .describe('Younger nodes are listed and not counted. Default: 15m.'),
    concurrency: z
      .union(
        [
          z.int().min(1, CONCURRENCY).max(1000, CONCURRENCY),
          z.string().regex(/^(([1-9]\d?|100)%|[1-9]\d{0,2}|1000)$/, CONCURRENCY),
        ],
        { error: CONCURRENCY },
      )
      .default(50)
      .transform(String)
      .describe('Nodes that look at the same time, a number or "10%". Default: 50.'),
  })
  .superRefine(({ limit, inventory, select }, context) => {
    const wrong = (message: string): void => context.addIssue({ code: 'custom', path: ['limit'], message });
    if (limit !== undefined && inventory === undefined)
      wrong('is of an inventory: write inventory: path, or take it out');
    else if (limit !== undefined && select !== undefined)
      wrong('is for local checks: what the service looks at is in select; take one of the two out');
  });
export type NodesFile = z.infer<typeof nodes>;
