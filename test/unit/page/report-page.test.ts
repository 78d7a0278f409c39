import { describe, expect, it } from 'vitest';
import { renderReport } from '#drift/page/report-page.ts';
import { finding, report } from '../runs/world.ts';

const HOSTILE = `</style><script>alert(1)</script><img src=x onerror="alert(1)">'"&`;

describe('the page of a report', () => {
  it('says verdict, reason, commit, coverage, findings with cause, and how to look again', () => {
    const page = renderReport(
      report('20261124T030000000Z-0123456789abcdef', {
        verdict: 'drifted',
        reason: '1 finding',
        findings: [finding('aws_security_group.web', { live: 'from everywhere', declared: 'from the office' })],
        coverage: {
          compared: 2,
          total: 3,
          uncovered: [{ subject: 'aws_vpc.main', kind: 'unreached', reason: 'denied' }],
        },
        notes: [{ kind: 'moved', subject: 'aws_vpc.main', text: 'was aws_vpc.old' }],
        log: 'https://console.aws.example/log',
      }),
    );
    const wanted = ['drifted', '1 finding', 'a'.repeat(40), '2 of 3 compared', 'aws_security_group.web', 'out-of-band'];
    const more = [
      'from everywhere',
      'from the office',
      'denied',
      'was aws_vpc.old',
      'plumbline check -c plumbline.yaml',
    ];
    for (const text of [...wanted, ...more, 'href="https://console.aws.example/log"']) expect(page).toContain(text);
  });

  it('escapes whatever comes from outside, wherever it stands', () => {
    const hostile = finding(HOSTILE, { path: HOSTILE, live: HOSTILE, declared: HOSTILE, action: HOSTILE });
    const page = renderReport(
      report(HOSTILE, {
        target: HOSTILE,
        reason: HOSTILE,
        findings: [hostile],
        unconfirmed: [hostile],
        notes: [{ kind: HOSTILE, subject: HOSTILE, path: HOSTILE, text: HOSTILE }],
        coverage: { compared: 0, total: 1, uncovered: [{ subject: HOSTILE, kind: 'unreached', reason: HOSTILE }] },
        log: `javascript:alert(1)//${HOSTILE}`,
      }),
    );
    expect(page).not.toMatch(/<script|<img|href="javascript/i);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain('&lt;script');
  });
});
