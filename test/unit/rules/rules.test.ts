import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Uncovered } from '#drift/coverage.ts';
import type { Finding } from '#drift/finding.ts';
import type { Report } from '#drift/report.ts';
import { applyRules } from '#drift/rules/apply.ts';
import { type Bindings, bindRules } from '#drift/rules/bindings.ts';
import { ignores } from '#drift/rules/ignore.ts';
import { type AcknowledgeRule, NO_RULES, type Rules, ruleHash } from '#drift/rules/rule.ts';
import { decideVerdict } from '#drift/verdict.ts';
import { finding, report } from '../runs/world.ts';

const NOW = new Date('2026-11-24T03:00:00Z');
const TARGET = { name: 'prod/network', minCoverage: 1 };
const ID = '20261124T030000000Z-0123456789abcdef';
const ack = (over: Partial<AcknowledgeRule> = {}): AcknowledgeRule => ({
  target: 'prod/network',
  subject: 'sg.web',
  owner: 'alice@acme.example',
  reason: 'incident 4711',
  until: '2026-12-01T23:59:59.999Z',
  ...over,
});
const drifted = (findings: readonly Finding[], over: Partial<Report> = {}): Report =>
  report(ID, { verdict: 'drifted', reason: `${findings.length} findings`, findings, ...over });
const unseen = (subjects: readonly string[], compared = 3, kind: Uncovered['kind'] = 'unverifiable'): Report => {
  const coverage = {
    compared,
    total: compared + subjects.length,
    uncovered: subjects.map((subject) => ({ subject, kind, reason: 'a command' })),
  };
  return report(ID, { coverage, ...decideVerdict({ ok: true }, 0, coverage, 1) });
};
const apply = (to: Report, rules: Partial<Rules>, bindings: Bindings | null = {}, now = NOW): Report =>
  applyRules(to, TARGET, { rules: { ...NO_RULES, ...rules }, bindings, now });
/** What the state remembers of a rule that met `finding('sg.web')` with its first value. */
const bound = (rule: AcknowledgeRule): Bindings => ({ [ruleHash(rule)]: { 'id-of-sg.web': 'v1' } });
const texts = (of: Report, kind: string): string[] =>
  of.notes.filter((note) => note.kind === kind).map(({ text }) => text);

describe('ignored findings', () => {
  const rule = { target: '*/network', subject: 'sg.*', reason: 'autoscaled' };
  it('become notes and count no more', () => {
    const judged = apply(drifted([finding('sg.web'), finding('db.main')]), { ignore: [rule] });
    expect(judged).toMatchObject({ verdict: 'drifted', reason: '1 finding' });
    expect(judged.findings.map(({ subject }) => subject)).toEqual(['db.main']);
    expect(judged.notes).toEqual([{ kind: 'ignored', subject: 'sg.web', path: 'ingress', text: 'autoscaled' }]);
  });

  it.each<[string, Partial<Finding>, Partial<typeof rule & { path: string }>, boolean]>([
    ['the whole subject, missing', { change: 'removed', path: undefined as never }, {}, true],
    ['a path that fits', { path: 'tags.Owner' }, { path: 'tags.*' }, true],
    ['a path that does not', { path: 'ingress' }, { path: 'tags.*' }, false],
    ['a path, but the whole subject is missing', { change: 'removed', path: undefined as never }, { path: '*' }, false],
    ['another target', {}, { target: 'staging/*' }, false],
  ])('%s', (_name, over, rules, ignored) => {
    const { path, ...rest } = { ...finding('sg.web'), ...over };
    const one = path === undefined ? rest : { ...rest, path };
    expect(apply(drifted([one]), { ignore: [{ ...rule, ...rules }] }).findings).toHaveLength(ignored ? 0 : 1);
  });

  it('are in sync when nothing else differs, and the reason says so', () => {
    const judged = apply(drifted([finding('sg.web')]), { ignore: [rule] });
    expect(judged).toMatchObject({
      verdict: 'in-sync',
      reason: '3 of 3 compared, nothing else differs than 1 ignored',
    });
  });

  it.each([{ pointers: ['/spec'] }, { jq: ['.spec'] }, { managers: ['hpa'] }])(
    'stay where a rule speaks of parts of objects, which only their judge can find: %j',
    (parts) => {
      const judged = apply(drifted([finding('sg.web')]), { ignore: [{ ...rule, ...parts }] });
      expect(judged).toMatchObject({ verdict: 'drifted', notes: [] });
      expect(ignores({ ...rule, ...parts }, finding('sg.web'))).toBe(false);
      expect(ignores(rule, finding('sg.web'))).toBe(true);
    },
  );

  it('do not hide the findings that are not listed', () => {
    const judged = apply(drifted([finding('sg.web')], { unlisted: 7 }), { ignore: [rule] });
    expect(judged).toMatchObject({ verdict: 'drifted', reason: '7 findings' });
  });

  it('are listed up to a bound, the rest counted', () => {
    const many = Array.from({ length: 130 }, (_, index) => finding(`sg.${index}`));
    const notes = texts(apply(drifted(many), { ignore: [rule] }), 'ignored');
    expect([notes.length, notes.at(-1)]).toEqual([101, 'and 30 more, not listed']);
  });
});

