import type { AllowingRule, Rights, RulesIn } from '#services/cluster/rights.ts';
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
/** What may be allowed beside RBAC is asked for one by one, so often and no more; then RBAC's own rules are believed. */
const MAX_ASKED_BESIDE = 50;

/** What is asked of an API server about some kinds, in the fewest questions. */
export class RightsQuestions {
  readonly #rights: Rights;
  readonly #kinds: readonly WantedKind[];
  readonly #rules = new Map<string, Promise<RulesIn>>();

  constructor(rights: Rights, kinds: readonly WantedKind[]) {
    this.#rights = rights;
    this.#kinds = kinds;
  }

  /** Which kinds may not be read; of what may not be listed, `get` is not asked. @throws ClusterError */
  async refusedReads(): Promise<readonly Refusal[]> {
    const unlisted = await this.#refusedTo('list', this.#kinds);
    const hidden = new Set(unlisted.map(({ kind }) => kind));
    const listed = this.#kinds.filter((kind) => !hidden.has(kind));
    return [...unlisted, ...(await this.#refusedTo('get', listed))];
  }

  async #refusedTo(verb: Refusal['verb'], kinds: readonly WantedKind[]): Promise<readonly Refusal[]> {
    const refused = await this.#refusedEverywhere(verb, kinds);
    const pairs = refused.flatMap((kind) =>
      kind.isEverywhere ? [] : kind.namespaces.map((place) => ({ kind, place })),
    );
    let left = MAX_ASKED_BESIDE;
    const missing = await Promise.all(
      pairs.map(async ({ kind, place }) => {
        const { rules, isWhole } = await this.#rulesIn(place);
        if (rules.some((rule) => lets(rule, verb, kind))) return [];
        if (isWhole || left === 0) return [{ kind, place }];
        left -= 1;
        const { group, resource } = kind;
        return (await this.#rights.may({ verb, group, resource, namespace: place })) ? [] : [{ kind, place }];
      }),
    );
    const byKind = Map.groupBy(missing.flat(), ({ kind }) => kind);
    return [
      ...refused.flatMap((kind) => (kind.isEverywhere ? [{ verb, kind, namespaces: null }] : [])),
      ...[...byKind].map(([kind, where]) => ({ verb, kind, namespaces: where.map(({ place }) => place) })),
    ];
  }

  /** Asks for everything at once, then for whole groups, then one by one. */
  async #refusedEverywhere(verb: string, kinds: readonly WantedKind[]): Promise<readonly WantedKind[]> {
    const may = (group: string, resource: string): Promise<boolean> =>
      this.#rights.may({ verb, group, resource, namespace: null });
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

  /** What of the kinds may be written, by the rules that hold where they live. @throws ClusterError */
  async allowedWrites(): Promise<readonly Writable[]> {
    const places = [...new Set(this.#kinds.flatMap(({ namespaces }) => namespaces))];
    const told = await Promise.all(
      (places.length === 0 ? ['default'] : places).map(async (place) => ({ place, ...(await this.#rulesIn(place)) })),
    );
    const found = new Map<string, Writable & { readonly namespaces: readonly string[] }>();
    for (const { place, rules } of told) {
      for (const { verb, what } of writesOf(rules, this.#kinds)) {
        const before = found.get(`${verb} ${what}`)?.namespaces ?? [];
        found.set(`${verb} ${what}`, { verb, what, namespaces: [...before, place] });
      }
    }
    const beside = told.every(({ isWhole }) => isWhole) ? [] : await this.#writesBeside([...found.keys()]);
    return [...found.values(), ...beside];
  }

  async #writesBeside(known: readonly string[]): Promise<readonly Writable[]> {
    const declared = this.#kinds.filter(({ isDeclared }) => isDeclared);
    const open = [ANYTHING, ...declared].flatMap((kind) =>
      WRITES.map((verb) => ({ verb, kind, what: nameOf(kind) })).filter(
        ({ verb, what }) => !known.includes(`${verb} ${what}`),
      ),
    );
    const asked = await Promise.all(
      open.slice(0, MAX_ASKED_BESIDE).map(async ({ verb, kind: { group, resource }, what }) => {
        const isAllowed = await this.#rights.may({ verb, group, resource, namespace: null });
        return isAllowed ? [{ verb, what, namespaces: null }] : [];
      }),
    );
    return asked.flat();
  }

  /** Sub-resources that may be got, and do more than tell: `pods/exec`. @throws ClusterError */
  async allowedRuns(): Promise<readonly string[]> {
    const found = await Promise.all(
      RUNNING.map(async ([resource, subresource]) => {
        const isAllowed = await this.#rights.may({ verb: 'get', group: '', resource, subresource, namespace: null });
        return isAllowed ? [`${resource}/${subresource}`] : [];
      }),
    );
    return found.flat();
  }

  #rulesIn(place: string): Promise<RulesIn> {
    const known = this.#rules.get(place) ?? this.#rights.rules(place);
    this.#rules.set(place, known);
    return known;
  }
}

type Kind = Pick<WantedKind, 'group' | 'resource'>;

const nameOf = ({ group, resource }: Kind): string => (resource === '*' ? 'anything' : resourceName(group, resource));

const has = (texts: readonly string[], text: string): boolean => texts.includes('*') || texts.includes(text);

/** Whether a rule lets every object of the kind be read. */
function lets({ verbs, groups, resources, isNarrow }: AllowingRule, verb: string, { group, resource }: Kind): boolean {
  return !isNarrow && has(verbs, verb) && has(groups, group) && has(resources, resource);
}

function writesOf(rules: readonly AllowingRule[], kinds: readonly WantedKind[]) {
  return WRITES.flatMap((verb) => {
    const writing = rules.filter(({ verbs }) => has(verbs, verb));
    const isAnything = writing.some(({ groups, resources }) => groups.includes('*') && resources.includes('*'));
    const written = isAnything ? [ANYTHING] : kinds.filter((kind) => writing.some((rule) => isOf(rule, kind)));
    return written.map((kind) => ({ verb, what: nameOf(kind) }));
  });
}

/** Of the kind, or of a part of it such as `deployments/scale`. */
function isOf({ groups, resources }: AllowingRule, { group, resource }: Kind): boolean {
  return has(groups, group) && resources.some((one) => ['*', resource].includes(one.split('/')[0] ?? ''));
}
