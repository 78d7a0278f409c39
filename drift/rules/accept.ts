import type { Coverage, Uncovered } from '../coverage.ts';
import type { Note } from '../note.ts';
import { type AcceptRule, speaksOf } from './rule.ts';

/** The kind of note that an accepted subject becomes; it stays listed there. */
export const ACCEPTED = 'accepted';

/** Takes what is known not to be comparable out of the total; it stays listed, as notes. */
export function accept(
  coverage: Coverage,
  rules: readonly AcceptRule[],
): { readonly coverage: Coverage; readonly notes: readonly Note[] } {
  const notes: Note[] = [];
  const uncovered: Uncovered[] = [];
  for (const item of coverage.uncovered) {
    const rule = rules.find((candidate) => speaksOf(candidate, item));
    if (rule === undefined) uncovered.push(item);
    else notes.push({ kind: ACCEPTED, subject: item.subject, text: `${rule.reason} (${item.kind}: ${item.reason})` });
  }
  const total = Math.max(coverage.compared, coverage.total - notes.length);
  return { coverage: { ...coverage, total, uncovered }, notes };
}
