import { createHash } from 'node:crypto';
import { globMatches } from './glob.ts';

/** What every rule says: which subjects of which targets it speaks of, as globs, and why it is there. */
interface Rule {
  readonly target: string;
  readonly subject: string;
  readonly reason: string;
}

/** Never a finding. Without a path it speaks of the whole subject, also of one that is missing or extra. */
export interface IgnoreRule extends Rule {
  readonly path?: string;
  /** Parts of Kubernetes objects, which only the judge of that layer can find: JSON pointers, */
  readonly pointers?: readonly string[];
  /** jq paths, */
  readonly jq?: readonly string[];
  /** and names of field managers: what these own. */
  readonly managers?: readonly string[];
}

/** Known not to be comparable: out of the coverage total. */
export type AcceptRule = Rule;

/** A known finding, which does not page. Without a path it speaks of changed attributes only. */
export interface AcknowledgeRule extends Rule {
  readonly path?: string;
  readonly owner: string;
  /** The last moment that it holds, ISO. */
  readonly until: string;
  /** Hash of the live value that is known; absent: what was open when the rule was first met. */
  readonly value?: string;
}

export interface Rules {
  readonly ignore: readonly IgnoreRule[];
  readonly accept: readonly AcceptRule[];
  readonly acknowledge: readonly AcknowledgeRule[];
}

/** What a rule is held against. */
export interface About {
  readonly subject: string;
  readonly path?: string | undefined;
}

export const RULE_KINDS = ['ignore', 'accept', 'acknowledge'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

export const NO_RULES: Rules = { ignore: [], accept: [], acknowledge: [] };

/** Whether a rule speaks of parts of objects: it acts while objects are compared, and on no finding. */
export function isForObjects({ pointers, jq, managers }: Pick<IgnoreRule, 'pointers' | 'jq' | 'managers'>): boolean {
  return pointers !== undefined || jq !== undefined || managers !== undefined;
}

/** The ignore rules of a target that act while its objects are compared. */
export function objectRules(rules: Rules, target: string): readonly IgnoreRule[] {
  return rulesFor(rules, target).ignore.filter(isForObjects);
}

/** The rules that name a target, in an order that does not depend on how they were written down. */
export function rulesFor(rules: Rules, target: string): Rules {
  const own = <T extends Rule>(list: readonly T[]): readonly T[] =>
    list
      .filter((rule) => globMatches(rule.target, target))
      .map((rule) => ({ rule, hash: ruleHash(rule) }))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .map(({ rule }) => rule);
  return { ignore: own(rules.ignore), accept: own(rules.accept), acknowledge: own(rules.acknowledge) };
}

/** Identity of a rule: a rule that says anything else is another one. */
export function ruleHash(rule: Rule): string {
  const said = Object.entries(rule).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 32);
}

/** Whether the globs for subject and path fit; one for the path fits nothing that has none. */
export function speaksOf(rule: { readonly subject: string; readonly path?: string }, about: About): boolean {
  if (!globMatches(rule.subject, about.subject)) return false;
  return rule.path === undefined || (about.path !== undefined && globMatches(rule.path, about.path));
}
