import type { Coverage, Uncovered } from '../coverage.ts';
import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import { globMatches } from '../rules/glob.ts';
import type { Severity } from '../target.ts';
import { decideVerdict, type Ending, type Verdict } from '../verdict.ts';
import { TooDeep } from './compare/compare.ts';
import { isPlainlySame } from './compare/plainly-same.ts';
import { inVersion } from './convert.ts';
import { type FindingContext, findingOf, lazyRedactor } from './findings.ts';
import { type Before, causeOfMissing, causeOfOrphan } from './git-cause.ts';
import { isHook } from './hooks.ts';
import { ignoredOf, withoutIgnored } from './ignored.ts';
import { JqError } from './jq.ts';
import { type JsonObject, textOf } from './json.ts';
import { saysLastApplied } from './last-applied.ts';
import type { DeclaredObject, LiveCluster, ManifestProblem, Unreached } from './live.ts';
import { differencesOf } from './object-diff.ts';
import { type Identity, identify, metadataOf, objectKey, Scopes, Subjects, textsOf } from './objects.ts';
import type { KubernetesOptions } from './options.ts';
import { isOrphan } from './orphans.ts';
import { Owners } from './owners.ts';
import { hides, whyUnseen } from './reach.ts';
import { scalers } from './scalers.ts';
import { Schemas } from './schemas.ts';
import { isSecretKind, secretTexts } from './secrets.ts';
import { parseSelector } from './selector.ts';
import { refusal, unknownField } from './valid.ts';

/** Findings that are listed in full; the rest is counted. */
const MAX_FINDINGS = 1000;

/** What git declares and what was seen. */
export interface KubernetesEvidence {
  readonly declared: readonly DeclaredObject[];
  readonly problems: readonly ManifestProblem[];
  readonly live: LiveCluster;
  readonly notes: readonly Note[];
  /** The check could not finish: one sentence. */
  readonly failure?: string;
  /** Values that are known to be secret from elsewhere. */
  readonly secrets?: readonly string[];
  /** What git declared at the last in-sync commit: tells causes that the objects leave unclear. Absent: not known. */
  readonly before?: readonly DeclaredObject[];
}

export interface JudgeContext {
  readonly target: string;
  readonly severity: Severity;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** Key of the value hashes; null where there is none (a local check). */
  readonly fingerprintKey: string | null;
}

export interface KubernetesJudgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly coverage: Coverage;
  readonly findings: readonly Finding[];
  /** Findings beyond those that are listed. */
  readonly unlisted: number;
  readonly unconfirmed: readonly Finding[];
  readonly notes: readonly Note[];
}

/** Judges what git declares against what a cluster holds. Pure: nothing is read, nothing is asked. */
export function judgeKubernetes(
  evidence: KubernetesEvidence,
  options: KubernetesOptions,
  context: JudgeContext,
): KubernetesJudgement {
  const judge = new Judge(evidence, options, context);
  judge.compareAll();
  judge.findOrphans();
  return judge.conclude();
}

interface Declared {
  readonly object: DeclaredObject;
  readonly identity: Identity;
}

class Judge {
  readonly #evidence: KubernetesEvidence;
  readonly #options: KubernetesOptions;
  readonly #context: JudgeContext & FindingContext;
  readonly #declared: ReadonlyMap<string, Declared>;
  readonly #live = new Map<string, { readonly object: JsonObject; readonly identity: Identity }>();
  readonly #before: ReadonlyMap<string, JsonObject> | null;
  readonly #schemas: Schemas;
  readonly #subjects: Subjects;
  readonly #scaled: ReadonlySet<string>;
  readonly #findings: Finding[] = [];
  readonly #uncovered: Uncovered[] = [];
  readonly #notes: Note[] = [];
  #total = 0;
  #isSomethingExcluded = false;

