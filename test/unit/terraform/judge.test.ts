import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JudgeContext, judgeTerraform, needsSecondPlan, type TerraformEvidence } from '#drift/terraform/judge.ts';

const LAB = path.resolve(import.meta.dirname, '../../fixtures/terraform/lab');
interface Expected {
  readonly cls: 'clean' | 'drift' | 'pending' | 'both' | 'error';
  readonly changes: Readonly<Record<string, string>> | null;
  readonly drift: Readonly<Record<string, { readonly kind: string; readonly paths: readonly string[] }>> | null;
  readonly sub: readonly string[];
}
const expected: Readonly<Record<string, Expected>> = JSON.parse(readFileSync(path.join(LAB, 'expected.json'), 'utf8'));
const context: JudgeContext = { target: 'lab/case', severity: 'warning', minCoverage: 1, fingerprintKey: 'key' };
const PLANTED = [
  'hunter2-OLD-SECRET',
  'hunter2-NEW-SECRET',
  'SECRET-pw-1',
  'SETTING-secret-v1',
  'SECRET-pw-DRIFTED',
  'SETTING-secret-DRIFTED',
];

const file = (name: string): Buffer | null =>
  existsSync(path.join(LAB, name)) ? readFileSync(path.join(LAB, name)) : null;
const evidence = (name: string): TerraformEvidence => ({
  plan: file(`${name}/plan.json`),
  exitCode: Number(file(`${name}/exitcode`)?.toString()),
  planWithoutRefresh: file(`${name}-refresh-false/plan.json`),
  // The cases of second plans say what such a plan finds by itself; its events would tell that it did not look.
  events: name.endsWith('-refresh-false') ? null : (file(`${name}/ui.ndjson`)?.toString() ?? null),
});
const judge = (name: string, over: Partial<TerraformEvidence> = {}) =>
  judgeTerraform({ ...evidence(name), ...over }, context);
const names = Object.keys(expected);

/** The rule of the cases' README; a plan that says it is incomplete cannot be in sync (DESIGN §2.3). */
function verdictOf({ cls, changes, sub }: Expected): string {
  if (cls === 'error') return 'unknown';
  if (Object.keys(changes ?? {}).length > 0) return 'drifted';
  return sub.includes('incomplete') ? 'unknown' : 'in-sync';
}

