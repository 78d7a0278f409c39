import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { exitCodeOf, reportText, summaryText } from '#cli/output/report-text.ts';
import { ruleCounts, rulesText } from '#cli/output/rules-text.ts';
import { safe, safeLine } from '#cli/output/safe.ts';
import { table } from '#cli/output/table.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Report } from '#drift/report.ts';
import type { Verdict } from '#drift/verdict.ts';
import { hostileReport } from '../page/reports.ts';
import { finding } from '../runs/world.ts';

const plain = picocolors.createColors(false);
const report: Report = {
  schema: 'plumbline.report/1',
  ...{ target: 'prod/network', layer: 'terraform', runId: 'r', trigger: 'manual' },
  commit: { checked: 'a'.repeat(40), lastInSync: null },
  startedAt: '2026-11-24T04:00:00.000Z',
  endedAt: '2026-11-24T04:00:12.345Z',
  verdict: 'drifted',
  reason: '1 finding',
  log: null,
  tool: { name: 'terraform', version: '1.11.4', exitCode: 2 },
  config: { hash: null, commit: null },
  coverage: { compared: 41, total: 42, uncovered: [{ subject: 'aws_x.y', kind: 'unreached', reason: 'deferred' }] },
  findings: [
    {
      ...{ subject: 'aws_security_group.web', path: 'ingress', change: 'changed', action: 'update' },
      ...{ declared: 'line one\nline two', live: 'x', cause: 'out-of-band', fingerprint: 'f', valueHash: null },
      ...{ firstSeen: null, severity: 'critical', acknowledged: null },
    },
  ],
  unconfirmed: [],
  notes: [{ kind: 'outputs', text: 'output.etag would change' }],
};

