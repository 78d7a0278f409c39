/** Shorter values are hidden by their place only: they would hide half of every text. */
export const MIN_SECRET_LENGTH = 6;

/** What stands in for a value. */
export const SENSITIVE = '(sensitive)';

/**
 * A function that replaces every known secret in a text, also inside longer strings and in the encodings that tools
 * use: JSON, URL, base64. Values shorter than six characters are left to masks.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const value of [secret, secret.trim()]) {
      if (value.length >= MIN_SECRET_LENGTH) for (const form of encodings(value)) forms.add(form);
    }
  }
  if (forms.size === 0) return (text) => text;
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escapePattern).join('|'), 'g');
  return (text) => text.replace(pattern, SENSITIVE);
}

function encodings(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  const json = jsonForms(value);
  return [
    value,
    ...json,
    ...json.flatMap(jsonForms),
    ...urlForms(value.toWellFormed()),
    ...base64Forms(bytes),
    bytes.toString('hex'),
    ...value.split(/\r?\n/).filter((line) => line.length >= 16 && line !== value),
  ];
}

/** As JavaScript escapes it, as Go does (and terraform), and with ASCII only. */
function jsonForms(value: string): readonly string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const escaped = (text: string, which: RegExp): string =>
    text.replace(which, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const go = escaped(plain, /[<>&\u2028\u2029]/g);
  return [plain, go, escaped(plain, /[^\x20-\x7e]/g), escaped(go, /[^\x20-\x7e]/g)];
}

/** For a path, for a query, with and without the signs that JavaScript leaves as they are. */
function urlForms(value: string): readonly string[] {
  const component = encodeURIComponent(value);
  const strict = component.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return [component, strict, encodeURI(value)].flatMap((form) => [form, form.replaceAll('%20', '+')]);
}

/** Base64 of the value wherever it starts inside a longer text: the characters that depend on nothing but the value. */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const whole = Math.floor(((offset + bytes.length) * 8) / 6);
    const core = text.slice(offset === 0 ? 0 : offset + 1, whole);
    if (core.length < MIN_SECRET_LENGTH) return [];
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

const escapePattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
