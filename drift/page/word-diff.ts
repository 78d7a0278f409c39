import { diffWordsWithSpace } from 'diff';
import { UNKNOWN_UNTIL_APPLY } from '../finding.ts';
import { SENSITIVE } from '../redact.ts';

/** Words that both sides have, or that only the side has in which they stand. */
export interface Part {
  readonly text: string;
  readonly common: boolean;
}

/** Both sides, cut where they differ. */
export interface WordDiff {
  readonly declared: readonly Part[];
  readonly live: readonly Part[];
}

/** Compares two texts; null where that would tell nothing, or would take too long. */
export type Differ = (declared: string, live: string) => WordDiff | null;

/** Words that may differ: the work grows with the square of them, and beyond it nobody reads word by word. */
const MAX_EDITS = 200;
/** Characters that one page compares. */
const MAX_TOTAL_LENGTH = 500_000;

/**
 * Word by word, with the library `diff`, for one page: its work is bounded by the number of edits and by the length of
 * everything compared, not by a clock, so that the same report always makes the same page. What is hidden or not known
 * is never compared.
 */
export function wordDiffer(): Differ {
  let left = MAX_TOTAL_LENGTH;
  return (declared, live) => {
    const length = declared.length + live.length;
    if (length > left || [declared, live].some(isHidden)) return null;
    left -= length;
    const changes = diffWordsWithSpace(declared, live, { maxEditLength: MAX_EDITS });
    if (changes === undefined) return null;
    const without = (kind: 'added' | 'removed'): readonly Part[] =>
      changes
        .filter((change) => !change[kind])
        .map(({ value, added, removed }) => ({ text: value, common: !added && !removed }));
    return { declared: without('added'), live: without('removed') };
  };
}

/** Whether a text, or a part of it, only stands for a value. */
export function isHidden(text: string): boolean {
  return text.includes(SENSITIVE) || text.includes(UNKNOWN_UNTIL_APPLY);
}
