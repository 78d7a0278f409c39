import { globMatches } from '../rules/glob.ts';
import { isList, isObject, type Json, type JsonObject } from './json.ts';
import { Names } from './names.ts';
import type { Path, Step } from './path.ts';
import { stepsOf } from './path.ts';

/** Who wrote a field last, as `metadata.managedFields` says. */
export interface Writer {
  readonly manager: string;
  readonly operation: string;
  readonly subresource: string | null;
  /** ISO; null when the server lost it. */
  readonly time: string | null;
}

/** Whom a manager stands for: what applies git, a person at a keyboard, or some program. */
type Role = 'applier' | 'person' | 'program';

interface Entry extends Writer {
  readonly role: Role;
  readonly fields: JsonObject;
}

/** Who has a place of an object. */
export interface Claim {
  /** Our applier's own `Apply` entry has it: it sent this, so git once said it. */
  readonly applied: boolean;
  /** And what it sent was one thing, without anything below: a scalar, an atomic collection, or an empty map. */
  readonly appliedEmpty: boolean;
  /** Our applier wrote it (also by an `Update`, which has the defaults too). */
  readonly wroteByApplier: boolean;
  /** A person has it and nobody else. */
  readonly onlyPerson: boolean;
  /** Somebody has it. */
  readonly owned: boolean;
  readonly writer: Writer | null;
}

/** Managers that apply what git says. `kubectl` does with `--server-side`. */
const APPLIERS = new Names([
  'kubectl',
  'kubectl-client-side-apply',
  'kubectl-create',
  'kubectl-last-applied',
  'argocd-controller',
  'argocd-application-controller',
  'argocd*',
  'kustomize-controller',
  'helm-controller',
  'helm-operator',
  'helm',
  'Helm',
  'flux',
  'flux-*',
  'fluxcd*',
  'kapp',
  'kapp-controller',
  'kubecfg',
  'tanka',
  'pulumi*',
  'terraform*',
  'Terraform*',
  'fleetagent',
  'werf',
  'skaffold',
  'timoni',
]);

/** Managers behind which a person sits: kubectl's imperative commands, OpenShift's, consoles and terminal interfaces. */
const PEOPLE = new Names([
  'kubectl-edit',
  'kubectl-patch',
  'kubectl-set',
  'kubectl-label',
  'kubectl-annotate',
  'kubectl-scale',
  'kubectl-replace',
  'kubectl-rollout',
  'kubectl-taint',
  'kubectl-autoscale',
  'kubectl-expose',
  'kubectl-run',
  'kubectl-debug',
  'oc-*',
  'oc',
  'Mozilla*',
  'Chrome*',
  'Safari*',
  'AppleWebKit*',
  'dashboard',
  'kubernetes-dashboard*',
  'console',
  'bridge',
  'k9s',
  'Lens*',
  'OpenLens*',
  'lens*',
  'node-fetch',
  'headlamp*',
  'octant*',
  'kubenav*',
]);

export interface ManagerNames {
  readonly appliers: readonly string[];
  readonly people: readonly string[];
}

/** Whether anybody at all sends his declarations by server-side apply. */
export function hasApplyEntry(live: JsonObject): boolean {
  const metadata = live['metadata'];
  const entries = isObject(metadata) ? metadata['managedFields'] : undefined;
  return isList(entries) && entries.some((entry) => isObject(entry) && entry['operation'] === 'Apply');
}

/** How much of what is declared an unknown `Apply` manager must have sent to count as what applies git. */
const APPLIER_SHARE = 0.8;

/** The owners of one live object's fields. */
export class Owners {
  readonly #entries: readonly Entry[];
  readonly #isMapped: boolean;
  readonly #contradicts: (owners: Owners) => boolean;
  #isTrusted: boolean | null = null;

  /** @param contradicts whether the books and the live object contradict each other; asked once, when it matters */
  constructor(
    live: JsonObject,
    names: ManagerNames,
    declared: JsonObject,
    contradicts: (owners: Owners) => boolean = () => false,
  ) {
    this.#contradicts = contradicts;
    const metadata = live['metadata'];
    const raw = isObject(metadata) && isList(metadata['managedFields']) ? metadata['managedFields'] : [];
    const entries: Entry[] = [];
    let foreign = false;
    for (const item of raw) {
      if (!isObject(item) || item['subresource'] === 'status') continue;
      // Paths of another version cannot be told from ours (argo-cd#17795).
      if (item['apiVersion'] !== live['apiVersion']) foreign = true;
      else if (isObject(item['fieldsV1'])) entries.push(entryOf(item, item['fieldsV1'], names, declared));
    }
    this.#entries = entries;
    this.#isMapped = raw.length > 0 && !foreign;
  }

