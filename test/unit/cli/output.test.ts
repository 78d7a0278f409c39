import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { exitCodeOf, reportText, summaryText } from '#cli/output/report-text.ts';
import { safe, safeLine } from '#cli/output/safe.ts';
import { table } from '#cli/output/table.ts';
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