describe('accepted subjects', () => {
  const rule = { target: '*', subject: '*: check etcd', reason: 'a command' };
  it('leave the total and stay listed', () => {
    const judged = apply(unseen(['node-1: check etcd']), { accept: [rule] });
    expect(judged).toMatchObject({ verdict: 'in-sync', coverage: { compared: 3, total: 3, uncovered: [] } });
    expect(texts(judged, 'accepted')).toEqual(['a command (unverifiable: a command)']);
  });

  it('do not make up for others', () => {
    const judged = apply(unseen(['node-1: check etcd', 'node-1: other']), { accept: [rule] });
    expect(judged).toMatchObject({ verdict: 'unknown', coverage: { compared: 3, total: 4 } });
  });

  it('are never all there is', () => {
    expect(apply(unseen(['node-1: check etcd'], 0), { accept: [rule] })).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^nothing was compared/),
    });
  });

  it('do not settle another reason to be unknown', () => {
    const failed = { ...unseen(['node-1: check etcd']), reason: 'the plan failed' };
    expect(apply(failed, { accept: [rule] })).toMatchObject({ verdict: 'unknown', reason: 'the plan failed' });
  });
});

describe('acknowledged findings', () => {
  const covered = (one: Finding, rule: AcknowledgeRule, bindings: Bindings | null = bound(rule), now = NOW): boolean =>
    apply(drifted([one]), { acknowledge: [rule] }, bindings, now).findings[0]?.acknowledged !== null;
  const whole = (({ path: _path, ...rest }) => rest)(finding('sg.web'));

  it('stay listed with owner, reason and date, and do not count', () => {
    const judged = apply(drifted([finding('sg.web')]), { acknowledge: [ack()] }, bound(ack()));
    expect(judged).toMatchObject({
      verdict: 'in-sync',
      reason: '3 of 3 compared, nothing else differs than 1 acknowledged',
      findings: [{ acknowledged: { owner: 'alice@acme.example', reason: 'incident 4711', until: ack().until } }],
    });
  });

  it.each<[string, Finding, AcknowledgeRule, boolean]>([
    ['a changed attribute', finding('sg.web'), ack(), true],
    ['an attribute by its path', finding('sg.web', { change: 'removed' }), ack({ path: 'ingr*' }), true],
    ['another path', finding('sg.web'), ack({ path: 'egress' }), false],
    ['an attribute that is extra, without a path', finding('sg.web', { change: 'added' }), ack(), false],
    ['a missing object', { ...whole, change: 'removed' }, ack(), false],
    ['an extra object', { ...whole, change: 'added' }, ack(), false],
    ['a replaced object', { ...whole, change: 'changed' }, ack(), false],
    ['a missing object, by any path', { ...whole, change: 'removed' }, ack({ path: '*' }), false],
    ['the value it names', finding('sg.web'), ack({ value: 'v1' }), true],
    ['another value than it names', finding('sg.web'), ack({ value: 'v2' }), false],
    ['another value than it is bound to', finding('sg.web', { valueHash: 'v2' }), ack(), false],
  ])('%s', (_name, one, rule, expected) => expect(covered(one, rule)).toBe(expected));

  it('end at the end, and say so', () => {
    expect(covered(finding('sg.web'), ack(), bound(ack()), new Date('2026-12-01T23:59:59.999Z'))).toBe(true);
    const judged = apply(
      drifted([finding('sg.web')]),
      { acknowledge: [ack()] },
      bound(ack()),
      new Date('2026-12-02T00:00:00Z'),
    );
    expect(judged.verdict).toBe('drifted');
    expect(texts(judged, 'acknowledgement')).toEqual([expect.stringMatching(/alice.*4711.* ended at 2026-12-01/)]);
  });

  it.each<[string, AcknowledgeRule, Finding, RegExp]>([
    ['the value changed', ack(), finding('sg.web', { valueHash: 'v2' }), /ended because the finding changed/],
    ['the named value changed', ack({ value: 'v9' }), finding('sg.web'), /ended because the finding changed/],
    ['it was not seen before', ack(), finding('sg.web', { fingerprint: 'new' }), /has nothing to bind to/],
  ])('say why a rule does not cover them: %s', (_name, rule, one, text) => {
    const judged = apply(drifted([one]), { acknowledge: [rule] }, bound(rule));
    expect([judged.verdict, texts(judged, 'acknowledgement')]).toEqual(['drifted', [expect.stringMatching(text)]]);
  });

  it('are not believed from a report', () => {
    const claimed = { owner: 'mallory', reason: 'trust me', until: '2099-01-01T00:00:00Z' };
    expect(apply(drifted([finding('sg.web', { acknowledged: claimed })]), {}).verdict).toBe('drifted');
  });

  it('apply by name and date in a local check, which says so; a named value cannot be compared there', () => {
    const local = finding('sg.web', { valueHash: null });
    const judged = apply(drifted([local]), { acknowledge: [ack()] }, null);
    expect(judged.verdict).toBe('in-sync');
    expect(texts(judged, 'acknowledgement')).toEqual([expect.stringMatching(/by name and date alone/)]);
    const pinned = apply(drifted([local]), { acknowledge: [ack({ value: 'v1' })] }, null);
    expect(pinned.verdict).toBe('drifted');
    expect(texts(pinned, 'acknowledgement')).toEqual([expect.stringMatching(/only in the service/)]);
  });
});

