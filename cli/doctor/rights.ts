import type { AllowingRule, Rights } from '#services/cluster/rights.ts';
import { resourceName, type WantedKind } from './wanted.ts';

/** A kind that may not be read. */
export interface Refusal {
  readonly verb: 'list' | 'get';
  readonly kind: WantedKind;
  /** Null: everywhere. */
  readonly namespaces: readonly string[] | null;
}

/** Something that may be written. */
export interface Writable {
  readonly verb: string;
  /** `deployments.apps`, or `anything`. */
  readonly what: string;
  /** Null: everywhere. */
  readonly namespaces: readonly string[] | null;
}

const WRITES = ['create', 'update', 'patch', 'delete'] as const;
const ANYTHING = { group: '*', resource: '*' } as const;
/** Their `get` reaches further than reading: into containers, and to the network of nodes. */
const RUNNING = [
  ['pods', 'exec'],
  ['nodes', 'proxy'],
] as const;

/** Which kinds may not be read, in as few questions as there are kinds: of what may not be listed, `get` is not asked. */
export async function refusedReads(kinds: readonly WantedKind[], rights: Rights): Promise<readonly Refusal[]> {
  const unlisted = await refusedTo('list', kinds, rights);
  const hidden = new Set(unlisted.map(({ kind }) => kind));
  const listed = kinds.filter((kind) => !hidden.has(kind));
  return [...unlisted, ...(await refusedTo('get', listed, rights))];
}

async function refusedTo(
  verb: Refusal['verb'],
  kinds: readonly WantedKind[],
  rights: Rights,
): Promise<readonly Refusal[]> {
  const refused = await refusedIn(null, verb, kinds, rights);
  const [wide, narrow] = [refused.filter((kind) => kind.isEverywhere), refused.filter((kind) => !kind.isEverywhere)];
  const places = [...new Set(narrow.flatMap(({ namespaces }) => namespaces))];
  const found = await Promise.all(
    places.map(async (place) => {
      const wanted = narrow.filter(({ namespaces }) => namespaces.includes(place));
      return (await refusedIn(place, verb, wanted, rights)).map((kind) => ({ kind, place }));
    }),
  );
  const byKind = Map.groupBy(found.flat(), ({ kind }) => kind);
  return [
    ...wide.map((kind) => ({ verb, kind, namespaces: null })),
    ...[...byKind].map(([kind, where]) => ({ verb, kind, namespaces: where.map(({ place }) => place) })),
  ];
}

/** Asks for everything at once, then for whole groups, then one by one. */
async function refusedIn(
  namespace: string | null,
  verb: string,
  kinds: readonly WantedKind[],
  rights: Rights,
): Promise<readonly WantedKind[]> {
  const may = (group: string, resource: string): Promise<boolean> => rights.may({ verb, group, resource, namespace });
  if (kinds.length > 1 && (await may('*', '*'))) return [];
  const groups = Map.groupBy(kinds, ({ group }) => group);
  const refused = await Promise.all(
    [...groups].map(async ([group, members]) => {
      if (members.length > 1 && (await may(group, '*'))) return [];
      const allowed = await Promise.all(members.map(({ resource }) => may(group, resource)));
      return members.filter((_, index) => allowed[index] !== true);
    }),
  );
  return refused.flat();
}

/**
 * What of the kinds may be written: by the rules that hold where they live; where something beside RBAC may allow more,
 * the declared kinds are asked for one by one.
 */
export async function allowedWrites(kinds: readonly WantedKind[], rights: Rights): Promise<readonly Writable[]> {
  const places = [...new Set(kinds.flatMap(({ namespaces }) => namespaces))];
  const told = await Promise.all(
    (places.length === 0 ? ['default'] : places).map(async (place) => ({ place, ...(await rights.rules(place)) })),
  );
  const found = new Map<string, Writable>();
  for (const { place, rules } of told) {
    for (const { verb, kind } of writesOf(rules, kinds)) {
      const what = kind === ANYTHING ? 'anything' : resourceName(kind.group, kind.resource);
      const before = found.get(`${verb} ${what}`)?.namespaces ?? [];
      found.set(`${verb} ${what}`, { verb, what, namespaces: [...before, place] });
    }
  }
  if (told.every(({ isWhole }) => isWhole)) return [...found.values()];
  const declared = kinds.filter(({ isDeclared }) => isDeclared);
  const asked = await Promise.all(
    [ANYTHING, ...declared].flatMap(({ group, resource }) =>
      WRITES.map(async (verb) => {
        const what = resource === '*' ? 'anything' : resourceName(group, resource);
        if (found.has(`${verb} ${what}`)) return [];
        const isAllowed = await rights.may({ verb, group, resource, namespace: null });
        return isAllowed ? [{ verb, what, namespaces: null }] : [];
      }),
    ),
  );
  return [...found.values(), ...asked.flat()];
}

function writesOf(rules: readonly AllowingRule[], kinds: readonly WantedKind[]) {
  return WRITES.flatMap((verb) => {
    const writing = rules.filter(({ verbs }) => verbs.includes(verb) || verbs.includes('*'));
    const isAnything = writing.some(({ groups, resources }) => groups.includes('*') && resources.includes('*'));
    const written = isAnything ? [ANYTHING] : kinds.filter((kind) => writing.some((rule) => isOf(rule, kind)));
    return written.map((kind) => ({ verb, kind }));
  });
}

/** Of the kind, or of a part of it such as `deployments/scale`. */
function isOf({ groups, resources }: AllowingRule, { group, resource }: WantedKind): boolean {
  const isGroup = groups.includes('*') || groups.includes(group);
  return isGroup && resources.some((one) => one === '*' || ['*', resource].includes(one.split('/')[0] ?? ''));
}

/** Sub-resources that may be got, and do more than tell: `pods/exec`. */
export async function allowedRuns(rights: Rights): Promise<readonly string[]> {
  const found = await Promise.all(
    RUNNING.map(async ([resource, subresource]) => {
      const isAllowed = await rights.may({ verb: 'get', group: '', resource, subresource, namespace: null });
      return isAllowed ? [`${resource}/${subresource}`] : [];
    }),
  );
  return found.flat();
}
