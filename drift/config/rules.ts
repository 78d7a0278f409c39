import { distance } from 'fastest-levenshtein';
import { holds } from '../rules/acknowledge.ts';
import { globMatches, namesNothing } from '../rules/glob.ts';
import { isForObjects, RULE_KINDS, type RuleKind } from '../rules/rule.ts';
import type { Mistake } from './mistake.ts';
import type { WrittenTarget } from './references.ts';
import { MAX_RULES } from './rule-schema.ts';
import type { ConfigFile } from './schema.ts';

const MAX_NEAR = 5;

/**
 * What is wrong with rules that are right each by itself.
 * @param targets all of them
 * @param asOf acknowledgements that ended before are mistakes; null: dates are not looked at
 */
export function ruleMistakes(
  file: ConfigFile,
  targets: readonly WrittenTarget[],
  asOf: Date | null,
): readonly Mistake[] {
  const names = targets.map(({ name }) => name);
  const mistakes: Mistake[] = RULE_KINDS.flatMap((kind) => [
    ...unknownTargets(kind, file[kind], names),
    ...tooWide(kind, file[kind]),
    ...duplicates(kind, file[kind]),
  ]);
  mistakes.push(...unknownTargets('windows', file.windows, names), ...ofOtherLayers(file, targets));
  if (asOf !== null) mistakes.push(...ended(file, asOf));
  const count = RULE_KINDS.reduce((sum, kind) => sum + file[kind].length, 0);
  if (count > MAX_RULES) {
    mistakes.push({ path: ['ignore'], message: `${count} rules in all; at most ${MAX_RULES} are possible: use *` });
  }
  return mistakes;
}

function unknownTargets(
  list: string,
  entries: readonly { readonly target: string }[],
  names: readonly string[],
): readonly Mistake[] {
  return entries.flatMap(({ target }, index) => {
    if (names.some((name) => globMatches(target, name))) return [];
    const near = names
      .map((name) => ({ name, far: distance(target, name) }))
      .sort((a, b) => a.far - b.far)
      .slice(0, MAX_NEAR)
      .map(({ name }) => name);
    const remedy = near[0] === undefined ? 'there are none' : `did you mean "${near[0]}"? Known: ${near.join(', ')}`;
    const rest = names.length > near.length ? ` and ${names.length - near.length} more` : '';
    return [{ path: [list, index, 'target'], message: `"${target}" fits no target; ${remedy}${rest}` }];
  });
}

/** A rule that silences a whole target is none. */
function tooWide(kind: RuleKind, entries: readonly Globs[]): readonly Mistake[] {
  return entries.flatMap(({ subject, path, ...parts }, index) => {
    if (isForObjects(parts)) return [];
    if (!namesNothing(subject) || (path !== undefined && !namesNothing(path))) return [];
    const instead = kind === 'accept' ? 'name the subject' : 'name the subject or the path';
    const message = `"${subject}" fits everything and would silence the whole target; ${instead}, or write observe: true or enabled: false at the target`;
    return [{ path: [kind, index, 'subject'], message }];
  });
}

/** Parts of objects are found where objects are compared, and by one way of naming them. */
function ofOtherLayers({ ignore }: ConfigFile, targets: readonly WrittenTarget[]): readonly Mistake[] {
  const fits = (glob: string, list: readonly WrittenTarget[]): boolean =>
    list.some(({ name }) => globMatches(glob, name));
  return ignore.flatMap((rule, index) => {
    const [key] = (['pointers', 'jq', 'managers'] as const).filter((candidate) => rule[candidate] !== undefined);
    if (key === undefined) return [];
    const wrong = (at: string, message: string): Mistake[] => [{ path: ['ignore', index, at], message }];
    if (rule.path !== undefined) return wrong('path', `goes not with ${key}: write a rule of each`);
    const withObjects = targets.filter(({ hasObjects }) => hasObjects);
    if (!fits(rule.target, targets) || fits(rule.target, withObjects)) return [];
    return wrong(key, `is for objects of Kubernetes, and "${rule.target}" fits no such target: write path instead`);
  });
}

interface Globs {
  readonly target: string;
  readonly subject: string;
  readonly path?: string | undefined;
  readonly value?: string | undefined;
  readonly pointers?: readonly string[];
  readonly jq?: readonly string[];
  readonly managers?: readonly string[];
}

function duplicates(kind: RuleKind, entries: readonly Globs[]): readonly Mistake[] {
  const seen = new Map<string, number>();
  return entries.flatMap(({ target, subject, path, value, pointers, jq, managers }, index) => {
    const key = JSON.stringify([target, subject, path, value, pointers, jq, managers]);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
      return [];
    }
    return [{ path: [kind, index], message: `says the same as ${kind}.${first}; take one of the two out` }];
  });
}

function ended(file: ConfigFile, asOf: Date): readonly Mistake[] {
  return file.acknowledge.flatMap(({ until }, index) => {
    if (holds(until, asOf)) return [];
    const message = `ended at ${until}; take the rule out, or write a later date if it is still known`;
    return [{ path: ['acknowledge', index, 'until'], message }];
  });
}
