import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Config } from '#drift/target.ts';

const NOW = new Date('2026-11-24T03:00:00Z');
const HEAD = `version: 1
environments: { prod: {}, staging: {} }
targets:
  network: { in: [prod, staging], terraform: { path: network } }
  storage: { in: [prod], observe: true, retired: true, terraform: { path: storage } }
`;
const errorsOf = (text: string, asOf: Date | null = NOW): string => {
  const parsed = parseConfig(text, 'plumbline.yaml', asOf);
  return parsed.ok ? '' : formatConfigErrors(parsed.errors);
};
const configOf = (text: string, asOf: Date | null = NOW): Config => {
  const parsed = parseConfig(text, 'plumbline.yaml', asOf);
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  return parsed.config;
};
const ACK = '{ target: prod/network, subject: sg.web, owner: alice, reason: r, until: 2026-12-01 }';
const acknowledge = (from = '', to = ''): string => `${HEAD}acknowledge:\n  - ${ACK.replace(from, to)}\n`;

describe('rules in a config', () => {
  it('are read; a date ends with its day', () => {
    const { rules, targets } = configOf(`${HEAD}
ignore: [{ target: "*/network", subject: "aws_autoscaling_group.*", path: desired_capacity, reason: autoscaled }]
accept: [{ target: prod/storage, subject: "*: check etcd health", reason: a command }]
acknowledge:
  - { target: prod/network, subject: sg.web, path: "ingress*", owner: alice, reason: r, until: 2026-12-01 }
  - { target: prod/network, subject: sg.db, owner: bob, reason: r, until: "2026-11-24T05:00:00+01:00", value: ${'a'.repeat(32)} }
`);
    expect(rules).toEqual({
      ignore: [
        { target: '*/network', subject: 'aws_autoscaling_group.*', path: 'desired_capacity', reason: 'autoscaled' },
      ],
      accept: [{ target: 'prod/storage', subject: '*: check etcd health', reason: 'a command' }],
      acknowledge: [
        {
          ...{ target: 'prod/network', subject: 'sg.web', path: 'ingress*', owner: 'alice', reason: 'r' },
          until: '2026-12-01T23:59:59.999Z',
        },
        {
          ...{ target: 'prod/network', subject: 'sg.db', owner: 'bob', reason: 'r', value: 'a'.repeat(32) },
          until: '2026-11-24T04:00:00.000Z',
        },
      ],
    });
    expect(targets.map(({ observe, retired }) => [observe, retired])).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['owner: alice, ', '', /^plumbline\.yaml:7:5: acknowledge\.0\.owner: is missing; write an owner, such as/],
    ['reason: r, ', '', /acknowledge\.0\.reason: is missing; write why/],
    [', until: 2026-12-01', '', /acknowledge\.0\.until: is missing; write a date such as 2026-12-01/],
    ['2026-12-01', '2026-02-30', /:7:71: acknowledge\.0\.until: write a date/],
    ['2026-12-01', '2026-12-01T10:00:00', /until: write a date .* or a time such as 2026-12-01T18:00:00Z/],
    ['2026-12-01', 'soon', /until: write a date/],
    ['2026-12-01', '2026-11-23', /until: ended at 2026-11-23T23:59:59\.999Z; take the rule out, or write a later date/],
    ['sg.web', '"*"', /acknowledge\.0\.subject: "\*" fits everything and would silence the whole target/],
    ['sg.web', '"**"', /fits everything/],
    ['sg.web', '"*.*", path: "*"', /fits everything/],
    ['sg.web', '""', /subject: write a subject/],
    ['sg.web', '"!sg.web"', /a leading "!" does not turn a pattern round/],
    [
      'prod/network',
      'prod/netwrk',
      /target: "prod\/netwrk" fits no target; did you mean "prod\/network"\? Known: prod/,
    ],
    ['owner', 'ownr', /acknowledge\.0\.ownr: .*did you mean "owner"/],
    ['reason: r', `reason: ${'r'.repeat(501)}`, /longer than 500 characters/],
    [' }', ', value: abc }', /value: write the hash that plumbline ack prints/],
    [' }', ` }\n  - ${ACK}`, /:8:5: acknowledge\.1: says the same as acknowledge\.0; take one of the two out/],
  ])('say what is wrong and what to write instead: %s → %s', (from, to, error) => {
    expect(acknowledge()).toContain(from);
    expect(errorsOf(acknowledge(from, to))).toMatch(error);
  });

  it.each([
    ['ignore: [{ target: "*", subject: "*", reason: r }]', /ignore\.0\.subject: .*name the subject or the path/],
    ['ignore: [{ target: "*", subject: "*", path: tags, reason: r }]', /^$/],
    ['accept: [{ target: "*", subject: "*", reason: r }]', /accept\.0\.subject: .*; name the subject, or/],
    ['accept: [{ target: "*", subject: x, path: y, reason: r }]', /accept\.0\.path: is no key/],
    ['ignore: { target: x }', /ignore: write a list of rules/],
    [
      `ignore:\n${Array.from({ length: 600 }, (_, i) => `  - { target: "*", subject: a${i}, reason: r }`).join('\n')}
accept:\n${Array.from({ length: 600 }, (_, i) => `  - { target: "*", subject: a${i}, reason: r }`).join('\n')}`,
      /1200 rules in all; at most 1000/,
    ],
  ])('%.60s', (list, error) => expect(errorsOf(`${HEAD}${list}\n`)).toMatch(error));

  it('do not keep a check from running when they ended: there they merely do not apply', () => {
    expect(configOf(acknowledge('2026-12-01', '2020-01-01'), null).rules.acknowledge).toHaveLength(1);
  });
});