describe('recorded plans', () => {
  it('are all there', () => {
    const recorded = readdirSync(LAB, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(recorded.map((entry) => entry.name).sort()).toEqual([...names].sort());
    expect(names.length).toBeGreaterThan(50);
  });

  it.each(names)('%s', (name) => {
    const wanted = expected[name];
    if (wanted === undefined) throw new Error('no expectation');
    const found = judge(name);
    expect(found.verdict).toBe(verdictOf(wanted));
    expect(found.reason).not.toBe('');
    const subjects = [...new Set(found.findings.map((finding) => finding.subject))].sort();
    expect(subjects).toEqual(wanted.cls === 'error' ? [] : Object.keys(wanted.changes ?? {}).sort());
    const causes = [...new Set(found.findings.map((finding) => finding.cause))].sort();
    if (found.verdict === 'drifted') {
      const allowed = {
        drift: [['out-of-band']],
        pending: [['pending']],
        both: [['both'], ['out-of-band', 'pending']],
      };
      expect(allowed[wanted.cls as keyof typeof allowed]).toContainEqual(causes);
    }
    const text = JSON.stringify(found);
    for (const secret of PLANTED) expect(text).not.toContain(secret);
  });

  it('tell what left the declared state, by path', () => {
    const paths = (name: string) => judge(name).findings.map(({ path: at, change }) => `${at} ${change}`);
    expect(paths('drift-tag-added')).toEqual(['tags.AutoStop added']);
    expect(paths('drift-set-change')).toEqual(['members changed', 'rule changed']);
    expect(paths('drift-sensitive')).toEqual(expect.arrayContaining(['secret changed', 'setting changed']));
    expect(paths('drift-deleted')).toEqual(['undefined removed']);
  });

  it('tell every path by which the live side left the state, as a finding or a note', () => {
    const told = (name: string): string[] => {
      const { findings, notes } = judge(name);
      const absorbed = notes.filter((note) => note.kind === 'absorbed');
      return [...findings, ...absorbed].map((item) => `${item.subject} ${item.path ?? ''}`);
    };
    let paths = 0;
    for (const name of names) {
      for (const [address, drift] of Object.entries(expected[name]?.drift ?? {})) {
        const said = told(name).filter((text) => text.startsWith(`${address} `));
        expect(said.length, name).toBeGreaterThan(0);
        // Copies of tags are told once; a path ends at a list.
        for (const at of drift.paths.filter((one) => !one.startsWith('tags_all'))) {
          const first = at.split('.')[0] ?? '';
          expect(
            said.some((text) => text.startsWith(`${address} ${first}`)),
            `${name}: ${at}`,
          ).toBe(true);
          paths += 1;
        }
      }
    }
    expect(paths).toBeGreaterThan(15);
  });

  it('list absorbed drift as notes', () => {
    for (const name of ['drift-computed-only', 'drift-ignored-noprop']) {
      expect(
        judge(name).notes.map((note) => note.kind),
        name,
      ).toContain('absorbed');
    }
    expect(judge('drift-policy-reorder').notes).toEqual([]);
  });

  it('name the error, its place and what it says', () => {
    expect(judge('read-error').reason).toMatch(/^reading lab_object .*\(main\.tf:\d+\): api error AccessDenied/);
    expect(judge('lock-held').reason).toMatch(/^Error acquiring the state lock/);
  });

  it('ask for a second plan only when the live side moved and something is planned', () => {
    const asks = names.filter((name) => {
      const plan = file(`${name}/plan.json`);
      return plan !== null && needsSecondPlan(plan);
    });
    expect(asks).toContain('drift-both');
    for (const name of ['clean', 'config-only', 'drift-ignored-noprop', 'output-only'])
      expect(asks).not.toContain(name);
  });
});

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

/** A plan with one resource, from what is live to what is declared. */
function planOf(before: unknown, after: unknown, over: object = {}): string {
  const change = { actions: ['update'], before, after, after_unknown: {}, before_sensitive: {}, after_sensitive: {} };
  const entry = { address: 'x.y', mode: 'managed', type: 'x', name: 'y', change: { ...change, ...over } };
  return JSON.stringify({
    format_version: '1.2',
    terraform_version: '1.11.4',
    applyable: true,
    complete: true,
    resource_changes: [entry],
  });
}
const findingsOf = (plan: string) => judgeTerraform({ plan, exitCode: 2 }, context).findings;

describe('values', () => {
  it.each([
    ['null and empty', { a: null, b: '', c: [], d: {} }, { a: [], b: null, c: {}, d: '' }],
    ['JSON in a string', { p: '{"a":1,"b":[2]}' }, { p: '{ "b": [2], "a": 1 }' }],
    [
      'IAM lists',
      { p: '{"Statement":[{"Action":["s3:Get","s3:Put"],"Effect":"Allow"}]}' },
      { p: '{"Statement":{"Effect":"Allow","Action":["s3:Put","s3:Get"]}}' },
    ],
  ])('that mean the same are no difference: %s', (_name, before, after) => {
    const [only] = findingsOf(planOf({ ...before, z: 1 }, { ...after, z: 2 }));
    expect(findingsOf(planOf({ ...before, z: 1 }, { ...after, z: 2 }))).toHaveLength(1);
    expect(only?.path).toBe('z');
  });

  it('keep all their digits', () => {
    const plan = planOf({ n: 1 }, { n: 2 })
      .replace('"n":1', '"n":12345678901234567890')
      .replace('"n":2', '"n":12345678901234567891');
    expect(findingsOf(plan)).toMatchObject([
      { path: 'n', live: '"12345678901234567890"', declared: '"12345678901234567891"' },
    ]);
  });

  it('that are marked sensitive, on whichever level, are compared and not shown, nor anywhere else', () => {
    for (const mask of [true, { a: true }, { a: { b: true } }]) {
      const plan = planOf(
        { a: { b: 'old-secret-1' }, copy: 'x old-secret-1' },
        { a: { b: 'new-secret-2' }, copy: Buffer.from('new-secret-2').toString('base64') },
        { before_sensitive: mask, after_sensitive: mask },
      );
      const found = findingsOf(plan);
      expect(found.length).toBeGreaterThanOrEqual(1);
      for (const text of [
        'old-secret-1',
        'new-secret-2',
        Buffer.from('new-secret-2').toString('base64').replace(/=+$/, ''),
      ]) {
        expect(JSON.stringify(found)).not.toContain(text);
      }
    }
  });

  it('have the same identity whatever the order of a list', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 6 }), fc.nat(), (items, seed) => {
        const shuffled = items.toSorted((a, b) => ((a.length + seed) % 3) - ((b.length + seed) % 3));
        const ids = [items, shuffled].map((list) =>
          findingsOf(planOf({ set: list }, { set: ['other'] })).map((f) => f.fingerprint),
        );
        expect(ids[0]).toEqual(ids[1]);
      }),
    );
  });

  it('tell another live value by another hash', () => {
    const [a, b, again] = ['1', '2', '1'].map((live) => findingsOf(planOf({ v: live }, { v: '3' }))[0]?.valueHash);
    expect(a).toBe(again);
    expect(a).not.toBe(b);
  });

  it('are read from UTF-16 and with a byte-order mark', () => {
    const text = planOf({ v: '1' }, { v: '2' });
    const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le');
    for (const plan of [`\uFEFF${text}`, Buffer.from(`\uFEFF${text}`), utf16, Buffer.from(utf16).swap16()]) {
      expect(judgeTerraform({ plan, exitCode: 2 }, context).verdict).toBe('drifted');
    }
  });
});