  constructor(evidence: KubernetesEvidence, options: KubernetesOptions, context: JudgeContext) {
    const { live } = evidence;
    this.#evidence = evidence;
    this.#options = options;
    const objects = evidence.declared.map(({ value }) => value);
    const scopes = new Scopes(live, objects, options.scope);
    const seen = live.objects.map((object) => {
      const identity = this.#identifyLive(object, scopes);
      return { key: objectKey(identity), object, identity };
    });
    // The same object in several versions: the first one stays, unless a later one is declared (below).
    for (const { key, ...of } of seen) if (!this.#live.has(key)) this.#live.set(key, of);
    this.#declared = this.#readDeclared(scopes);
    for (const { key, ...of } of seen) {
      if (this.#declared.get(key)?.identity.apiVersion === of.identity.apiVersion) this.#live.set(key, of);
    }
    const { before } = evidence;
    const keyed = before?.map(({ value }) => [this.#keyOf(this.#identify(value, scopes), scopes), value] as const);
    this.#before = keyed === undefined ? null : new Map(keyed);
    this.#subjects = new Subjects([...this.#declared.values()].map(({ identity }) => identity));
    this.#schemas = new Schemas(live, objects, options);
    this.#scaled = scalers([...live.objects, ...objects], scopes, options.defaultNamespace);
    this.#context = { ...context, redact: lazyRedactor(() => this.#secrets()) };
  }

  /** A dump may have lost the namespace of what certainly has one. */
  #identifyLive(object: JsonObject, scopes: Scopes): Identity {
    const namespaced = scopes.isNamespaced(textOf(object['apiVersion']), textOf(object['kind']));
    return identify(object, scopes, namespaced === true ? this.#options.defaultNamespace : null);
  }

  #identify(declared: JsonObject, scopes: Scopes): Identity {
    return identify(declared, scopes, this.#options.defaultNamespace);
  }

  /** Of two documents of one object the last one wins, as with `kubectl apply`. */
  #readDeclared(scopes: Scopes): ReadonlyMap<string, Declared> {
    const found = new Map<string, Declared>();
    for (const object of this.#evidence.declared) {
      const identity = this.#identify(object.value, scopes);
      const key = this.#keyOf(identity, scopes);
      const twin = found.get(key);
      if (twin !== undefined) {
        const places = [twin.object, object].map(({ file, line }) => `${file}${line === null ? '' : `:${line}`}`);
        this.#notes.push({
          kind: 'declared-twice',
          subject: `${identity.kind}/${identity.name}`,
          text: `is declared twice, in ${places.join(' and ')}: the last one counts`,
        });
      }
      found.set(key, { object, identity });
    }
    return found;
  }

  #keyOf(identity: Identity, scopes: Scopes): string {
    const key = objectKey(identity);
    if (scopes.isNamespaced(identity.apiVersion, identity.kind) !== null || this.#live.has(key)) return key;
    // Nobody knows whether the kind lives in namespaces: the live object does.
    const clusterWide = objectKey({ ...identity, namespace: null });
    return this.#live.has(clusterWide) ? clusterWide : key;
  }

  /** Null: what git said before is not known. */
  #beforeOf(key: string): Before | null {
    return this.#before === null ? null : { object: this.#before.get(key) ?? null };
  }

  *#secrets(): Iterable<string> {
    yield* this.#evidence.secrets ?? [];
    const objects = [...this.#evidence.live.objects, ...this.#evidence.declared.map(({ value }) => value)];
    for (const object of objects) if (object['kind'] === 'Secret') yield* secretTexts(object);
  }

