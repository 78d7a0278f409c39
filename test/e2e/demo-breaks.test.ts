import { describe, expect, it } from 'vitest';
import { demo } from './demo.ts';

describe('the demo, broken on purpose', () => {
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
