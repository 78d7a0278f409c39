import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pauseBefore } from '#checks/nodes/pace.ts';

const SECOND = 1000;

/** Asks until all have ended or the time is over, as `follow` does. */
function simulate(asked: number, completedAt: (elapsed: number) => number, limit: number) {
  let [elapsed, changedAt, completed, questions] = [0, 0, 0, 0];
  while (completed < asked && limit - elapsed > 0.001 && questions < 100_000) {
    const course = { elapsed, unchanged: elapsed - changedAt, left: limit - elapsed, asked, completed, questions };
    elapsed += pauseBefore(course);
    questions += 1;
    const now = completedAt(elapsed);
    if (now !== completed) [completed, changedAt] = [now, elapsed];
  }
  return { elapsed, questions, completed };
}
/** They end one after the other, from a first to a last moment. */
const steadily = (asked: number, first: number, last: number) => (elapsed: number) =>
  Math.min(asked, Math.max(0, Math.floor((asked * (elapsed - first)) / (last - first))));

describe('three nodes', () => {
  test.each([
    [1, 1],
    [12, 1],
    [30, 1.2],
    [60, 2.1],
    [600, 21],
  ])('that need %d seconds are answered %d seconds later at the latest', (seconds, late) => {
    const all = (elapsed: number): number => (elapsed >= seconds * SECOND ? 3 : 0);
    const { elapsed, completed } = simulate(3, all, 3600 * SECOND);
    expect(completed).toBe(3);
    expect(elapsed - seconds * SECOND).toBeLessThanOrEqual(late * SECOND);
  });

  test('are asked less often the longer it takes', () => {
    expect(simulate(3, () => 0, 3600 * SECOND).questions).toBeLessThan(200);
  });
});

describe('a thousand nodes', () => {
  test.each([
    ['at once', 10, 11],
    ['in a minute', 20, 60],
    ['in ten minutes', 20, 600],
    ['late and fast', 300, 310],
    ['in half an hour', 30, 1800],
  ])('that end %s are known to have ended soon, in 18 questions', (_, first, last) => {
    const { elapsed, questions, completed } = simulate(
      1000,
      steadily(1000, first * SECOND, last * SECOND),
      3500 * SECOND,
    );
    expect(completed).toBe(1000);
    expect(questions).toBeLessThanOrEqual(18);
    // A tenth of the time, or what the first ones took once more.
    expect(elapsed / SECOND).toBeLessThanOrEqual(Math.max(last * 1.1, 2 * first + 10));
  });

  test('never take more than 18 questions, and are followed until the time is over', () => {
    const courses = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        courses,
        fc.integer({ min: 10, max: 28_800 }),
        fc.integer({ min: 51, max: 5000 }),
        (steps, limit, asked) => {
          const sorted = steps.toSorted((a, b) => a - b).map((step) => Math.min(step, asked));
          const at = (elapsed: number): number =>
            sorted[Math.floor((elapsed / (limit * SECOND)) * (sorted.length - 1))] ?? asked;
          const { elapsed, questions, completed } = simulate(asked, at, limit * SECOND);
          expect(questions).toBeLessThanOrEqual(18);
          if (completed < asked) expect(elapsed).toBeCloseTo(limit * SECOND, 0);
        },
      ),
    );
  });
});