  compareAll(): void {
    for (const [key, declared] of this.#declared) {
      if (this.#isExcluded(key, declared)) continue;
      this.#total += 1;
      this.#compare(key, declared);
    }
    for (const { file, line, message } of this.#evidence.problems) {
      this.#total += 1;
      const subject = line === null ? file : `${file}:${line}`;
      this.#uncovered.push({ subject, kind: 'unreached', reason: message });
    }
  }

  #isExcluded(key: string, { object, identity }: Declared): boolean {
    const why = isHook(object.value)
      ? 'is a hook'
      : this.#isLabelledOut(key, object)
        ? 'is excluded by its label'
        : null;
    if (why === null) return false;
    this.#isSomethingExcluded = true;
    this.#notes.push({ kind: 'excluded', subject: this.#subjects.of(identity), text: why });
    return true;
  }

  #isLabelledOut(key: string, object: DeclaredObject): boolean {
    const wanted = Object.entries(this.#options.exclude);
    if (wanted.length === 0) return false;
    const sides = [object.value, this.#live.get(key)?.object ?? {}];
    return sides.some((side) => {
      const metadata = metadataOf(side);
      return [metadata['labels'], metadata['annotations']]
        .map(textsOf)
        .some((texts) => wanted.every(([name, value]) => texts[name] === value));
    });
  }

  #compare(key: string, { object, identity }: Declared): void {
    const subject = this.#subjects.of(identity);
    const there = this.#live.get(key);
    const unseen = whyUnseen(identity, this.#evidence.live, this.#options.served, there?.identity ?? null);
    if (unseen !== null) {
      this.#uncovered.push({ subject, kind: 'unreached', reason: unseen });
      return;
    }
    if (there === undefined) {
      this.#findings.push(this.#missing(subject, object.value, key, identity));
      return;
    }
    const { apiVersion } = there.identity;
    if (apiVersion !== identity.apiVersion) {
      const converted = inVersion(object.value, apiVersion);
      const foreign = unknownField(converted, this.#schemas.of(there.identity, there.object).schema);
      if (foreign !== null) {
        const reason = `is declared in ${identity.apiVersion}, which was not read, and ${apiVersion} has no ${foreign}`;
        this.#uncovered.push({ subject, kind: 'unverifiable', reason });
        return;
      }
      const text = `is declared in ${identity.apiVersion}, which was not read: compared in ${apiVersion}`;
      this.#notes.push({ kind: 'deprecated-api', subject, text });
      const before = this.#beforeOf(key);
      const earlier = before?.object == null ? before : { object: inVersion(before.object, apiVersion) };
      this.#compareBoth(subject, converted, there.object, { ...identity, apiVersion }, earlier);
      return;
    }
    this.#compareBoth(subject, object.value, there.object, identity, this.#beforeOf(key));
  }

  #compareBoth(
    subject: string,
    declared: JsonObject,
    live: JsonObject,
    identity: Identity,
    before: Before | null,
  ): void {
    const { schema, isBuiltin } = this.#schemas.of(identity, live);
    const rules = ignoredOf(identity, subject, this.#options.ignore);
    if (rules.length === 0 && isPlainlySame(declared, live, schema, { custom: !isBuiltin })) return;
    const refused = refusal(declared, schema);
    if (refused !== null) {
      this.#uncovered.push({ subject, kind: 'unverifiable', reason: refused });
      return;
    }
    const managers = rules.flatMap((rule) => rule.managers);
    try {
      const differences = differencesOf(withoutIgnored(declared, rules), withoutIgnored(live, rules), {
        identity,
        schema,
        isBuiltin,
        appliers: this.#options.appliers,
        people: this.#options.people,
        isScaled: this.#scaled.has(`${identity.namespace ?? ''}/${identity.kind}/${identity.name}`),
        before: before?.object == null ? before : { object: withoutIgnored(before.object, rules) },
        trusted: (names) => names.some((name) => managers.some((manager) => globMatches(manager, name))),
      });
      const isSecret = isSecretKind(identity, this.#options.secretKinds);
      for (const difference of differences) {
        this.#findings.push(findingOf(subject, difference, isSecret, this.#context));
      }
    } catch (error) {
      if (!(error instanceof TooDeep || error instanceof JqError)) throw error;
      this.#uncovered.push({ subject, kind: 'unverifiable', reason: error.message });
    }
  }

  #missing(subject: string, declared: JsonObject, key: string, identity: Identity): Finding {
    const before = this.#beforeOf(key);
    const cause = before === null ? 'unclear' : causeOfMissing(before);
    const difference = { change: 'removed', declared, live: undefined, cause, writer: null } as const;
    return findingOf(subject, difference, isSecretKind(identity, this.#options.secretKinds), this.#context);
  }

  /** What applied it once tells why git does not have it; else git's history does. */
  #orphan(subject: string, live: JsonObject, key: string, identity: Identity): Finding {
    const owners = new Owners(live, this.#options, {});
    const wasApplied = owners.appliesByServer || saysLastApplied(live);
    const before = this.#beforeOf(key);
    const cause = wasApplied ? 'pending' : before === null ? 'unclear' : causeOfOrphan(before);
    const { writer } = owners.claim(null);
    const difference = { change: 'added', declared: undefined, live, cause, writer } as const;
    return findingOf(subject, difference, isSecretKind(identity, this.#options.secretKinds), this.#context);
  }

  findOrphans(): void {
    const { orphans } = this.#options;
    if (orphans === null) return;
    const selector = orphans.label === null ? null : parseSelector(orphans.label);
    const inventory = { selector, namespaces: orphans.namespaces };
    const sets = new Set(
      [...this.#live.values(), ...this.#declared.values()]
        .filter(({ identity }) => identity.kind === 'StatefulSet')
        .map(({ identity }) => `${identity.namespace}/${identity.name}`),
    );
    const subjects = new Subjects([...this.#declared.values(), ...this.#live.values()].map(({ identity }) => identity));
    for (const [key, { object, identity }] of this.#live) {
      if (this.#declared.has(key) || !isOrphan(object, identity, inventory, sets)) continue;
      this.#findings.push(this.#orphan(subjects.of(identity), object, key, identity));
    }
    for (const unreached of this.#evidence.live.unreached) {
      // What hides a declared object was counted with that.
      if (unreached.name !== undefined || this.#hidesDeclared(unreached)) continue;
      const { kind, namespace, reason } = unreached;
      this.#total += 1;
      const where = namespace === null ? kind : `${kind}/${namespace}`;
      this.#uncovered.push({ subject: `${where}/*`, kind: 'unreached', reason });
    }
  }

  #hidesDeclared(unreached: Unreached): boolean {
    for (const { identity } of this.#declared.values()) if (hides(unreached, identity)) return true;
    return false;
  }

  conclude(): KubernetesJudgement {
    const coverage: Coverage = {
      compared: this.#total - this.#uncovered.length,
      total: this.#total,
      uncovered: this.#uncovered.map(({ reason, ...rest }) => ({ ...rest, reason: this.#context.redact(reason) })),
    };
    const all = this.#findings;
    const listed = all.slice(0, MAX_FINDINGS);
    const ending = this.#ending();
    const decided = decideVerdict(ending, all.length, coverage, this.#context.minCoverage);
    return {
      verdict: decided.verdict,
      // Only why something failed is somebody else's text, and to know every secret costs time.
      reason: ending.ok ? decided.reason : this.#context.redact(decided.reason),
      coverage,
      findings: ending.ok ? listed : [],
      unlisted: ending.ok ? all.length - listed.length : 0,
      unconfirmed: ending.ok ? [] : listed,
      notes: [...this.#evidence.notes, ...this.#evidence.live.notes, ...this.#notes],
    };
  }

  #ending(): Ending {
    if (this.#evidence.failure !== undefined) return { ok: false, reason: this.#evidence.failure };
    if (this.#total === 0 && this.#isSomethingExcluded) return { ok: true };
    if (this.#total === 0) return { ok: false, reason: 'nothing was compared: the manifests declare no object' };
    return { ok: true };
  }
}
