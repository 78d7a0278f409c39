import { describe, expect, it } from 'vitest';
import { renderReport } from '#drift/page/report-page.ts';
import type { Report } from '#drift/report.ts';
import { finding, report } from '../runs/world.ts';
import { hostileReport, largeReport } from './reports.ts';

/** Every element, attribute and heading that a page of ours may have. */
const ELEMENTS =
  'a article body code dd del div dl dt h1 h2 h3 h4 head header html ins li main meta nav p pre section span style table tbody td th thead title tr ul';
const ATTRIBUTES = 'aria-label aria-labelledby charset class content href http-equiv id lang name rel scope';

const drifted = (over: Partial<Report>): Report =>
  report('20261124T030000000Z-0123456789abcdef', { verdict: 'drifted', ...over });
const main = (page: string): string => page.slice(page.indexOf('<main>'));
const text = (page: string): string =>
  main(page)
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

/** The texts in a page, each after the one before it. */
function inOrder(page: string, wanted: readonly string[]): void {
  let at = 0;
  for (const each of wanted) {
    const found = page.indexOf(each, at);
    expect(found, `${each} after the others`).toBeGreaterThanOrEqual(at);
    at = found + each.length;
  }
}

describe('the page of a report', () => {
  it('says verdict, reason, commit, config, who started it, what differs, coverage, notes, tool, how to look again', () => {
    const page = renderReport(
      drifted({
        reason: '1 finding',
        trigger: 'push',
        config: { hash: 'c'.repeat(64), commit: 'd'.repeat(40) },
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
    const head = ['drifted', 'prod/network', '1 finding', 'a'.repeat(40), 'c'.repeat(12), 'd'.repeat(40), 'push'];
    const found = ['out-of-band', '1 update', 'aws_security_group.web', 'ingress', 'In git', 'from the office', 'Live'];
    const rest = [
      'from everywhere',
      '2 of 3 compared',
      'aws_vpc.main',
      'denied',
      'was aws_vpc.old',
      'terraform 1.11.4',
    ];
    const again = [`git switch --detach ${'a'.repeat(40)}`, 'plumbline check -c plumbline.yaml prod/network'];
    inOrder(text(page), [...head, ...found, ...rest, ...again]);
    expect(page).toContain('href="https://console.aws.example/log"');
    expect(page).toContain('from <del>the office</del>');
    expect(page).toContain('from <ins>everywhere</ins>');
  });

  it('shows what was changed by hand first, what is acknowledged last, with owner, reason and until', () => {
    const acknowledged = { owner: 'alice@acme.example', reason: 'incident 4711', until: '2026-12-01' };
    const findings = [
      finding('git.moved', { cause: 'pending', action: 'create' }),
      finding('known.hand', { acknowledged }),
      finding('nobody.knows', { cause: 'unclear' }),
      finding('two.hands', { path: 'first' }),
      finding('one.hand'),
      finding('two.hands', { path: 'second' }),
      finding('both.moved', { cause: 'both' }),
    ];
    const page = main(renderReport(drifted({ findings })));
    inOrder(page, [
      'two.hands',
      'first',
      'second',
      'one.hand',
      'both.moved',
      'nobody.knows',
      'git.moved',
      'known.hand',
    ]);
    expect(page.match(/>two\.hands</g)).toHaveLength(1);
    expect(page).toContain('Acknowledged by alice@acme.example until 2026-12-01: incident 4711');
    expect(text(page)).toContain('out-of-band44 update1');
    expect(text(page)).toContain('pending11 create0');
  });

  it('links lead somewhere, and headings are in order', () => {
    const acknowledged = { owner: 'a', reason: 'b', until: 'c' };
    for (const made of [largeReport(12), drifted({}), drifted({ findings: [finding('x', { acknowledged })] })]) {
      const page = renderReport(made);
      const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
      expect(targets.length).toBeGreaterThan(1);
      for (const target of targets) expect(ids).toContain(target);
      const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
      expect(levels[0]).toBe(1);
      const skips = levels.filter((level, index) => level - (levels[index - 1] ?? 0) > 1);
      expect(skips).toEqual([]);
    }
  });

  it.each([
    [{ declared: '(sensitive)', live: '(sensitive)' }, 'The values differ; they are not shown.'],
    [
      { declared: 'same… (cut, 2000 characters)', live: 'same… (cut, 2000 characters)' },
      'They differ in what is not shown',
    ],
    [{ declared: '(known after apply)', live: 'after all' }, '(known after apply)'],
    [{ declared: undefined, live: 'left over' }, 'nothing'],
    [{ declared: undefined, live: undefined }, 'It would be changed.'],
  ])('compares no words where there are none to compare: %j', (values, said) => {
    const { declared: _declared, live: _live, ...bare } = finding('x');
    const sides = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    const page = main(renderReport(drifted({ findings: [{ ...bare, ...sides }] })));
    expect(page).toContain(said);
    expect(page).not.toMatch(/<ins|<del/);
  });

  it('lays JSON out so that the one word that differs can be found', () => {
    const value = (action: string): string =>
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });
    const page = renderReport(drifted({ findings: [finding('x', { declared: value('read'), live: value('write') })] }));
    expect(page).toMatch(/\n {6}&quot;Action&quot;: &quot;<del>read<\/del>&quot;,\n/);
    expect(page).toMatch(/\n {6}&quot;Action&quot;: &quot;<ins>write<\/ins>&quot;,\n/);
  });

  it('shows blanks that differ', () => {
    const page = renderReport(drifted({ findings: [finding('x', { declared: 'a\n', live: 'a' })] }));
    expect(page).toContain('a<del>↵\n</del>');
    const spaces = renderReport(drifted({ findings: [finding('x', { declared: 'a b', live: 'a\u00a0b' })] }));
    expect(spaces).toContain('u00a0');
  });
});

it('says who started the run, where, and by which delivery, and that it is aside', () => {
  const base = hostileReport('x');
  const startedBy = (report: Partial<Report>): string =>
    />Started by<\/th><td>(.*?)<\/td>/.exec(renderReport({ ...base, ...report }))?.[1] ?? '';
  expect(startedBy({ trigger: 'manual', by: { via: 'cli', actor: 'arn:alice' } })).toBe(
    'manual: a person, by the command line, arn:alice',
  );
  expect(startedBy({ trigger: 'push', by: { author: 'bob', delivery: 'd-1' } })).toBe(
    'push to the repository, bob, delivery d-1',
  );
  expect(startedBy({ trigger: 'schedule', by: undefined })).toBe('schedule');
  expect(renderReport({ ...base, aside: true })).toContain('this is no verdict on the target');
  expect(renderReport(base)).not.toContain('this is no verdict on the target');
});

describe('hostile text', () => {
  it('makes no element and no attribute, wherever it stands', () => {
    const page = renderReport(hostileReport());
    expect(page).toContain('&lt;script');
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    const tags = [...page.matchAll(/<\/?([a-z][^\s>/]*)((?:\s+[^\s=>]+(?:="[^"]*")?)*)\s*>/gi)];
    expect(
      [...new Set(tags.map(([, name]) => name))].filter((name) => !ELEMENTS.split(' ').includes(name ?? '')),
    ).toEqual([]);
    const names = tags.flatMap(([, , attributes]) => [...(attributes ?? '').matchAll(/\s([^\s=]+)="[^"]*"/g)]);
    expect(
      [...new Set(names.map(([, name]) => name))].filter((name) => !ATTRIBUTES.split(' ').includes(name ?? '')),
    ).toEqual([]);
    expect(page).not.toMatch(/href="(?!#|https:)/);
    expect(page.match(/<(?![/!a-z])/gi)).toBeNull();
  });

  it('cannot hide or turn round what stands beside it', () => {
    expect(renderReport(hostileReport('\u202e\u2066\u0000\u001b\u200b'))).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });

  it('leaves a page that a browser may not load anything for, nor run anything in', () => {
    const [policy] = /http-equiv="Content-Security-Policy" content="[^"]*"/.exec(renderReport(hostileReport())) ?? [''];
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });
});

describe('a large report', () => {
  it('has every one of 1,000 findings, in a bounded size', () => {
    const page = renderReport(largeReport());
    const shown = new Set([...page.matchAll(/attribute_(\d+)</g)].map(([, index]) => Number(index)));
    expect(shown.size).toBe(1000);
    expect(page.length).toBeLessThan(1_000_000);
  });

  it('is the same page each time', () => {
    expect(renderReport(largeReport())).toBe(renderReport(largeReport()));
  });

  it('names every finding even where it cannot show all values', () => {
    const page = renderReport(largeReport(5000));
    expect(new Set([...page.matchAll(/attribute_(\d+)</g)].map(([, index]) => index)).size).toBe(5000);
    expect(page).toContain('Values in the report only: 3000');
  });

  it('is bounded where texts, lists and values are not', () => {
    const long = 'a b '.repeat(500_000);
    const many = Array.from({ length: 20_000 }, () => ({ kind: 'unreached' as const, subject: 'x', reason: 'y' }));
    const made = drifted({
      ...{ reason: long, target: long },
      findings: [finding(long, { declared: long, live: `c ${long}`, path: long })],
      coverage: { compared: 0, total: 20_000, uncovered: many },
      notes: many.map(({ kind }) => ({ kind, text: 'z' })),
    });
    const page = renderReport(made);
    expect(page.length).toBeLessThan(500_000);
    expect(page).toContain('and 18000 more, in the report');
    expect(page).toContain('2000000 characters');
  });
});
