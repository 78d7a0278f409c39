import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, SENSITIVE } from '#drift/redact.ts';

describe('a redactor', () => {
  it('hides every secret wherever it stands, and changes nothing else', () => {
    const secret = fc.string({ minLength: 6, maxLength: 30 }).filter((text) => text.trim().length >= 6);
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.string(), fc.string(), (secrets, a, b) => {
        const redact = createRedactor(secrets);
        for (const one of secrets) expect(redact(`${a}${one}${b}`)).toContain(SENSITIVE);
        for (const one of secrets) expect(redact(`${a}${one}${b}`)).not.toContain(one);
      }),
    );
    expect(createRedactor(['hunter2-secret'])('nothing of it: hunter2')).toBe('nothing of it: hunter2');
  });

  it.each([
    ['JSON', (text: string) => JSON.stringify({ a: text })],
    ['JSON in JSON', (text: string) => JSON.stringify({ a: JSON.stringify([text]) })],
    [
      'JSON as Go writes it',
      (text: string) =>
        JSON.stringify(text).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
    ],
    ['JSON with ASCII only', (text: string) => JSON.stringify(text).replaceAll('ö', '\\u00f6')],
    ['a path of a URL', (text: string) => `https://host/${encodeURIComponent(text)}?x`],
    ['a form', (text: string) => `p=${encodeURIComponent(text).replaceAll('%20', '+')}&q`],
    ['base64', (text: string) => Buffer.from(text).toString('base64')],
    ['base64 of a longer text', (text: string) => Buffer.from(`u:${text}:e`).toString('base64')],
    ['base64 of another longer text', (text: string) => Buffer.from(`us:${text}:e`).toString('base64')],
    ['base64 for URLs', (text: string) => Buffer.from(text).toString('base64url')],
    ['hex', (text: string) => Buffer.from(text).toString('hex')],
  ])('knows it as %s', (_name, spell) => {
    const text = spell('p@ss <wö"rd> &? 4711');
    expect(createRedactor(['p@ss <wö"rd> &? 4711'])(text)).not.toBe(text);
    expect(createRedactor(['p@ss <wö"rd> &? 4711'])(text)).toContain(SENSITIVE);
  });

  it('takes the longest where one secret begins another', () => {
    expect(createRedactor(['secret-1', 'secret-12'])('x secret-12 y secret-1 z')).toBe(
      `x ${SENSITIVE} y ${SENSITIVE} z`,
    );
  });

  it('leaves values of less than six characters to masks', () => {
    expect(createRedactor(['a', 'abcde', '', '  abc   '])('abcde a')).toBe('abcde a');
  });

  it('bears many secrets that begin alike', () => {
    const secrets = Array.from({ length: 30_000 }, (_, index) => `secret-value-"ö"-${index}-end`);
    const redact = createRedactor(secrets);
    expect(redact(`a ${secrets[29_999]} b`)).toBe(`a ${SENSITIVE} b`);
    const nearly = 'secret-value-"ö"-no '.repeat(5000);
    expect(redact(nearly)).toBe(nearly);
  });
});
