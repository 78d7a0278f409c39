import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { file, judge, names } from './lab.ts';

describe('missing evidence', () => {
  const inSync = names.filter((name) => judge(name).verdict === 'in-sync');

  it('is never in sync without exit code or plan, with a failure, or with an exit code that is neither 0 nor 2', () => {
    expect(inSync.length).toBeGreaterThan(10);
    for (const name of inSync) {
      for (const over of [
        { exitCode: null },
        { plan: null },
        { exitCode: 1 },
        { exitCode: 137 },
        { failure: { step: 'plan', reason: 'timed out' } },
      ]) {
        expect(judge(name, over).verdict, `${name} ${JSON.stringify(over)}`).toBe('unknown');
      }
    }
  });

  it('is never in sync when the plan was made without asking what runs', () => {
    const blind = names.filter((name) => name.endsWith('-refresh-false') && judge(name).verdict === 'in-sync');
    expect(blind.length).toBeGreaterThan(3);
    for (const name of blind) {
      const { verdict, reason } = judge(name, { events: file(`${name}/ui.ndjson`)?.toString() ?? null });
      expect([verdict, reason]).toEqual(['unknown', expect.stringMatching(/not enough could be seen/)]);
    }
  });

  it('is never in sync when the exit code says otherwise', () => {
    for (const name of ['clean', 'drift-computed-only', 'empty']) {
      const plan = JSON.parse(file(`${name}/plan.json`)?.toString() ?? '{}');
      delete plan.applyable;
      plan.resource_changes ??= [];
      expect(judge(name, { plan: JSON.stringify(plan), exitCode: 2 }).verdict, name).toBe('unknown');
    }
  });

  it('is never in sync when what the plan changes is lost', () => {
    for (const name of inSync) {
      const { resource_changes, ...plan } = JSON.parse(file(`${name}/plan.json`)?.toString() ?? '{}');
      if ((resource_changes ?? []).every((entry: { mode: string }) => entry.mode === 'data')) continue;
      if (Object.keys(plan.planned_values.root_module).length === 0) continue;
      expect(judge(name, { plan: JSON.stringify(plan) }).verdict, name).toBe('unknown');
    }
  });

  it('is never in sync when the plan is cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...inSync),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (name, part) => {
          const whole = file(`${name}/plan.json`)?.toString().trimEnd() ?? '';
          const plan = whole.slice(0, Math.floor(whole.length * part));
          expect(judge(name, { plan }).verdict).toBe('unknown');
        },
      ),
    );
  });

  it('is never in sync when one resource is cut out', () => {
    const cuts = inSync.flatMap((name) => {
      const plan = JSON.parse(file(`${name}/plan.json`)?.toString() ?? '{}');
      const entries: { mode: string; previous_address?: string }[] = plan.resource_changes ?? [];
      return entries.flatMap((entry, index) =>
        entry.mode === 'managed' ? [{ name, plan: { ...plan, resource_changes: entries.toSpliced(index, 1) } }] : [],
      );
    });
    expect(cuts.length).toBeGreaterThan(10);
    for (const { name, plan } of cuts)
      expect(judge(name, { plan: JSON.stringify(plan) }).verdict, name).toBe('unknown');
  });

  it('is unknown for what is no plan', () => {
    for (const plan of [
      '',
      '{}',
      '[]',
      'null',
      '{"format_version":"2.0"}',
      '{"format_version":"0.0"}',
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
    ]) {
      expect(judge('clean', { plan }).verdict, plan.slice(0, 30)).toBe('unknown');
    }
  });
});

describe('whatever is done to a plan of a target that is not in sync', () => {
  const bad = names.filter((name) => judge(name).verdict !== 'in-sync' && file(`${name}/plan.json`) !== null);
  const entriesOf = (plan: { resource_changes?: unknown[] }): unknown[] => plan.resource_changes ?? [];

  it('a resource that is cut out does not make it in sync', () => {
    let cuts = 0;
    for (const name of bad) {
      const plan = JSON.parse(file(`${name}/plan.json`)?.toString() ?? '{}');
      for (const index of entriesOf(plan).keys()) {
        const cut = { ...plan, resource_changes: entriesOf(plan).toSpliced(index, 1) };
        expect(judge(name, { plan: JSON.stringify(cut) }).verdict, name).not.toBe('in-sync');
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(20);
  });

  it('another exit code does not make it in sync', () => {
    for (const name of bad)
      for (const exitCode of [0, 1, 137, null]) expect(judge(name, { exitCode }).verdict, name).not.toBe('in-sync');
  });
});
