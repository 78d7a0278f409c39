/** Words that YAML, or an older reader of it, does not take for text. */
const NOT_TEXT = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** A text as YAML, in quotes unless it is plain to everyone that it is text. */
export function yamlText(value: string): string {
  return /^[A-Za-z][A-Za-z0-9_./-]*$/.test(value) && !NOT_TEXT.test(value) ? value : JSON.stringify(value);
}

/** A map on one line. */
export function yamlFlow(entries: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(entries).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${yamlText(value)}`],
  );
  return `{ ${pairs.join(', ')} }`;
}
