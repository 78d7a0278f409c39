import type { Change } from '../../finding.ts';
import { isList, isObject, type Json, type JsonObject, own } from '../json.ts';
import type { Claim } from '../owners.ts';
import { below, type Path } from '../path.ts';
import { guessed } from '../schema/guess.ts';
import type { ListSchema, MapSchema, Schema, StructSchema } from '../schema/schema.ts';
import { alignLists } from './align.ts';
import { type Both, causeOf, type ObjectFacts } from './cause.ts';
import type { Difference } from './difference.ts';
import { keyText, matchByKey, readKey } from './keys.ts';
import { type ScalarRules, sameScalar, sameValue } from './same.ts';
import type { Tolerance } from './tolerance.ts';
import { isAsGoodAsAbsent, isEmpty, isZeroScalar } from './zero.ts';

/** Deeper than this no object of Kubernetes goes. */
const MAX_DEPTH = 200;

/** A value is nested deeper than anything that can be compared. */
export class TooDeep extends Error {
  override readonly name = 'TooDeep';
}

export interface CompareOptions {
  readonly facts: ObjectFacts;
  readonly rules: ScalarRules;
  readonly tolerance: Tolerance;
  /** Maps whose undeclared keys are differences by themselves (ConfigMap, Secret), by name. */
  readonly dataMaps: ReadonlySet<string>;
  readonly report: (difference: Difference) => void;
  /** Only whether there is a difference is asked, not which. */
  readonly isDry?: boolean;
}

/** Where the walk is. */
interface Place {
  readonly path: Path;
  readonly depth: number;
  /** Inside a collection that is compared whole: what is live and not declared differs. */
  readonly whole: boolean;
  /** The outermost atomic list around it. */
  readonly list: { readonly both: Both; readonly schema: Schema } | null;
}

/** Compares one declared object with the live one, by its schema. */
export class Comparer {
  readonly #options: CompareOptions;

  constructor(options: CompareOptions) {
    this.#options = options;
  }

  /** `applied`: what the last-applied annotation says of the same place. */
  compare(declared: Json, live: Json, applied: Json | undefined, schema: Schema, path: Path): void {
    this.#value({ declared, live, applied }, schema, { path, depth: 0, whole: false, list: null }, false);
  }

  #value(both: Both, schema: Schema, place: Place, inMap: boolean): void {
    if (place.depth > MAX_DEPTH) throw new TooDeep(`is nested deeper than ${MAX_DEPTH} levels`);
    const { declared, live } = both;
    const known = this.#knownFrom(schema, declared, live, place.path);
    if (known.shape === 'struct' && isObject(declared) && isObject(live)) {
      this.#struct(declared, live, both.applied, known, place);
    } else if (known.shape === 'map' && isObject(declared) && isObject(live)) {
      this.#map(declared, live, both.applied, known, place);
    } else if (known.shape === 'list' && isList(declared) && isList(live)) {
      this.#list(declared, live, both, known, place);
    } else if (
      known.shape !== 'scalar' ||
      !sameScalar(declared ?? null, live ?? null, known.kind, inMap, this.#options.rules)
    ) {
      this.#report('changed', both, known, place);
    }
  }

