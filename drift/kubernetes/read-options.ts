import * as z from 'zod';
import { forbiddenSchema } from './forbidden.ts';
import type { Json } from './json.ts';
import type { Unreached } from './live.ts';
import { DEFAULT_OPTIONS, type IgnoredParts, type KnownType, type KubernetesOptions } from './options.ts';

const texts = z.array(z.string()).max(10_000).default([]);
const ignore = z.looseObject({
  group: z.string().default('*'),
  kind: z.string().default('*'),
  namespace: z.string().default('*'),
  name: z.string().default('*'),
  jsonPointers: texts,
  jqPathExpressions: texts,
  managedFieldsManagers: texts,
});
const knownType = z.looseObject({
  group: z.string().default('*'),
  kind: z.string().default('*'),
  field: z.string().optional(),
  path: z.string().optional(),
  type: z.string(),
});

/** `a=b,c=d`, or the labels themselves, also under `matchLabels`. */
const labels = z.record(z.string(), z.string());
const selector = z.union([
  z.string(),
  z.object({ matchLabels: labels }).transform(({ matchLabels }) => selectorOf(matchLabels)),
  labels.transform(selectorOf),
]);

const optionsSchema = z.looseObject({
  defaultNamespace: z.string().default('default'),
  options: z
    .looseObject({
      ignore: z.array(ignore).max(1000).default([]),
      knownTypes: z
        .union([
          z.array(knownType),
          z.record(z.string(), z.string()).transform(byField),
          z.record(z.string(), z.union([z.array(knownType), z.record(z.string(), z.string()).transform(byField)])),
        ])
        .transform((value): readonly z.infer<typeof knownType>[] =>
          Array.isArray(value) ? value : Object.entries(value).flatMap(([kind, types]) => types.map(ofKind(kind))),
        )
        .default([]),
      exclude: z.union([z.string().transform(pairsOf), z.record(z.string(), z.coerce.string())]).default({}),
      inventory: z
        .looseObject({
          selector: selector.nullable().default(null),
          namespaces: z.union([z.string().transform((name) => [name]), texts]),
        })
        .nullable()
        .default(null),
      served: z.array(z.string()).nullable().default(null),
      scope: z.record(z.string(), z.string()).default({}),
      forbidden: forbiddenSchema,
      crdSchemaDefaults: z.record(z.string(), z.json()).default({}),
      appliers: texts,
      people: texts,
      secretKinds: texts,
    })
    .prefault({}),
});

/** What `--options` holds, made into what the judge goes by. */
export interface GivenOptions {
  readonly options: KubernetesOptions;
  readonly unreached: readonly Unreached[];
}

/** Options cannot be read; the message names the path. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

/** Reads `{ defaultNamespace, options }`, as recorded cases have it. @throws OptionsError */
export function readOptions(value: unknown): GivenOptions {
  const parsed = optionsSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OptionsError(`${issue?.path.join('.') || 'the options'}: ${issue?.message}`, { cause: parsed.error });
  }
  const { defaultNamespace, options: given } = parsed.data;
  const { inventory } = given;
  return {
    options: {
      ...DEFAULT_OPTIONS,
      defaultNamespace,
      ignore: given.ignore.map(
        ({ group, kind, namespace, name, ...rest }): IgnoredParts => ({
          ...{ group, kind, namespace, name, subject: '*' },
          pointers: rest.jsonPointers,
          jq: rest.jqPathExpressions,
          managers: rest.managedFieldsManagers,
        }),
      ),
      knownTypes: given.knownTypes.map(
        ({ group, kind, field, path, type }): KnownType => ({ group, kind, field: field ?? path ?? '', type }),
      ),
      exclude: given.exclude,
      orphans: inventory === null ? null : { label: inventory.selector, namespaces: inventory.namespaces },
      served: given.served,
      scope: given.scope,
      defaults: defaultsOf(given.crdSchemaDefaults as Readonly<Record<string, Json>>),
      appliers: given.appliers,
      people: given.people,
      secretKinds: given.secretKinds,
    },
    unreached: given.forbidden,
  };
}

/** `{ "spec.template.spec": "core/v1/PodSpec" }` */
function byField(types: Readonly<Record<string, string>>): readonly z.infer<typeof knownType>[] {
  return Object.entries(types).map(([field, type]) => ({ group: '*', kind: '*', field, type }));
}

function selectorOf(wanted: Readonly<Record<string, string>>): string {
  return Object.entries(wanted)
    .map(([key, value]) => `${key}=${value}`)
    .join();
}

function pairsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(',').map((pair) => [pair.split('=')[0] ?? '', pair.split('=').slice(1).join('=')]),
  );
}

/** `argoproj.io/Rollout`, `argoproj.io_Rollout`, or the kind alone. */
function ofKind(key: string) {
  const [kind = '*', group = '*'] = key.split(/[/_]/).reverse();
  return (type: z.infer<typeof knownType>) => ({ ...type, group, kind });
}

/** By dotted path, below `group/Kind` or for every custom kind (`*`). */
function defaultsOf(given: Readonly<Record<string, Json>>): KubernetesOptions['defaults'] {
  const byKind = Object.entries(given).every(([key]) => key.includes('/'));
  const kinds = byKind ? Object.entries(given) : [['*', given] as const];
  return Object.fromEntries(kinds.map(([kind, value]) => [kind, flat(value, '')]));
}

function flat(value: Json, path: string): Readonly<Record<string, Json>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: value };
  const below = Object.entries(value).map(([key, child]) => flat(child, path === '' ? key : `${path}.${key}`));
  return Object.assign({}, ...below) as Readonly<Record<string, Json>>;
}