  /** Whether the books are whole: only then "nobody has it" is a fact. */
  get complete(): boolean {
    return this.#isMapped && this.#trusted();
  }

  #trusted(): boolean {
    this.#isTrusted ??= !this.#contradicts(this);
    return this.#isTrusted;
  }

  /** Whether anybody at all has the place. */
  hasOwner(path: Path): boolean {
    return this.#at(path).length > 0;
  }

  /** How a list is kept, as its owners' fields show; null: they do not show it. */
  listAt(path: Path): { readonly merge: 'keyed' | 'set' | 'atomic'; readonly keys: readonly string[] } | null {
    for (const { node } of this.#at(path)) {
      const names = Object.keys(node);
      const key = names.find((name) => name.startsWith('k:'));
      if (key !== undefined) return { merge: 'keyed', keys: Object.keys(parseKey(key) ?? {}) };
      if (names.some((name) => name.startsWith('v:'))) return { merge: 'set', keys: [] };
      if (names.length === 0) return { merge: 'atomic', keys: [] };
    }
    return null;
  }

  /** Whether our applier sends its declarations by server-side apply. */
  get appliesByServer(): boolean {
    return this.#entries.some(({ role, operation }) => role === 'applier' && operation === 'Apply');
  }

  get hasApplier(): boolean {
    return this.#entries.some(({ role }) => role === 'applier');
  }

  /** Managers that have the place or something below it. */
  managersAt(path: Path): readonly string[] {
    return this.#at(path).map(({ entry }) => entry.manager);
  }

  claim(path: Path): Claim {
    const found = this.#at(path);
    const people = found.filter(({ entry }) => entry.role === 'person');
    const others = found.filter(({ entry }) => entry.role !== 'person');
    const latest = found
      .map(({ entry }) => entry)
      .reduce<Entry | null>(
        (last, entry) => (last === null || (entry.time ?? '') > (last.time ?? '') ? entry : last),
        null,
      );
    return {
      applied:
        found.some(({ entry, node }) => isApply(entry) && ownsSomething(node)) &&
        // What stands inside an atomic list was never sent by itself.
        !isInsideElement(path) &&
        this.#trusted(),
      appliedEmpty: found.every(({ entry, node }) => !isApply(entry) || Object.keys(node).length === 0),
      wroteByApplier: found.some(({ entry }) => entry.role === 'applier'),
      onlyPerson: people.length > 0 && !others.some(({ node }) => ownsSomething(node)),
      owned: found.length > 0,
      writer: latest === null ? null : writerOf(latest),
    };
  }

  /** Whether somebody else than our applier's own `Apply` has something of his own below the place. */
  othersBeside(path: Path): boolean {
    const found = this.#at(path);
    const own = found.filter(({ entry }) => isApply(entry));
    return found.some((other) => !own.includes(other) && !isShared(other.node, own));
  }

  #at(path: Path): readonly { readonly entry: Entry; readonly node: JsonObject }[] {
    const steps = stepsOf(path);
    return this.#entries.flatMap((entry) => {
      const node = descend(entry.fields, steps);
      return node === null ? [] : [{ entry, node }];
    });
  }
}

const isApply = ({ role, operation }: Entry): boolean => role === 'applier' && operation === 'Apply';

/** Below an element of a list without keys. */
function isInsideElement(path: Path): boolean {
  for (let at = path?.parent ?? null; at !== null; at = at.parent) if ('index' in at.step) return true;
  return false;
}

const writerOf = ({ manager, operation, subresource, time }: Entry): Writer => ({
  manager,
  operation,
  subresource,
  time,
});

function entryOf(item: JsonObject, fields: JsonObject, names: ManagerNames, declared: JsonObject): Entry {
  const text = (key: string): string | null => (typeof item[key] === 'string' ? item[key] : null);
  const manager = text('manager') ?? '';
  const operation = text('operation') ?? '';
  const subresource = text('subresource');
  return {
    manager,
    operation,
    subresource: subresource === '' ? null : subresource,
    time: text('time'),
    role: roleOf(manager, operation, subresource, names, fields, declared),
    fields,
  };
}