  /** Where the schema says nothing: how the server keeps a list shows in who owns what of it. */
  #knownFrom(schema: Schema, declared: Json | undefined, live: Json | undefined, path: Path): Schema {
    const isGuess = schema.shape === 'scalar' ? schema.kind === 'any' : schema.shape === 'list' && !schema.complete;
    if (!isGuess) return schema;
    const known = guessed(schema.shape === 'list' ? schema.item : schema, declared, live);
    const shown = known.shape === 'list' ? this.#options.facts.owners.listAt(path) : null;
    return shown === null || known.shape !== 'list' ? known : { ...known, ...shown };
  }

  #struct(declared: JsonObject, live: JsonObject, applied: Json | undefined, schema: StructSchema, place: Place): void {
    const whole = place.whole || schema.atomic;
    for (const [name, value] of Object.entries(declared)) {
      const other = own(live, name) ?? undefined;
      if (value === null || (value === other && typeof value !== 'object')) continue;
      const at = inside(place, name, whole);
      const field = guessed(schema.field(name), value, other);
      if (this.#options.tolerance.isDelegated(at.path, value)) continue;
      const both = { declared: value, live: other, applied: memberOf(applied, name) };
      if (other === undefined) this.#absent(both, field, schema, name, live, at);
      else if (!this.#isPlainZero(value, other, field, schema, name, live)) this.#value(both, field, at, false);
    }
    for (const [name, value] of Object.entries(live)) {
      if (value === null || (own(declared, name) ?? null) !== null) continue;
      this.#undeclaredField(name, value, live, memberOf(applied, name), schema, inside(place, name, whole));
    }
  }

  /** Declared, and there is nothing live. */
  #absent(both: Both, field: Schema, parent: StructSchema, name: string, live: JsonObject, place: Place): void {
    const { declared } = both;
    const isTelling = declared === '' && !parent.complete && isFreeMap(place.path?.parent ?? null);
    if (declared === undefined || (isAsGoodAsAbsent(declared, field, parent, name) && !isTelling)) return;
    const given = parent.defaultOf(name, live);
    if (given !== undefined && sameValue(declared, given, field, this.#options.rules)) return;
    this.#report('removed', both, field, place);
  }

  /** A zero that the server takes for "not declared", so that its default is no difference. */
  #isPlainZero(value: Json, other: Json, field: Schema, schema: StructSchema, name: string, live: JsonObject): boolean {
    if (!isZeroScalar(value) || !schema.zeroIsAbsent(name)) return false;
    const given = schema.defaultOf(name, live);
    return given !== undefined && sameValue(other, given, field, this.#options.rules);
  }

  #map(declared: JsonObject, live: JsonObject, applied: Json | undefined, schema: MapSchema, place: Place): void {
    const whole = place.whole || schema.atomic;
    for (const [name, value] of Object.entries(declared)) {
      const other = own(live, name) ?? undefined;
      if (value === other || (value === null && (other === undefined || other === ''))) continue;
      const at = inside(place, name, whole);
      if (this.#options.tolerance.isDelegated(at.path, value)) continue;
      const both = { declared: value ?? undefined, live: other, applied: memberOf(applied, name) };
      if (other === undefined) this.#report('removed', both, schema.value, at);
      else if (value !== null) this.#value(both, schema.value, at, true);
    }
    const isData = place.path !== null && 'field' in place.path.step && this.#isDataMap(place.path);
    for (const [name, value] of Object.entries(live)) {
      if (value === null || (own(declared, name) ?? null) !== null) continue;
      // Declared as null: the server writes it as an empty text.
      if (value === '' && Object.hasOwn(declared, name)) continue;
      this.#undeclaredKey(value, memberOf(applied, name), schema.value, inside(place, name, whole), isData);
    }
  }

  #isDataMap(path: NonNullable<Path>): boolean {
    return path.parent === null && 'field' in path.step && this.#options.dataMaps.has(path.step.field);
  }

  /** A field that is live and that git says nothing of: a difference only with evidence (DESIGN §3). */
  #undeclaredField(
    name: string,
    value: Json,
    parent: JsonObject,
    applied: Json | undefined,
    schema: StructSchema,
    place: Place,
  ): void {
    const { tolerance, rules, facts } = this.#options;
    if (isEmpty(value) || (isZeroScalar(value) && schema.zeroIsAbsent(name))) return;
    const field = guessed(schema.field(name), undefined, value);
    const given = schema.defaultOf(name, parent);
    if (given !== undefined && sameValue(value, given, field, rules)) return;
    if (tolerance.isBookkeeping(place.path, value)) return;
    const both = { declared: undefined, live: value, applied };
    if (isLabels(place.path)) {
      this.#map({}, asObject(value), applied, LABELS, place);
      return;
    }
    if (!isEmpty(applied)) {
      this.#report('added', both, field, place);
      return;
    }
    const claim = facts.owners.claim(place.path);
    if (claim.applied && this.#isSentWhole(value, field, claim, place.path)) {
      this.#report('added', both, field, place);
      return;
    }
    if (tolerance.isControllers(place.path)) return;
    if (claim.onlyPerson || (place.whole && isKnown(schema))) {
      this.#report('added', both, field, place);
      return;
    }
    if (claim.owned) this.#search(value, field, place);
  }

  /** Whether our applier sent all there is: not only an empty map that others have filled, or a part beside others'. */
  #isSentWhole(value: Json, schema: Schema, claim: Claim, path: Path): boolean {
    if (!isObject(value)) return true;
    if (claim.appliedEmpty) return schema.shape !== 'scalar' && 'atomic' in schema && schema.atomic;
    return !this.#options.facts.owners.othersBeside(path);
  }

  /** Looks for evidence below something that git says nothing of. */
  #search(value: Json, schema: Schema, place: Place): void {
    const known = guessed(schema, undefined, value);
    if (known.shape === 'struct' && isObject(value))
      this.#struct({}, value, undefined, { ...known, atomic: false }, place);
    else if (known.shape === 'map' && isObject(value))
      this.#map({}, value, undefined, { ...known, atomic: false }, place);
    else if (known.shape === 'list' && known.merge === 'keyed' && isList(value)) {
      for (const element of value) {
        const key = readKey(element, known);
        if (key === null) continue;
        const at = { ...place, path: below(place.path, { key }), depth: place.depth + 1 };
        const claim = this.#options.facts.owners.claim(at.path);
        if (claim.applied || claim.onlyPerson) {
          this.#report('added', { declared: undefined, live: element, applied: undefined }, known.item, at);
        } else if (claim.owned) this.#search(element, known.item, at);
      }
    }
  }

  #undeclaredKey(value: Json, applied: Json | undefined, schema: Schema, place: Place, isData: boolean): void {
    const { tolerance, facts } = this.#options;
    if (tolerance.isBookkeeping(place.path, value)) return;
    const both = { declared: undefined, live: value, applied };
    const claim = facts.owners.claim(place.path);
    if (applied !== undefined || claim.applied) {
      this.#report('added', both, schema, place);
      return;
    }
    if (tolerance.isControllers(place.path)) return;
    if (claim.onlyPerson || place.whole || (isData && this.#isSomebodys(claim))) {
      this.#report('added', both, schema, place);
      return;
    }
    if (isObject(value)) this.#search(value, schema, place);
  }

  /** What nobody owns was put there by admission, if the books are complete. */
  #isSomebodys(claim: Claim): boolean {
    return claim.owned || !this.#options.facts.owners.complete;
  }

  #list(declared: readonly Json[], live: readonly Json[], both: Both, schema: ListSchema, place: Place): void {
    if (schema.merge === 'keyed' && this.#keyedList(declared, live, both.applied, schema, place)) return;
    if (schema.merge === 'set') this.#set(declared, live, both, schema, place);
    else this.#atomicList(declared, live, both, schema, place);
  }

  /** @returns false when an element has no key, so that the list can only be compared as a whole */
  #keyedList(
    declared: readonly Json[],
    live: readonly Json[],
    applied: Json | undefined,
    schema: ListSchema,
    place: Place,
  ): boolean {
    const matched = matchByKey(declared, live, schema);
    if (matched === null) return false;
    const before = new Map<string, Json>();
    for (const element of isList(applied) ? applied : []) before.set(keyText(readKey(element, schema) ?? {}), element);
    for (const { key, declared: element, live: other } of matched.pairs) {
      const at = { ...place, path: below(place.path, { key }), depth: place.depth + 1 };
      const sides = { declared: element, live: other, applied: before.get(keyText(readKey(element, schema) ?? {})) };
      if (other === undefined) this.#report('removed', sides, schema.item, at);
      else this.#value(sides, schema.item, at, false);
    }
    for (const { key, element } of matched.extra) {
      this.#extraElement(element, before.get(keyText(key)), below(place.path, { key }), schema, place);
    }
    return true;
  }

  /** An element that git does not have, in a list that it declares. */
  #extraElement(element: Json, applied: Json | undefined, path: Path, schema: ListSchema, place: Place): void {
    const { tolerance, facts } = this.#options;
    const both = { declared: undefined, live: element, applied };
    const claim = facts.owners.claim(path);
    const isSent = applied !== undefined || claim.applied || claim.onlyPerson;
    if (!isSent) {
      if (tolerance.isControllers(path?.parent ?? null) || tolerance.isInjected(path, element)) return;
      if (!place.whole && !this.#isSomebodys(claim)) return;
    }
    this.#report('added', both, schema.item, { ...place, path });
  }

  #set(declared: readonly Json[], live: readonly Json[], both: Both, schema: ListSchema, place: Place): void {
    const { rules } = this.#options;
    const rest = live.map((element, index) => ({ element, index }));
    const before = isList(both.applied) ? both.applied : [];
    const appliedOf = (element: Json) => before.find((other) => sameValue(other, element, schema.item, rules));
    for (const [index, element] of declared.entries()) {
      const at = rest.findIndex((other) => sameValue(element, other.element, schema.item, rules));
      if (at >= 0) rest.splice(at, 1);
      else {
        const sides = { declared: element, live: undefined, applied: appliedOf(element) };
        this.#report('removed', sides, schema.item, { ...place, path: below(place.path, { index, element }) });
      }
    }
    for (const { element, index } of rest) {
      this.#extraElement(element, appliedOf(element), below(place.path, { index, element }), schema, place);
    }
  }

  #atomicList(declared: readonly Json[], live: readonly Json[], both: Both, schema: ListSchema, place: Place): void {
    const list = place.list ?? { both, schema };
    const of = (element: Json, index: number, from = declared): Place => ({
      path: below(place.path, { index, element, after: from[index - 1] }),
      depth: place.depth + 1,
      whole: schema.complete,
      list,
    });
    const pair = (element: Json, other: Json, at: Place): void =>
      this.#value({ declared: element, live: other, applied: undefined }, schema.item, at, false);
    if (this.#options.isDry === true && declared.length === live.length) {
      for (const [index, element] of declared.entries()) pair(element, live[index] ?? null, of(element, index));
      return;
    }
    const aligned = alignLists(declared, live, (a, b) => this.#isSame(a, b, schema, place));
    if (aligned === 'equal') return;
    if (aligned === 'changed' || this.#options.isDry === true) {
      this.#report('changed', both, schema, place);
      return;
    }
    for (const { declared: git, live: running } of aligned) {
      if (git !== null && running !== null) pair(git.element, running.element, of(git.element, git.index));
      else {
        const [at, change] = git === null ? [running, 'added' as const] : [git, 'removed' as const];
        const sides = { declared: git?.element, live: running?.element, applied: undefined };
        if (at === null) continue;
        const there = of(at.element, at.index, git === null ? live : declared);
        const isInjected = change === 'added' && this.#options.tolerance.isInjected(there.path, at.element);
        if (!isInjected) this.#report(change, sides, schema.item, there);
      }
    }
  }

  /** Whether two elements of an atomic list have no difference: the same walk, only looked at. */
  #isSame(a: Json, b: Json, schema: ListSchema, place: Place): boolean {
    if (a === b) return true;
    let same = true;
    const report = (): void => {
      same = false;
    };
    const dry = new Comparer({ ...this.#options, isDry: true, report });
    const at = { path: below(place.path, { index: 0, element: a }), depth: place.depth + 1, whole: schema.complete };
    dry.#value({ declared: a, live: b, applied: undefined }, schema.item, { ...at, list: null }, false);
    return same;
  }

  /** Inside an atomic list the cause is told by the list: only as a whole was it ever sent. */
  #report(change: Change, both: Both, schema: Schema, { path, list }: Place): void {
    const told = list ?? { both, schema };
    const { cause, writer } = causeOf(told.both, told.schema, path, this.#options.facts, this.#options.rules);
    this.#options.report({ path, change, declared: both.declared, live: both.live, cause, writer });
  }
}

const LABELS: MapSchema = { shape: 'map', atomic: false, value: { shape: 'scalar', kind: 'text' } };

/** Labels and annotations are spoken of one by one. */
function isLabels(path: Path): boolean {
  const [step, parent] = [path?.step, path?.parent?.step];
  if (step === undefined || !('field' in step) || parent === undefined || !('field' in parent)) return false;
  return parent.field === 'metadata' && (step.field === 'labels' || step.field === 'annotations');
}

/** Maps whose keys are anybody's, whoever has them: there an empty text says as much as any other. */
const FREE_MAPS = new Set(['labels', 'annotations', 'matchLabels', 'nodeSelector', 'data', 'stringData', 'parameters']);
const isFreeMap = (path: Path): boolean => path !== null && 'field' in path.step && FREE_MAPS.has(path.step.field);

/** A guess at what else there may be proves nothing. */
const isKnown = (schema: StructSchema): boolean => schema.complete;

const asObject = (value: Json): JsonObject => (isObject(value) ? value : {});

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? (own(value, name) ?? undefined) : undefined;
}

const inside = ({ path, depth, list }: Place, field: string, whole: boolean): Place => ({
  path: below(path, { field }),
  depth: depth + 1,
  whole,
  list,
});
