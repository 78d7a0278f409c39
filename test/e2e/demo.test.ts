import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const demo = (...args: string[]) =>
  execa('node', ['sandbox/demo.ts', ...args], {
    cwd: ROOT,
    preferLocal: true,
    reject: false,
    all: true,
    env: { NO_COLOR: '1' },
  });

describe('the demo', () => {
  it('shows drift found, paged, healed and resolved', async () => {
    const { all, exitCode } = await demo();
    expect(all).toMatch(/staging\/network\s+in-sync/);
    expect(all).toMatch(/prod\/network\s+drifted .*\(out-of-band\)/);
    expect(all).toMatch(/staging\/storage\s+drifted .*\(pending\)/);
    expect(all).toMatch(/prod\/storage\s+unknown .*retention_days/);
    expect(all).toMatch(/the pager has resolved every incident\n[\s\S]*All of it happened/);
    expect(exitCode, all).toBe(0);
  });

  it('fails when terraform does nothing and says that all is well', async () => {
    const { all, exitCode } = await demo('--break', 'terraform');
    expect(all).toMatch(/It did not happen: staging\/network had to be in-sync .*, not unknown/);
    expect(exitCode).toBe(1);
  });

  it('fails when every list of a cluster is empty and says that all went well', async () => {
    const { all, exitCode } = await demo('--break', 'cluster');
    expect(all).toMatch(
      /It did not happen: staging\/shop had to be in-sync \(no findings\), not drifted: \d+ findings/,
    );
    expect(exitCode).toBe(1);
  });

  it('fails when no report can be uploaded', async () => {
    const { all, exitCode } = await demo('--break', 'upload');
    expect(all).toMatch(/It did not happen: .* had to be .*, not unknown: the build ended FAILED/);
    expect(exitCode).toBe(1);
  });
});
