/**
 * Whether a text is what a glob means. Only `*` is special: it stands for any text, also none, and also dots, slashes,
 * brackets and line ends; everything else stands for itself, and letters are told apart by case.
 *
 * Our own, because the libraries make a regular expression of the glob: subjects come from the repository that is
 * checked, and five `*` against 300 characters of its choice keep such an expression busy for minutes. This looks at
 * each character once for each part between two `*` at most.
 */
export function globMatches(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** Whether a glob names nothing in particular: nothing but `*` and punctuation, such as `*`, `*.*` or an empty text. */
export function namesNothing(glob: string): boolean {
  return !/[\p{L}\p{N}]/u.test(glob);
}
