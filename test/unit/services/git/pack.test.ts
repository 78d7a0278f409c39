import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkPack, PackTooLarge } from '#services/git/pack.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-pack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const git = (args: readonly string[], input: string | Buffer = ''): Buffer =>
  execFileSync('git', ['-C', folder, ...args], { input, stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 1e9 });
git(['init', '--quiet']);

/** A pack of blobs, made by git: those that are alike become deltas. */
function packOf(...texts: readonly string[]): Buffer {
  const ids = texts.map((text) => git(['hash-object', '-w', '--stdin'], text).toString());
  return git(['pack-objects', '--stdout', '--delta-base-offset'], ids.join(''));
}

const noise = (seed: number): string =>
  Array.from({ length: 2_000 }, (_, index) => ((index + 1) * seed * 7_919).toString(36)).join(' ');

describe('what a pack holds', () => {
  it.each([
    ['one object', ['x'.repeat(1_000)], 1_000],
    ['many', Array.from({ length: 50 }, (_, index) => `${index} `.repeat(100)), 14_000],
    ['an empty one', [''], 1],
  ])('is counted: %s', (_what, texts, bytes) => {
    const size = texts.join('').length;
    expect(size).toBeLessThanOrEqual(bytes);
    expect(() => checkPack(packOf(...texts), bytes)).not.toThrow();
    if (size > 1) expect(() => checkPack(packOf(...texts), size - 1)).toThrow(PackTooLarge);
  });

  it('counts deltas by what they make', () => {
    const base = noise(3);
    const pack = packOf(base, `${base} more`, `${base} and more`, `${base} and still more`);
    expect(pack.length).toBeLessThan(base.length);
    expect(() => checkPack(pack, 4.5 * base.length)).not.toThrow();
    expect(() => checkPack(pack, 3.5 * base.length)).toThrow(PackTooLarge);
  });

  it('is found out without being held', () => {
    const pack = packOf('0'.repeat(50_000_000));
    expect(pack.length).toBeLessThan(100_000);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => checkPack(pack, 1_000_000)).toThrow(PackTooLarge);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });
});
