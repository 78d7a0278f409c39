import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import { type About, type IgnoreRule, isForObjects, speaksOf } from './rule.ts';

/** Takes out what is never a finding; it stays visible as notes. */
export function ignore(
  findings: readonly Finding[],
  rules: readonly IgnoreRule[],
): { readonly findings: readonly Finding[]; readonly notes: readonly Note[] } {
  const notes: Note[] = [];
  const kept = findings.filter((finding) => {
    const rule = rules.find((candidate) => ignores(candidate, finding));
    if (rule === undefined) return true;
    const { subject, path } = finding;
    notes.push({ kind: 'ignored', subject, ...(path === undefined ? {} : { path }), text: rule.reason });
    return false;
  });
  return { findings: kept, notes };
}

/** Whether a rule takes out what is looked at, as a whole. */
export function ignores(rule: IgnoreRule, about: About): boolean {
  return !isForObjects(rule) && speaksOf(rule, about);
}
