import type { Finding } from '#drift/finding.ts';
import type { Report } from '#drift/report.ts';
import { finding, report } from '../runs/world.ts';

/** Text that would run, load, or break out of wherever it is put, if it were not escaped. */
export const HOSTILE = [
  '</style></title></code><script>window.hit=1;alert(1)</script>',
  `<img src=x onerror="window.hit=1;alert(1)"><svg onload=alert(1)><iframe src="https://evil.example/frame"></iframe>`,
  `<link rel=stylesheet href="https://evil.example/a.css"><style>@import "https://evil.example/b.css"</style>`,
  `<meta http-equiv=refresh content="0;url=https://evil.example/"><base href="https://evil.example/">`,
  `<a href="javascript:alert(1)" autofocus onfocus=alert(1)>x</a><!-- "'\`& ]]> {{7*7}} \u202e\u0000\u001b[2J`,
].join('');

/** A report in which every text is hostile. */
export function hostileReport(text = HOSTILE): Report {
  const hostile = finding(text, {
    ...{ path: text, declared: `a ${text}`, live: `b ${text}`, action: text, actionReason: text, firstSeen: text },
    ...{ fingerprint: text, valueHash: text, writer: { manager: text, time: text } },
  });
  const acknowledged = { ...hostile, acknowledged: { owner: text, reason: text, until: text } };
  return report(text, {
    ...{ target: text, reason: text, verdict: 'drifted', startedAt: text, endedAt: text, log: `javascript:${text}` },
    commit: { checked: text, lastInSync: text },
    config: { hash: text, commit: text },
    tool: { name: text, version: text, exitCode: 2 },
    findings: [hostile, acknowledged],
    unconfirmed: [hostile],
    notes: [
      { kind: text, subject: text, path: text, text },
      { kind: 'commit', text },
    ],
    coverage: { compared: 0, total: 1, uncovered: [{ subject: text, kind: 'unreached', reason: text }] },
  });
}

const CAUSES = ['pending', 'out-of-band', 'unclear', 'both'] as const;
const ACTIONS = ['update', 'replace', 'create'] as const;

/** A report with many findings, of all kinds: short, of several lines, JSON, hidden, acknowledged. */
export function largeReport(count = 1000): Report {
  const findings = Array.from({ length: count }, (_, index): Finding => {
    const cause = CAUSES[index % CAUSES.length] ?? 'unclear';
    const action = ACTIONS[index % ACTIONS.length] ?? 'update';
    const subject = `module.shop["eu-west-${index % 3}"].aws_security_group.group[${Math.floor(index / 2)}]`;
    const values = VALUES[index % VALUES.length]?.(index) ?? {};
    const acknowledged = { owner: 'alice@acme.example', reason: 'incident 4711', until: '2026-12-01' };
    return finding(subject, {
      ...{ path: `attribute_${index}`, cause, action, firstSeen: '2026-11-24T03:00:20.000Z', severity: 'critical' },
      ...values,
      ...(index % 10 === 9 ? { acknowledged } : {}),
    });
  });
  return report('20261124T030000000Z-0123456789abcdef', {
    ...{ verdict: 'drifted', reason: `${count} findings`, findings },
    commit: { checked: 'a'.repeat(40), lastInSync: 'b'.repeat(40) },
    config: { hash: 'c'.repeat(64), commit: 'd'.repeat(40) },
    log: 'https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111111111111/projects/plumbline/build/1/log',
    coverage: {
      ...{ compared: 1200, total: 1202 },
      uncovered: [
        { subject: 'aws_instance.old', kind: 'unreached', reason: 'the provider may not read it' },
        { subject: 'null_resource.script', kind: 'unverifiable', reason: 'it holds nothing that can be compared' },
      ],
    },
    notes: [
      { kind: 'moved', subject: 'aws_vpc.main', text: 'was aws_vpc.old' },
      { kind: 'unpinned-providers', text: 'there is no lock file' },
    ],
  });
}

const statement = (action: string, index: number): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', action], Resource: `arn:aws:s3:::acme-${index}/*` }],
  });

const VALUES: readonly ((index: number) => Partial<Finding>)[] = [
  (index) => ({ declared: `t3.micro in the office of ${index}`, live: `t3.large in the office of ${index}` }),
  (index) => ({ declared: statement('s3:PutObject', index), live: statement('s3:*', index) }),
  (index) => ({
    declared: `#!/bin/sh\nset -e\nsystemctl restart web-${index}\nexit 0\n`,
    live: `#!/bin/sh\nset -x\nsystemctl stop web-${index}\ncurl -s https://files.acme.example/agent | sh\nexit 0\n`,
  }),
  () => ({ declared: '(sensitive)', live: '(sensitive)' }),
  (index) => ({ declared: '(known after apply)', live: `arn:aws:iam::111111111111:role/web-${index}` }),
];