it('tells an object that was left over from the current one, by the same address', () => {
  const plan = JSON.parse(planOf({ v: '1' }, { v: '2' }));
  const [current] = plan.resource_changes;
  const left = { ...current, deposed: '8f2c', change: { actions: ['delete'], before: { v: '0' }, after: null } };
  const found = findingsOf(JSON.stringify({ ...plan, resource_changes: [current, left] }));
  expect(found.map(({ subject, path: at, action }) => [subject, at, action])).toEqual([
    ['x.y', 'v', 'update'],
    ['x.y', 'deposed 8f2c', 'delete'],
  ]);
  expect(new Set(found.map((one) => one.fingerprint)).size).toBe(2);
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

describe('whatever the order and spelling', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const values = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,8}$/),
    fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), leaf)),
  );
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, turned(item)]),
    );
  };
  /** JSON with numbers spelled otherwise: `1` as `1.0`, `1e0`. */
  const spelled = (text: string, how: string): string =>
    text.replace(/(?<=[[:,])(-?\d+)(?=[,\]}])/g, (digits) => (digits.length < 15 ? `${digits}${how}` : digits));

  it('what is planned and live alike gives no finding but the one that differs', () => {
    fc.assert(
      fc.property(values, fc.constantFrom('', '.0', 'e0', '.00e+0'), (live, how) => {
        const before = { ...live, zz: 'live' };
        const after = turned({ ...live, zz: 'declared' });
        const plan = planOf('BEFORE', 'AFTER')
          .replace('"BEFORE"', () => JSON.stringify(before))
          .replace('"AFTER"', () => spelled(JSON.stringify(after), how));
        expect(findingsOf(plan).map((finding) => finding.path)).toEqual(['zz']);
      }),
    );
  });
});

it('lists at most a thousand findings and counts the rest', () => {
  const entry = (index: number) => ({
    address: `x.y[${index}]`,
    mode: 'managed',
    type: 'x',
    name: 'y',
    change: { actions: ['create'], before: null, after: {} },
  });
  const plan = JSON.stringify({
    format_version: '1.2',
    resource_changes: Array.from({ length: 1500 }, (_, index) => entry(index)),
  });
  const found = judgeTerraform({ plan, exitCode: 2 }, context);
  expect(found.findings).toHaveLength(1000);
  expect(found.reason).toBe('1500 findings');
  expect(found.notes).toContainEqual({ kind: 'more', text: '500 more findings with action create, not listed' });
});

it('says one diagnostic once, with its count', () => {
  const line = JSON.stringify({
    type: 'diagnostic',
    diagnostic: { severity: 'error', summary: 'execution halted', detail: '' },
  });
  const events = `${Array.from({ length: 5000 }, () => line).join('\n')}\n{"type":"diag`;
  const found = judgeTerraform({ plan: null, exitCode: 1, events }, context);
  expect(found.reason).toBe('execution halted, said 5000 times');
});