describe('a report for people', () => {
  test('verdict, facts, findings with both values, what was not seen, notes, the tool, how to look again: in this order', () => {
    expect(reportText(report, plain).split('\n')).toEqual([
      '≠ drifted  prod/network  1 finding',
      '  commit aaaaaaaaaaaa · started by manual · 12.3 s',
      '  out-of-band  aws_security_group.web  ingress  update',
      '    declared line one',
      '             line two',
      '    live     x',
      '  41 of 42 compared',
      '  unreached  aws_x.y: deferred',
      '  note, outputs: output.etag would change',
      '  terraform 1.11.4, exit code 2',
      `  look again: git switch --detach ${'a'.repeat(40)} && plumbline check -c plumbline.yaml prod/network`,
    ]);
  });

  test('foreign text cannot redraw the terminal', () => {
    const evil = '\u001b[2J\u001b]0;owned\u0007\r\u202e\u009b31m';
    const text = reportText(hostileReport(evil), plain);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(text.match(/\\u001b\[2J/g)?.length).toBeGreaterThan(30);
  });

  test('what was changed by hand first, acknowledged findings last and with by whom, until when and why; counted', () => {
    const acknowledged = { owner: 'alice@acme.example', reason: 'incident 4711', until: '2026-12-01' };
    const findings = [
      finding('c', { cause: 'pending', action: 'create' }),
      finding('d', { acknowledged }),
      finding('b', { cause: 'both' }),
      finding('a'),
    ];
    const lines = reportText({ ...report, findings }, plain).split('\n');
    expect(lines[2]).toBe('  2 out-of-band (2 update) · 1 both (1 update) · 1 pending (1 create)');
    const order = lines.filter((line) => / {2}ingress {2}/.test(line)).map((line) => line.trim().split(/ +/)[1]);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(lines).toContain('    acknowledged by alice@acme.example until 2026-12-01: incident 4711');
  });

  test('colours are the terminal’s choice: the same text with and without them', () => {
    const coloured = reportText(report, picocolors.createColors(true));
    expect(coloured).toContain('\u001b[31m');
    expect(stripVTControlCharacters(coloured)).toBe(reportText(report, plain));
  });

  test('a name cannot make lines of its own', () => {
    expect(safeLine('a\nb')).toBe('a\\nb');
    expect(safe('a\r\nb\tc')).toBe('a\nb  c');
  });

  test('many: counted', () => {
    const of = (verdict: Verdict): Report => ({ ...report, verdict });
    const reports = [of('in-sync'), of('drifted'), of('in-sync'), of('unknown')];
    expect(summaryText(reports, plain)).toBe('4 targets: 1 drifted, 1 unknown, 2 in-sync');
  });
});

test.each<[Verdict[], number]>([
  [['in-sync'], 0],
  [['in-sync', 'drifted'], 2],
  [['drifted', 'unknown'], 1],
  [['unknown'], 1],
  [[], 1],
])('%j ends with %d', (verdicts, code) => {
  expect(exitCodeOf(verdicts)).toBe(code);
});

test('columns line up', () => {
  const rows = [
    ['A', 'B', 'C'],
    ['long', 'b', 'c'],
  ];
  expect(table(rows, (row) => row)).toBe('A     B  C\nlong  b  c');
});

describe('rules and windows of a config', () => {
  const HEAD = `version: 1
environments: { prod: {} }
targets: { app: { in: [prod], terraform: { path: app } }, db: { in: [prod], terraform: { path: db } } }
`;
  const parsed = parseConfig(
    `${HEAD}ignore: [{ target: "*", subject: a, reason: r }]
acknowledge:
  - { target: prod/app, subject: far, owner: bob, reason: r, until: 2027-11-30 }
  - { target: prod/app, subject: soon, path: p, owner: alice, reason: incident, until: 2026-12-01 }
  - { target: prod/app, subject: later, owner: bob, reason: r, until: 2027-01-01 }
windows: [{ target: "prod/*", start: cron(0 2 * * ? *), duration: 90m, timezone: Europe/Berlin, reason: backup }]
`,
    'c',
    null,
  );
  if (!parsed.ok) throw new Error('the config is right');
  const { config } = parsed;

  test('what ends soon, what ends late, and when windows open', () => {
    expect(rulesText(config, new Date('2026-11-24T03:00:00Z'), plain)).toEqual([
      '',
      'Acknowledgements that end within 14 days',
      '  prod/app  soon  p  until 2026-12-01T23:59:59.999Z, in 7 days  alice: incident',
      '',
      'Acknowledgements that end in more than 90 days',
      '  prod/app  far  until 2027-11-30T23:59:59.999Z, in 371 days  bob: r',
      '',
      'Maintenance windows',
      '  prod/app, prod/db  cron(0 2 * * ? *) Europe/Berlin for 1.5 h  next 2026-11-25T01:00:00.000Z  backup',
    ]);
    expect(rulesText(config, new Date('2026-11-24T01:30:00Z'), plain).at(-1)).toMatch(/ open now /);
  });

  test('counts for each target', () => {
    expect([ruleCounts(config.rules, 'prod/app'), ruleCounts(config.rules, 'prod/db')]).toEqual([
      '1 ignore, 3 acknowledge',
      '1 ignore',
    ]);
    expect(ruleCounts(config.rules, 'qa/x')).toBe('1 ignore');
    expect(ruleCounts({ ignore: [], accept: [], acknowledge: [] }, 'qa/x')).toBe('-');
  });
});

test('an acknowledged finding says who knows of it, until when and why', () => {
  const [first] = report.findings;
  if (first === undefined) throw new Error('no finding');
  const acknowledged = { owner: 'alice', reason: 'incident', until: '2026-12-01T23:59:59.999Z' };
  const text = reportText({ ...report, findings: [{ ...first, acknowledged }] }, plain);
  expect(text).toContain('    acknowledged by alice until 2026-12-01T23:59:59.999Z: incident');
});

test('what no look can tell has its accept rule printed, which the config takes', () => {
  const coverage: Report['coverage'] = {
    compared: 1,
    total: 3,
    uncovered: [
      { subject: 'node-1: check "etcd"', kind: 'unverifiable', reason: 'a command' },
      { subject: 'node-2', kind: 'unreached', reason: 'offline' },
    ],
  };
  const text = reportText({ ...report, target: 'prod/app', verdict: 'unknown', coverage }, plain);
  const [, lines = ''] = text.split('put this into the config:\n');
  const accept = lines.split('\n').slice(0, 2).join('\n').replace(/^ {2}/gm, '');
  const config = `version: 1\nenvironments: { prod: {} }\ntargets: { app: { in: [prod], terraform: { path: a } } }\n${accept}\n`;
  expect(parseConfig(config, 'c', null)).toMatchObject({
    ok: true,
    config: { rules: { accept: [{ target: 'prod/app', subject: 'node-1: check "etcd"', reason: 'a command' }] } },
  });
  expect(reportText({ ...report, coverage }, plain)).not.toContain('accept:');
});
