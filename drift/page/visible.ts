/**
 * Characters that show nothing or move other text: controls, formats (those that turn its direction too), half
 * surrogates, and every blank but the space.
 */
const UNSEEN = /(?![\t\n ])[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/gu;

/** Foreign text in which every character can be seen: those that cannot are written as escapes. Tabs and line ends stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}
