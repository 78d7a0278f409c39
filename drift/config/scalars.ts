import * as z from 'zod';

const DURATION = /^(\d{1,6})(s|m|h|d)$/;
const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** A text that is not empty. */
export const text = (what: string, max = 500) =>
  z
    .string({ error: `write ${what} as text` })
    .min(1, `write ${what}`)
    .max(max, `${what} is longer than ${max} characters`);

/** `90s`, `30m`, `2h`, `1d`, in seconds. */
export const duration = z
  .string({ error: 'write a duration as 90s, 30m, 2h or 1d' })
  .regex(DURATION, 'write a duration as 90s, 30m, 2h or 1d')
  .transform((value) => {
    const [, count = '0', unit = 's'] = DURATION.exec(value) ?? [];
    return Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  });

/** A pattern in which only `*` is special. */
export const glob = (what: string) =>
  text(what, 1000).refine(
    (value) => !value.startsWith('!'),
    'a leading "!" does not turn a pattern round; name what is meant, with * for any text',
  );

/** Values that YAML reads as booleans or numbers are meant as text here. */
export const scalarText = z
  .union([z.string(), z.number(), z.boolean()], { error: 'write a text, a number or a boolean' })
  .transform(String);

/** A path inside the repository, relative to its root. */
export const repositoryPath = text('a path').refine(
  (path) =>
    !path.startsWith('/') && !path.startsWith('~') && !path.split(/[\\/]/).includes('..') && !path.includes('\0'),
  'a path must lie inside the repository: relative to its root and without ".."',
);

export const secretReference = z
  .union(
    [
      z.strictObject({ secret: text('the name of a Secrets Manager secret') }),
      z.strictObject({ parameter: text('the name of an SSM parameter') }),
    ],
    { error: 'write { secret: name } for Secrets Manager or { parameter: /name } for SSM; never the value itself' },
  )
  .describe('Where a secret value lies: a Secrets Manager secret or an SSM parameter, by name.');
