import * as z from 'zod';
import type { Unreached } from './live.ts';
import { kindOfResource } from './schema/builtin.ts';

const rule = z.looseObject({
  namespace: z.string().optional(),
  apiVersion: z.string().optional(),
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string().optional(),
});
const texts = z.array(z.string()).max(1000).default([]);
type Rule = z.infer<typeof rule>;

/**
 * What a user may not read: namespaces (`shop`), kinds (`Secret`, `apps/Deployment`, `shop/Secret`), resources
 * (`secrets`, `deployments.apps`), or rules with several of these.
 */
export const forbiddenSchema = z
  .union([
    z.array(z.union([z.string(), rule])).max(1000),
    z
      .object({ namespaces: texts, kinds: texts })
      .transform(({ namespaces, kinds }) => [
        ...namespaces.map((namespace): Rule => ({ namespace })),
        ...kinds.map((kind): Rule => ({ kind })),
      ]),
  ])
  .default([])
  .transform((given): readonly Unreached[] =>
    given.flatMap((of) => (typeof of === 'string' ? rulesOf(of) : [of])).map(unreachedOf),
  );

function rulesOf(text: string): readonly Rule[] {
  const parts = text.split('/');
  const kind = parts.at(-1) ?? '';
  if (/^[A-Z]/.test(kind)) {
    if (parts.length === 1) return [{ kind }];
    const where = parts.slice(0, -1).join('/');
    // A group, a version of one, or a namespace.
    return parts.length > 2
      ? [{ apiVersion: where, kind }]
      : [
          { group: where, kind },
          { namespace: where, kind },
        ];
  }
  const known = kindOfResource(text);
  return known === null ? [{ namespace: text }] : [known];
}

function unreachedOf(of: Rule): Unreached {
  const where = [of.kind, of.namespace].filter((part) => part !== undefined).join(' in ');
  return {
    apiVersion: of.apiVersion ?? (of.group === undefined ? '*' : of.group === '' ? 'v1' : `${of.group}/*`),
    kind: of.kind ?? '*',
    namespace: of.namespace ?? null,
    ...(of.name === undefined ? {} : { name: of.name }),
    reason:
      of.kind === undefined && of.namespace !== undefined
        ? `the namespace ${of.namespace} may not be listed: forbidden`
        : `${where || 'it'} may not be listed: forbidden`,
  };
}
