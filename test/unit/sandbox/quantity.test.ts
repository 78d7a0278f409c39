import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalQuantity } from '#sandbox/kubernetes/quantity.ts';

const TABLE = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../fixtures/kubernetes/tables/quantity-canonical.json'), 'utf8'),
) as { readonly canonical: Readonly<Record<string, string>>; readonly refused: Readonly<Record<string, string>> };

describe('amounts are written as a real server writes them', () => {
  const measured = Object.entries(TABLE.canonical);

  it('has all that was measured', () => expect(measured.length).toBeGreaterThan(80));

  it.each(measured)('%s becomes %s', (written, answered) => {
    expect(canonicalQuantity(written, -3)).toBe(answered);
  });

  const unreadable = Object.entries(TABLE.refused).filter(([, why]) => why.includes('cannot be handled'));
  it.each(unreadable)('"%s" is none', (written) => expect(canonicalQuantity(written, -3)).toBeNull());
});