describe('windows in a config', () => {
  const WINDOW =
    '{ target: "prod/*", start: cron(0 22 ? * SAT *), duration: 2h, timezone: Europe/Berlin, reason: maintenance }';
  const windows = (from = '', to = ''): string => `${HEAD}windows:\n  - ${WINDOW.replace(from, to)}\n`;

  it('belong to the targets that they fit', () => {
    const window = {
      ...{ start: 'cron(0 22 ? * SAT *)', durationSeconds: 7200, timezone: 'Europe/Berlin' },
      reason: 'maintenance',
    };
    expect(configOf(windows()).targets.map((target) => [target.name, target.windows])).toEqual([
      ['prod/network', [window]],
      ['staging/network', []],
      ['prod/storage', [window]],
    ]);
    expect(configOf(windows('timezone: Europe/Berlin, ')).targets[0]?.windows[0]?.timezone).toBe('UTC');
  });

  it.each<[string, string, RegExp]>([
    [
      'Europe/Berlin',
      'Europe/Berln',
      /windows\.0\.timezone: "Europe\/Berln" is no time zone; did you mean "Europe\/Berlin"/,
    ],
    ['Europe/Berlin', '"+02:00"', /is no time zone/],
    ['2h', '8d', /windows\.0\.duration: a window lasts 1m to 7d/],
    ['2h', '0m', /1m to 7d/],
    ['2h', '7d', /duration: lasts until the next one starts, so that it never closes/],
    ['cron(0 22 ? * SAT *)', 'rate(1 day)', /windows\.0\.start: a window starts at times, not at a rate; write cron/],
    ['cron(0 22 ? * SAT *)', 'cron(0 22 * * * *)', /must be "\?"/],
    ['reason: maintenance', '', /windows\.0\.reason: is missing/],
    ['prod/*', 'qa/*', /windows\.0\.target: "qa\/\*" fits no target/],
  ])('say what is wrong and what to write instead: %s → %s', (from, to, error) => {
    expect(errorsOf(windows(from, to))).toMatch(error);
  });
});

