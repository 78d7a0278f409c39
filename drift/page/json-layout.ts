/** What findings end with after the JSON of a list, or where a long value was cut. */
const TAIL = /(?: and \d+ that both sides have|(… \(cut, \d+ characters\)))$/;
const TOKENS = /"(?:[^"\\]|\\.)*"?|[[\]{}:,]|[^\s"[\]{}:,]+/gs;
/** Deeper levels stay on one line: indentation must not make a small value large. */
const MAX_DEPTH = 12;
/** How many times longer a value may become; beyond that it is no easier to read. */
const MAX_GROWTH = 5;

/**
 * JSON with a line for each element; null for a value that is none. Only blanks outside of strings change: numbers stay as
 * they are written. Of a cut value as far as it goes.
 */
export function layOutJson(value: string): string | null {
  const [tail = '', cut] = TAIL.exec(value) ?? [];
  const json = value.slice(0, value.length - tail.length);
  if (!/^\s*[[{]/.test(json) || (cut === undefined && !isJson(json))) return null;
  const tokens = json.match(TOKENS) ?? [];
  let depth = 0;
  const laidOut = tokens.map((token, index) => {
    const before = tokens[index - 1] ?? '';
    if (isOneOf(token, ']}')) {
      depth -= 1;
      return isOneOf(before, '[{') || depth >= MAX_DEPTH ? token : newLine(depth) + token;
    }
    const start = isOneOf(before, '[{,') && depth <= MAX_DEPTH ? newLine(depth) : '';
    if (isOneOf(token, '[{')) depth += 1;
    return start + (token === ':' ? ': ' : token);
  });
  const text = laidOut.join('') + tail;
  return text.length > MAX_GROWTH * value.length ? null : text;
}

const isOneOf = (token: string, characters: string): boolean => token.length === 1 && characters.includes(token);

/** A text that only looks like JSON may close more than it opens. */
const newLine = (depth: number): string => `\n${'  '.repeat(Math.max(depth, 0))}`;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
