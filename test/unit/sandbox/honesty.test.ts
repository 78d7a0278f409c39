import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const PRODUCT = ['cli', 'functions', 'infra', 'checks', 'drift', 'services', 'buildspecs'];

function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(path.join(ROOT, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|mjs|py|yml|proto)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

describe('the sandbox cannot flatter us', () => {
  it('because no product file knows it', () => {
    const files = PRODUCT.flatMap(filesBelow);
    expect(files.length).toBeGreaterThan(80);
    // The bare word is what Ansible calls the machine that it runs on.
    const knowing = files.filter((file) =>
      /ministack|emulat|sandbox|\/\/localhost|localhost:\d|127\.0\.0\.1/i.test(readFileSync(file, 'utf8')),
    );
    expect(knowing.map((file) => path.relative(ROOT, file))).toEqual([]);
  });

  it('because it imports nothing of the product', () => {
    const files = filesBelow('sandbox');
    expect(files.length).toBeGreaterThan(25);
    const imports = new RegExp(`from '(#|(\\.\\./)+)(${PRODUCT.join('|')})/`);
    const importing = files.filter((file) => imports.test(readFileSync(file, 'utf8')));
    expect(importing.map((file) => path.relative(ROOT, file))).toEqual([]);
  });
});
