import { describe, expect, it } from 'vitest';
import { demo } from './demo.ts';

describe('the demo', () => {
  it('shows drift found, paged, healed and resolved', async () => {
    const { all, exitCode } = await demo();
    expect(all).toMatch(/staging\/network\s+in-sync/);
    expect(all).toMatch(/prod\/network\s+drifted .*\(out-of-band\)/);
    expect(all).toMatch(/staging\/storage\s+drifted .*\(pending\)/);
    expect(all).toMatch(/prod\/storage\s+unknown .*retention_days/);
    expect(all).toMatch(/staging\/shop\s+in-sync/);
    expect(all).toMatch(/prod\/shop\s+drifted .*\(out-of-band, unclear\)/);
    expect(all).toMatch(/staging\/addons\s+unknown .*; \w+\/dashboard\/.* be allowed/);
    expect(all).toMatch(/staging\/nodes\s+in-sync [\s\S]*accepted staging-minion-0: disks : /);
    expect(all).toMatch(
      /prod\/nodes\s+drifted .*\n.*prod-master-2: .*on 1 of 3 nodes.*\n.*prod-minion-0: kubelet : Flags/,
    );
    expect(all).toMatch(/not covered prod-minion-1/);
    expect(all).toMatch(/prod\/storage\s+in-sync .*started by the push, not by its own schedule/);
    expect(all).toMatch(/the git host shows plumbline\/prod\/storage: success, in sync: \d+ of \d+ compared/);
    expect(all).toMatch(/the pager has resolved every incident\n[\s\S]*All of it happened/);
    expect(exitCode, all).toBe(0);
  }, 600_000);
});
