import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '#drift/overview.ts';
import { choicesOf, PAGE_SIZE, viewOf } from '#drift/widget/view.ts';
import { DESCRIPTION, renderWidget } from '#drift/widget/widget.ts';
import { asideText, coverageText, duration, findingsText, moment, startedBy } from '#drift/widget/words.ts';
import { HOSTILE } from '../page/reports.ts';
import { row, state, status } from '../people/rows.ts';

const SELF = 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-widget';
const RERUN = 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-rerun';

const many = (count: number): readonly Row[] =>
  Array.from({ length: count }, (_, index) => ({
    ...row(),
    target: `prod/t${String(index).padStart(3, '0')}`,
    environment: index % 2 === 0 ? 'prod' : 'staging',
    layer: index % 3 === 0 ? 'terraform' : 'kubernetes',
    verdict: index % 10 === 0 ? 'drifted' : 'in-sync',
  }));

function html(rows: readonly Row[], choices: Readonly<Record<string, unknown>> = {}, self = SELF): string {
  return renderWidget({ status: status(rows), choices: choicesOf(choices, {}), theme: 'light', self });
}

/** What the buttons do, as the console reads them. */
function actions(text: string): readonly { readonly attributes: string; readonly parameters: unknown }[] {
  return [...text.matchAll(/<cwdb-action ((?:"[^"]*"|[^">])*)>([^<]*)<\/cwdb-action>/g)].map(
    ([, attributes = '', json = '']) => ({
      attributes,
      parameters: JSON.parse(json.replaceAll('&quot;', '"')),
    }),
  );
}

describe('what a viewer chose', () => {
  test.each([
    [{}, { matching: 500, page: 1, pages: 10 }],
    [{ page: '3' }, { matching: 500, page: 3, pages: 10 }],
    [{ page: 11 }, { matching: 500, page: 10, pages: 10 }],
    [{ environment: 'staging' }, { matching: 250, page: 1, pages: 5 }],
    [
      { environment: 'prod', verdict: 'drifted' },
      { matching: 50, page: 1, pages: 1 },
    ],
    [
      { layer: 'terraform', page: 4 },
      { matching: 167, page: 4, pages: 4 },
    ],
    [{ layer: 'nodes' }, { matching: 0, page: 1, pages: 1 }],
    [
      { environment: 'gone', verdict: '' },
      { matching: 500, page: 1, pages: 10 },
    ],
    [
      { page: -1, environment: 7, layer: null, verdict: ['drifted'] },
      { matching: 500, page: 1, pages: 10 },
    ],
    [
      { page: '1e99', environment: 'x'.repeat(100_000) },
      { matching: 500, page: 1, pages: 10 },
    ],
  ])('%j', (choices, expected) => {
    const view = viewOf(many(500), choicesOf(choices, {}));
    expect(view).toMatchObject(expected);
    expect(view.rows.length).toBe(Math.min(PAGE_SIZE, view.matching - (view.page - 1) * PAGE_SIZE));
  });

  test('in the form goes before what a button was made with', () => {
    expect(choicesOf({ page: 2, environment: 'prod' }, { environment: 'staging' })).toEqual({
      ...{ page: 2, environment: 'staging' },
    });
  });

  test('every target is on one page, and on one only', () => {
    const pages = Array.from({ length: 10 }, (_, index) => viewOf(many(500), { page: index + 1 }).rows);
    expect(new Set(pages.flat().map(({ target }) => target)).size).toBe(500);
  });
});

