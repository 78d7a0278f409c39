import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeTerraform, needsSecondPlan } from '#drift/terraform/judge.ts';
import { context, type Expected, expected, file, judge, LAB, names, PLANTED } from './lab.ts';

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
  /** JSON with numbers spelled otherwise, `1` as `1.0` or `1e0`; texts stay as they are. */
  const spelled = (text: string, how: string): string =>
    text.replace(/"(?:[^"\\]|\\.)*"|(?<=[[:,])-?\d+(?=[,\]}])/g, (part) =>
      part.startsWith('"') || part.length >= 15 ? part : `${part}${how}`,
    );

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