function roleOf(
  manager: string,
  operation: string,
  subresource: string | null,
  names: ManagerNames,
  fields: JsonObject,
  declared: JsonObject,
): Role {
  const isOneOf = (list: readonly string[]): boolean => list.some((name) => globMatches(name, manager));
  if (isOneOf(names.people)) return 'person';
  if (isOneOf(names.appliers)) return 'applier';
  // `kubectl scale` and `kubectl rollout undo` are a plain `kubectl` that updates.
  if (manager === 'kubectl') return operation === 'Apply' && subresource === null ? 'applier' : 'person';
  if (APPLIERS.has(manager)) return 'applier';
  if (PEOPLE.has(manager)) return 'person';
  return operation === 'Apply' && subresource === null && sentMost(fields, declared) ? 'applier' : 'program';
}

/** An `Apply` manager with a name of its own: it applies git if it sent most of what git declares. */
function sentMost(fields: JsonObject, declared: JsonObject): boolean {
  const count = { all: 0, sent: 0 };
  for (const [name, value] of Object.entries(declared)) {
    if (name === 'apiVersion' || name === 'kind' || name === 'metadata' || name === 'status') continue;
    countSent(value, fields[`f:${name}`], count);
  }
  const metadata = declared['metadata'];
  const sentMetadata = fields['f:metadata'];
  for (const part of ['labels', 'annotations']) {
    const value = isObject(metadata) ? metadata[part] : undefined;
    if (value !== undefined) countSent(value, isObject(sentMetadata) ? sentMetadata[`f:${part}`] : undefined, count);
  }
  return count.all > 0 && count.sent / count.all >= APPLIER_SHARE;
}

function countSent(value: Json, node: Json | undefined, count: { all: number; sent: number }): void {
  if (!isObject(value) || Object.keys(value).length === 0) {
    count.all += 1;
    if (node !== undefined) count.sent += 1;
    return;
  }
  const isLeaf = isObject(node) && Object.keys(node).length === 0;
  for (const [name, child] of Object.entries(value)) {
    countSent(child, isLeaf ? node : isObject(node) ? node[`f:${name}`] : undefined, count);
  }
}

/** The node of a field set at a place; inside a list or map that is owned as one thing, that thing's node. */
function descend(fields: JsonObject, steps: readonly Step[]): JsonObject | null {
  let node = fields;
  for (const step of steps) {
    if ('index' in step || (Object.keys(node).length === 0 && node !== fields)) return node;
    const next = 'field' in step ? node[`f:${step.field}`] : childOfKey(node, step.key);
    if (!isObject(next)) return null;
    node = next;
  }
  return node;
}

function childOfKey(node: JsonObject, key: Readonly<Record<string, Json>>): Json | undefined {
  const wanted = Object.entries(key);
  for (const [name, child] of Object.entries(node)) {
    if (!name.startsWith('k:')) continue;
    const parsed = parseKey(name);
    if (parsed !== null && wanted.every(([field, value]) => parsed[field] === undefined || parsed[field] === value)) {
      return child;
    }
  }
  return undefined;
}

const keys = new Map<string, JsonObject | null>();
const MAX_KEYS = 20_000;

function parseKey(name: string): JsonObject | null {
  const known = keys.get(name);
  if (known !== undefined) return known;
  let parsed: JsonObject | null = null;
  try {
    const value = JSON.parse(name.slice(2)) as Json;
    parsed = isObject(value) ? value : null;
  } catch {
    // A key that cannot be read names nothing.
  }
  if (keys.size >= MAX_KEYS) keys.clear();
  keys.set(name, parsed);
  return parsed;
}

/** A node that only says that the place is there owns nothing in it. */
const ownsSomething = (node: JsonObject): boolean => {
  const names = Object.keys(node);
  return names.length === 0 || names.some((name) => name !== '.');
};

/** Whether every leaf of a node is one of the others' too. */
function isShared(node: JsonObject, others: readonly { readonly node: JsonObject }[]): boolean {
  return others.some((other) => isWithin(node, other.node));
}

function isWithin(node: JsonObject, other: JsonObject): boolean {
  return Object.entries(node).every(([name, child]) => {
    const match = other[name];
    return name === '.' || (isObject(match) && isObject(child) && isWithin(child, match));
  });
}
