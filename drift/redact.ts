/** Shorter values are hidden by their place only: they would hide half of every text. */
export const MIN_SECRET_LENGTH = 6;

/** What stands in for a value. */
export const SENSITIVE = '(sensitive)';

/**
 * A function that replaces every known secret in a text, also inside longer strings and in the encodings that tools
 * use: JSON, URL, base64. Values shorter than six characters are left to masks. A plan may hold very many secrets: they
 * are looked up by their beginning, one place of the text after the other.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const forms = indexed(secrets);
  if (forms.size === 0) return (text) => text;
  return (text) => {
    let redacted = '';
    let kept = 0;
    for (let at = 0; at + MIN_SECRET_LENGTH <= text.length; ) {
      const length = forms.get(text.slice(at, at + MIN_SECRET_LENGTH))?.lengthAt(text, at) ?? 0;
      if (length > 0) {
        redacted += text.slice(kept, at) + SENSITIVE;
        kept = at + length;
      }
      at += Math.max(1, length);
    }
    return redacted + text.slice(kept);
  };
}

/** Spellings that begin alike. There may be thousands of them, of few lengths. */
class Spellings {
  readonly #forms = new Set<string>();
  #lengths: number[] = [];

  add(form: string): void {
    this.#forms.add(form);
    if (!this.#lengths.includes(form.length)) this.#lengths = [...this.#lengths, form.length].sort((a, b) => b - a);
  }

  /** How long the longest one is that stands there; 0: none. */
  lengthAt(text: string, at: number): number {
    return this.#lengths.find((length) => this.#forms.has(text.slice(at, at + length))) ?? 0;
  }
}

/** Every spelling of every secret, by its first characters. */
function indexed(secrets: Iterable<string>): ReadonlyMap<string, Spellings> {
  const forms = new Map<string, Spellings>();
  for (const secret of secrets) {
    for (const value of new Set([secret, secret.trim()])) {
      if (value.length < MIN_SECRET_LENGTH) continue;
      for (const form of encodings(value)) {
        const start = form.slice(0, MIN_SECRET_LENGTH);
        const alike = forms.get(start) ?? new Spellings();
        alike.add(form);
        forms.set(start, alike);
      }
    }
  }
  return forms;
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