describe('all at once', () => {
  it('mistakes of every kind are told in one round, in the order of the file', () => {
    const text = `version: 1
sources: { infra: { url: "http://x.example/a.git" }, other: { url: https://x.example/b.git } }
environments:
  a-b: { account: "111111111111", region: eu-west-1, role: r }
  a: { account: "111111111111", region: eu-west-1, role: r }
  bad: { severity: fatal }
targets:
  c: { in: [a-b], source: other, terrafrom: {}, terraform: { path: x } }
  b-c: { in: [a, nowhere], source: other, terraform: { path: "\${zone}/x" } }
  d: { in: [a], source: lost, schedule: soon, terraform: { path: ../x } }
  e: { in: [bad], source: infra, terraform: { path: x } }
notify: { warning: { email: [nobody] } }
ignore:
  - { target: a/e, subject: x }
  - { target: a/d, subject: x, reason: r }
  - { target: a/nothing, subject: x, reason: r }
acknowledge: [{ target: a/d, subject: x, owner: o, reason: r, until: 2020-01-01 }]
version: 1
windws: []
`;
    const lines = errorsOf(text).split('\n');
    expect(lines.map((line) => line.replace(/^plumbline\.yaml:(\d+):\d+: /, '$1 ').slice(0, 52))).toEqual([
      expect.stringMatching(/^2 sources\.infra\.url/),
      expect.stringMatching(/^5 environments\.a\.role: is also/),
      expect.stringMatching(/^6 environments\.bad\.severity/),
      expect.stringMatching(/^8 targets\.c\.terrafrom: is no key/),
      expect.stringMatching(/^9 targets\.b-c: a\/b-c and a-b\/c would share/),
      expect.stringMatching(/^9 targets\.b-c\.in\.1: there is no environment/),
      expect.stringMatching(/^9 targets\.b-c\.terraform\.path: \$\{zone\}/),
      expect.stringMatching(/^10 targets\.d\.source: there is no source/),
      expect.stringMatching(/^10 targets\.d\.schedule/),
      expect.stringMatching(/^10 targets\.d\.terraform\.path/),
      expect.stringMatching(/^12 notify\.warning\.email/),
      expect.stringMatching(/^14 ignore\.0\.reason: is missing/),
      expect.stringMatching(/^16 ignore\.2\.target: "a\/nothing" fits no/),
      expect.stringMatching(/^17 acknowledge\.0\.until: ended/),
      expect.stringMatching(/^18 Map keys must be unique; take one/),
      expect.stringMatching(/^19 windws: is no key/),
    ]);
  });

  it.each([
    ['a merge key', 'x: &x { a: 1 }\ny: { <<: *x }\n', [/:1:7: anchors \(&x\)/, /:2:10: aliases \(\*x\)/]],
    [
      'an anchor and another mistake',
      `${HEAD}ignore: &x [{ target: a }]\n`,
      [/anchors/, /ignore\.0\.subject: is missing/],
    ],
    ['ten megabytes', `version: 1\n# ${'x'.repeat(10 * 1024 * 1024)}`, [/:1:1: is larger than 1 MB/]],
  ])('%s', (_name, text, errors) => {
    for (const error of errors) expect(errorsOf(text)).toMatch(error);
  });

  it('a file that grows a billion times is refused at once', () => {
    const names = 'abcdefghij';
    const rows = [...names].map((name, index) => {
      const value = index === 0 ? 'x' : `*${names[index - 1]}`;
      return `${name}: &${name} [${Array(10).fill(value).join()}]`;
    });
    const started = performance.now();
    expect(errorsOf(rows.join('\n')).split('\n')).toHaveLength(100);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('never throws, whatever stands in the lists', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ignore', 'accept', 'acknowledge', 'windows', 'targets', 'notify'),
        fc.json(),
        (key, value) => {
          const text = `${key === 'targets' ? HEAD.slice(0, HEAD.indexOf(key)) : HEAD}${key}: ${value}\n`;
          expect(() => parseConfig(text, 'x.yaml', NOW)).not.toThrow();
        },
      ),
    );
  });
});
