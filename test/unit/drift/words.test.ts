import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverageRatio } from '#drift/coverage.ts';
import { fingerprint, targetKey, valueHash } from '#drift/fingerprint.ts';
import { deployed, keys } from '#drift/names.ts';
import { isRunId, newRunId } from '#drift/run.ts';
import { decideVerdict, endingOf } from '#drift/verdict.ts';

describe('the verdict', () => {
  const all = { compared: 4, total: 4, uncovered: [] };
  const half = { compared: 2, total: 4, uncovered: [] };
  const ok = { ok: true } as const;
  it.each([
    ['equal and all seen', ok, 0, all, 1, 'in-sync'],
    ['nothing there to compare, and the tool said so', ok, 0, { compared: 0, total: 0, uncovered: [] }, 1, 'in-sync'],
    ['a finding', ok, 1, all, 1, 'drifted'],
    ['a finding and little seen', ok, 1, half, 1, 'drifted'],
    ['little seen', ok, 0, half, 1, 'unknown'],
    ['little seen, and that is enough', ok, 0, half, 0.5, 'in-sync'],
    ['ended badly', { ok: false, reason: 'timed out' } as const, 0, all, 0, 'unknown'],
    ['ended badly with findings', { ok: false, reason: 'timed out' } as const, 3, all, 0, 'unknown'],
  ])('%s', (_name, ending, counted, coverage, minCoverage, expected) => {
    const { verdict, reason } = decideVerdict(ending, counted, coverage, minCoverage);
    expect(verdict).toBe(expected);
    expect(reason).not.toBe('');
  });

  it('says of too little why, as of the first that was not seen, and is still known for it', () => {
    const uncovered = ['a', 'b'].map((subject) => ({ subject, kind: 'unreached' as const, reason: 'may not be read' }));
    const coverage = { ...half, uncovered };
    const judged = decideVerdict(ok, 0, coverage, 1);
    expect(judged.reason).toBe('not enough could be seen: 2 of 4 compared, 100 % wanted; a: may not be read');
    expect(endingOf({ ...judged, coverage }, 1)).toEqual(ok);
    // Redacted by itself, the reason may differ from the coverage.
    const redacted = judged.reason.replace('read', '(sensitive)');
    expect(endingOf({ ...judged, reason: redacted, coverage }, 1)).toEqual(ok);
    expect(endingOf({ ...judged, coverage: { ...coverage, compared: 3 } }, 1)).toMatchObject({ ok: false });
  });

  it('is in sync only if the run ended well, found nothing and saw enough', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(3),
        fc.nat(9),
        fc.nat(9),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (ended, counted, a, b, min) => {
          const coverage = { compared: Math.min(a, b), total: Math.max(a, b), uncovered: [] };
          const ending = ended ? ok : ({ ok: false, reason: 'crashed' } as const);
          const inSync = decideVerdict(ending, counted, coverage, min).verdict === 'in-sync';
          expect(inSync).toBe(ended && counted === 0 && coverageRatio(coverage) >= min);
        },
      ),
    );
  });
});

describe('identity', () => {
  it('tells layer, target, subject and path apart, and no path from an empty one', () => {
    const ids = [
      fingerprint('terraform', 'prod/a', 'x', 'p'),
      fingerprint('nodes', 'prod/a', 'x', 'p'),
      fingerprint('terraform', 'prod/b', 'x', 'p'),
      fingerprint('terraform', 'prod/a', 'y', 'p'),
      fingerprint('terraform', 'prod/a', 'x', 'q'),
      fingerprint('terraform', 'prod/a', 'x', undefined),
      fingerprint('terraform', 'prod/a', 'x', ''),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('hashes a value differently per target', () => {
    const [a, b] = [targetKey('master', 'prod/a'), targetKey('master', 'prod/b')];
    expect(valueHash(a, '"v"')).not.toBe(valueHash(b, '"v"'));
    expect(valueHash(a, '"v"')).toBe(valueHash(a, '"v"'));
  });
});

describe('run ids', () => {
  it('sort by time and are the same for the same request', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2020-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
        fc.nat({ max: 1e9 }),
        (at, later) => {
          const a = newRunId(at, 'prod/a', 'schedule', 'x');
          const b = newRunId(new Date(at.getTime() + later + 1), 'prod/b', 'push', 'y');
          expect(isRunId(a)).toBe(true);
          expect(a < b).toBe(true);
          expect(newRunId(at, 'prod/a', 'schedule', 'x')).toBe(a);
        },
      ),
    );
    const at = new Date('2026-11-24T03:00:00Z');
    expect(newRunId(at, 'prod/a', 'schedule', 'x')).not.toBe(newRunId(at, 'prod/b', 'schedule', 'x'));
  });
});

describe('names', () => {
  it('keep every target in its own folder and every alarm its own name', () => {
    expect(keys.state('prod/network')).toBe('state/prod/network.json');
    expect(keys.report('prod/network', '20261124T030000000Z-0123456789abcdef')).toBe(
      'runs/prod/network/2026/11/24/20261124T030000000Z-0123456789abcdef/report.json',
    );
    expect(deployed.driftAlarm('prod/network')).not.toBe(deployed.unknownAlarm('prod/network'));
  });
});