describe('bindings', () => {
  it('are made once, from what is open, and forgotten with their rule', () => {
    const first = bindRules({}, [finding('sg.web'), finding('db.main')], [ack()]);
    expect(first).toEqual(bound(ack()));
    expect(bindRules(first, [finding('sg.web', { valueHash: 'v2' })], [ack()])).toEqual(first);
    expect(bindRules(first, [finding('sg.web')], [])).toEqual({});
    const anew = ack({ reason: 'still known' });
    expect(bindRules(first, [finding('sg.web', { valueHash: 'v2' })], [anew])).toEqual({
      [ruleHash(anew)]: { 'id-of-sg.web': 'v2' },
    });
    expect(bindRules({}, [finding('sg.web')], [ack({ value: 'v1' })])).toEqual({});
  });

  it('are bounded: what is beyond is not covered', () => {
    const open = Array.from({ length: 3000 }, (_, index) => finding(`sg.${index}`));
    const two = [ack({ subject: 'sg.*' }), ack({ subject: '*g.*' })];
    const values = Object.values(bindRules({}, open, two)).map((of) => Object.keys(of).length);
    expect(values).toEqual([3000, 2000]);
  });
});

describe('rules of any kind', () => {
  const glob = fc.constantFrom('sg.web', 'sg.*', '*web', 'db.main', '*');
  const target = fc.constantFrom('prod/network', 'prod/*', 'staging/network', '*/storage');
  const path = fc.constantFrom(undefined, 'ingress', 'tags.*');
  const strip = <T extends object>(rule: T): T =>
    Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as T;
  const rules = fc.record({
    ignore: fc.array(fc.record({ target, subject: glob, path, reason: fc.constantFrom('a', 'b') }).map(strip)),
    accept: fc.array(fc.record({ target, subject: glob, reason: fc.constantFrom('a', 'b') })),
    acknowledge: fc.array(
      fc
        .record({
          target,
          subject: glob,
          path,
          owner: fc.constantFrom('alice', 'bob'),
          reason: fc.constant('r'),
          until: fc.constantFrom('2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'),
          value: fc.constantFrom(undefined, 'v1', 'v2'),
        })
        .map(strip),
    ),
  }) as fc.Arbitrary<Rules>;
  const found = fc.uniqueArray(
    fc.record({
      subject: fc.constantFrom('sg.web', 'sg.db', 'db.main'),
      change: fc.constantFrom('added' as const, 'removed' as const, 'changed' as const),
      valueHash: fc.constantFrom('v1', 'v2'),
    }),
    { selector: ({ subject }) => subject, maxLength: 3 },
  );
  const reports = fc
    .record({ found, unlisted: fc.constantFrom(0, 3), lost: fc.nat(2), failed: fc.boolean() })
    .map(({ found, unlisted, lost, failed }) => {
      const findings = found.map(({ subject, ...over }) => finding(subject, over));
      const { coverage } = unseen(['sg.x', 'db.x'].slice(0, lost));
      const ending = failed ? ({ ok: false, reason: 'timed out' } as const) : ({ ok: true } as const);
      const verdict = decideVerdict(ending, findings.length + unlisted, coverage, 1);
      return report(ID, { ...verdict, findings: failed ? [] : findings, coverage, unlisted: failed ? 0 : unlisted });
    });
  const bindings = (of: Rules): Bindings => bindRules({}, [finding('sg.web'), finding('sg.db')], of.acknowledge);

  it('change nothing for a target that they do not name', () => {
    fc.assert(
      fc.property(reports, rules, (one, all) => {
        const elsewhere = applyRules(one, { name: 'qa/other', minCoverage: 1 }, { rules: all, bindings: {}, now: NOW });
        expect(elsewhere).toEqual(one);
      }),
    );
  });

  it('never turn unknown into in-sync, except accept', () => {
    fc.assert(
      fc.property(reports, rules, (one, all) => {
        fc.pre(one.verdict === 'unknown');
        expect(apply(one, { ...all, accept: [] }, bindings(all)).verdict).toBe('unknown');
      }),
    );
  });

  it('never turn a failed run into anything else', () => {
    fc.assert(
      fc.property(reports, rules, (one, all) => {
        fc.pre(one.reason === 'timed out');
        expect(apply(one, all, bindings(all))).toMatchObject({ verdict: 'unknown', reason: 'timed out' });
      }),
    );
  });

  it('mean the same in any order', () => {
    fc.assert(
      fc.property(reports, rules, (one, all) => {
        const turned: Rules = {
          ignore: all.ignore.toReversed(),
          accept: all.accept.toReversed(),
          acknowledge: all.acknowledge.toReversed(),
        };
        expect(apply(one, turned, bindings(turned))).toEqual(apply(one, all, bindings(all)));
      }),
    );
  });

  it('are in sync only without a finding that counts', () => {
    fc.assert(
      fc.property(reports, rules, (one, all) => {
        const judged = apply(one, all, bindings(all));
        fc.pre(judged.verdict === 'in-sync');
        expect(judged.findings.every(({ acknowledged }) => acknowledged !== null)).toBe(true);
        expect(judged.unlisted ?? 0).toBe(0);
      }),
    );
  });
});