describe('the widget', () => {
  test('shows a row for each target of the page, with all that is asked for', () => {
    const drifted = {
      ...row(state({ verdict: 'drifted', reason: '3 findings', compared: 41, total: 42 })),
      ...{ findings: 3, causes: { 'out-of-band': 2, pending: 1 }, acknowledged: 1 },
      ...{ acknowledgedUntil: '2026-12-01T00:00:00.000Z', by: { author: 'alice' }, trigger: 'push' },
      running: { runId: 'r', since: '2026-11-24T11:58:00.000Z' },
    };
    const text = html([drifted]).replaceAll(/<style>.*<\/style>/gs, '');
    const words = text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
    for (const shown of [
      ...['prod/network', 'terraform', 'drifted 3 findings', '2026-11-22 11:31 UTC 2 days', '41 of 42 (97 %)'],
      ...['2026-11-24 11:31 UTC 29 min ago; push, alice', 'running since 2 min', '3: 2 out-of-band, 1 pending'],
      ...['until 2026-12-01 00:00 UTC', 'As of 2026-11-24T12:00:00.000Z', 'Config cccccccccccc of commit aaaaaaaaaaaa'],
    ]) {
      expect(words).toContain(shown);
    }
    expect(text).toContain('href="https://console.example/state/prod/network.html"');
  });

  test('starts a check by another function, after a question', () => {
    const [rerun] = actions(html([row()])).filter(({ attributes }) => attributes.includes(RERUN));
    expect(rerun?.parameters).toEqual({ action: 'rerun', target: 'prod/network', via: 'console' });
    expect(rerun?.attributes).toContain('confirmation="Check prod/network now?"');
    expect(rerun?.attributes).toContain('display="popup"');
    expect(actions(html([row()], {}, `${SELF}:live`)).map(({ attributes }) => attributes)).toContainEqual(
      expect.stringContaining(`endpoint="${RERUN}"`),
    );
  });

  test('offers to start all that are stale, where any is', () => {
    const stale = { ...row(), verdict: 'stale' } as const;
    const all = (rows: readonly Row[]) => actions(html(rows)).filter(({ attributes }) => /stale/.test(attributes));
    expect(all([row()])).toEqual([]);
    const [button, ...more] = all([stale, { ...stale, target: 'prod/b' }, row()]);
    expect([button?.parameters, more]).toEqual([{ action: 'rerun', stale: true, via: 'console' }, []]);
    expect(button?.attributes).toContain('confirmation="Check the 2 targets that are stale now?"');
  });

  test('offers no check of a target that is paused or retired', () => {
    for (const verdict of ['paused', 'retired'] as const) {
      expect(html([{ ...row(), verdict }])).not.toContain(RERUN);
    }
  });

  test('keeps what was chosen, and pages by calling itself', () => {
    const text = html(many(500), { environment: 'prod', page: 2 });
    expect(text).toContain('<option value="prod" selected>prod</option>');
    expect(text).toContain('page 2 of 5, 250 targets');
    const own = actions(text).filter(({ attributes }) => attributes.includes(`endpoint="${SELF}"`));
    expect(own.map(({ parameters }) => parameters)).toEqual([{ page: 1 }, { page: 1 }, { page: 1 }, { page: 3 }]);
    expect(own.every(({ attributes }) => attributes.includes('display="widget"'))).toBe(true);
  });

  test('says that nothing matches', () => {
    expect(html(many(10), { layer: 'nodes' })).toContain('No target matches.');
  });

  test('has a size that a console can show, for 500 targets as for 5,000', () => {
    for (const count of [500, 5000]) expect(html(many(count)).length).toBeLessThan(100_000);
  });

  test('follows the theme of the console', () => {
    const of = (theme: 'light' | 'dark') => renderWidget({ status: status([]), choices: {}, theme, self: SELF });
    expect(of('dark')).toMatch(/^<div class="plumbline dark">/);
    expect(of('light')).toMatch(/^<div class="plumbline light">/);
  });

  test('says what it is and which rights it needs', () => {
    expect(DESCRIPTION).toContain('plumbline-rerun');
  });
});

describe('hostile text', () => {
  const hostile = (text: string): Row => ({
    ...row(),
    ...{ target: text, environment: text, reason: text, since: text, trigger: text, commit: text },
    ...{ by: { author: text }, acknowledged: 1, acknowledgedUntil: text },
    aside: { runId: text, commit: text, verdict: 'unknown', reason: text },
    ...{ running: { runId: text, since: text }, waiting: { runId: text, since: text, throttled: text } },
  });

  test('becomes no element and no attribute, and the button still names the target', () => {
    const text = html([hostile(HOSTILE)], { environment: HOSTILE });
    const known = /^(div|style|p|span|form|label|select|option|a|cwdb-action|table|thead|tbody|tr|th|td)$/;
    const names = [...text.matchAll(/<([a-z-]+)/gi)].map(([, name = '']) => name);
    expect(names.filter((name) => !known.test(name))).toEqual([]);
    expect(text.match(/<style/g)).toHaveLength(1);
    expect(actions(text)).toContainEqual(
      expect.objectContaining({ parameters: { action: 'rerun', target: HOSTILE, via: 'console' } }),
    );
  });

  test('of any kind leaves the shape of the page as it is', () => {
    // What is escaped holds no quote, so that what is between two is an attribute's value, brackets and all.
    const shape = (text: string): string =>
      html([hostile(text)])
        .replaceAll(/"[^"]*"/g, '""')
        .replaceAll(/>[^<]*</g, '><');
    const plain = shape('a');
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('<', '"', "'", '&', '\\', '</style>')),
        (text) => {
          expect(shape(text)).toBe(plain);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('words', () => {
  test.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [47 * 3600, '47 h'],
    [48 * 3600, '2 days'],
  ])('%i seconds: %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  test.each([
    [999, 1000, '999 of 1000 (99 %)'],
    [0, 0, '0 of 0'],
    [3, 3, '3 of 3 (100 %)'],
    [null, null, ''],
  ])('%s of %s compared: %s', (compared, total, text) => {
    expect(coverageText({ ...row(), compared, total })).toBe(text);
  });

  test('of times, findings and people', () => {
    expect(moment('2026-11-24T03:04:05.678Z')).toBe('2026-11-24 03:04 UTC');
    expect(moment('yesterday')).toBe('yesterday');
    expect(findingsText({ ...row(), findings: 2, causes: {} })).toBe('2');
    expect(startedBy({ ...row(), trigger: 'manual', by: { actor: 'arn:aws:iam::1:user/alice' } })).toBe(
      'manual, arn:aws:iam::1:user/alice',
    );
    expect(startedBy({ ...row(), trigger: 'manual', by: { via: 'console' } })).toBe('manual (console)');
    expect(startedBy({ ...row(), trigger: null })).toBe('');
    const aside = { runId: 'r', commit: 'b'.repeat(40), verdict: 'drifted', reason: '1 finding' } as const;
    expect(asideText({ ...row(), aside })).toBe('beside it, commit bbbbbbbbbbbb: drifted');
    expect(asideText(row())).toBe('');
  });
});
