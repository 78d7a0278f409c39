import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '#drift/overview.ts';
import { choicesOf } from '#drift/widget/view.ts';
import { renderWidget } from '#drift/widget/widget.ts';
import { HOSTILE } from '../unit/page/reports.ts';
import { row, state, status } from '../unit/people/rows.ts';
import { startBrowser } from './browser.ts';
import { Console } from './console/console.ts';

const SELF = 'arn:aws:lambda:eu-west-1:111111111111:function:plumbline-widget';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
const opened: Console[] = [];
beforeAll(async () => {
  browser = await startBrowser();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => browser?.close());

/** The dashboard over rows that are given; any other function refuses. */
async function open(rows: readonly Row[], over: Partial<Parameters<typeof Console.open>[1]> = {}): Promise<Console> {
  const theme = over.theme ?? 'light';
  const made = await Console.open(browser, {
    endpoint: SELF,
    call: async (endpoint, event) => {
      if (endpoint !== SELF) throw new Error(`not authorized to perform: lambda:InvokeFunction on ${endpoint}`);
      const { widgetContext, ...parameters } = event as { widgetContext: { forms: { all: Record<string, unknown> } } };
      const choices = choicesOf(parameters, widgetContext.forms.all);
      return renderWidget({ status: status(rows), choices, theme, self: SELF });
    },
    ...over,
  });
  opened.push(made);
  return made;
}

const LAYERS = ['terraform', 'nodes', 'kubernetes'] as const;
const many: readonly Row[] = Array.from({ length: 500 }, (_, index) => ({
  ...row(state({ verdict: index < 20 ? 'drifted' : 'in-sync' })),
  target: `${index % 2 === 0 ? 'prod' : 'staging'}/t${String(index).padStart(3, '0')}`,
  environment: index % 2 === 0 ? 'prod' : 'staging',
  layer: LAYERS[index % 3] ?? 'nodes',
}));

describe('500 targets', () => {
  test('are paged through and filtered by clicking', async () => {
    const dashboard = await open(many);
    const first = async (): Promise<string | undefined> => (await dashboard.rows())[0]?.[0]?.split('\n')[0];
    const firstIs = (name: string): Promise<void> =>
      dashboard.shows(`document.querySelector('main tbody th')?.innerText.startsWith(${JSON.stringify(name)})`);
    expect([(await dashboard.rows()).length, await first()]).toEqual([50, 'prod/t000']);
    expect(await dashboard.text('main p')).toBe('500 targets: 20 drifted, 480 in-sync');
    await dashboard.click('Next');
    await firstIs('prod/t050');
    await dashboard.choose('environment', 'staging');
    await dashboard.choose('layer', 'nodes');
    await dashboard.click('Show');
    await firstIs('staging/t001');
    expect(await dashboard.text('main .bar .quiet')).toBe('page 1 of 2, 84 targets');
    expect((await dashboard.rows()).every(([name]) => /^staging\/.*\n.*nodes$/s.test(name ?? ''))).toBe(true);
    await dashboard.click('Next');
    await firstIs('staging/t301');
    expect(await dashboard.rows()).toHaveLength(34);
    await dashboard.choose('verdict', 'drifted');
    await dashboard.click('Show');
    await firstIs('staging/t001');
    expect(await dashboard.rows()).toHaveLength(4);
    expect(new Set(dashboard.calls.map(({ name }) => name))).toEqual(new Set(['plumbline-widget']));
  });

  test('need a question answered before anything is started, and a viewer who may not is told so', async () => {
    const dashboard = await open(many);
    await dashboard.click('Re-run', 'prod/t002');
    expect(await dashboard.answer('No')).toBe('Check prod/t002 now?');
    expect(dashboard.calls.map(({ name }) => name)).toEqual(['plumbline-widget']);
    await dashboard.click('Re-run', 'prod/t002');
    await dashboard.answer('Yes');
    expect(await dashboard.popup()).toContain('not authorized to perform: lambda:InvokeFunction');
    expect(dashboard.calls.at(-1)).toMatchObject({
      name: 'plumbline-rerun',
      event: { action: 'rerun', target: 'prod/t002', via: 'console' },
    });
  });
});

describe('hostile names and reasons', () => {
  /** A choice may have 200 characters. */
  const SHORT = `"></option><img src=x onerror="window.hit=1;alert(1)">`;
  const hostile: Row = {
    ...row(),
    ...{ target: HOSTILE, environment: SHORT, reason: HOSTILE, since: HOSTILE, trigger: HOSTILE, link: HOSTILE },
    ...{ by: { author: HOSTILE }, acknowledged: 1, acknowledgedUntil: HOSTILE },
    ...{ running: { runId: HOSTILE, since: HOSTILE }, waiting: { runId: HOSTILE, since: HOSTILE, throttled: HOSTILE } },
  };

  test.each(['clean', 'raw'] as const)('do nothing, whether the console cleans what it gets or not: %s', async (as) => {
    const dashboard = await open([hostile], { as });
    await dashboard.page.keyboard.press('Tab');
    await dashboard.ask('new Promise((done) => setTimeout(done, 300))');
    const elements = 'main :is(script, img, svg, iframe, link, base, meta, input, object, embed)';
    expect(await dashboard.ask(`document.querySelectorAll(${JSON.stringify(elements)}).length`)).toBe(0);
    expect(await dashboard.ask('document.querySelectorAll("main style").length')).toBe(1);
    const attributes = '[...document.querySelectorAll("main *")].flatMap((e) => e.getAttributeNames())';
    expect((await dashboard.ask<string[]>(attributes)).filter((name) => /^on|style|src/.test(name))).toEqual([]);
    expect((await dashboard.rows())[0]?.join(' ')).toContain('<script>window.hit=1;alert(1)</script>');
    await dashboard.choose('environment', SHORT);
    await dashboard.click('Show');
    await dashboard.shows('document.querySelector("main select").value !== ""');
    await (await dashboard.page.waitForSelector('main tbody a.btn'))?.click();
    expect(await dashboard.answer('Yes')).toContain('<script>');
    await dashboard.popup();
    expect(dashboard.calls.at(-1)?.event).toMatchObject({ action: 'rerun', target: HOSTILE });
    expect(await dashboard.ask('typeof window.hit')).toBe('undefined');
    expect(dashboard.seen).toEqual({ requests: [], dialogs: [], navigations: [], errors: [] });
  });
});

test.each(['light', 'dark'] as const)('breaks no rule of WCAG A and AA in the %s theme', async (theme) => {
  const rows = [
    ...many.slice(0, 40),
    { ...row(), verdict: 'stale' } as const,
    { ...row(), verdict: 'paused' } as const,
  ];
  const dashboard = await open(rows, { theme });
  await dashboard.ask(axe);
  const results = await dashboard.ask<AxeResults>(`axe.run('main', { runOnly: ${JSON.stringify(RULES)} })`);
  expect(results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
  expect(results.passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'select-name']));
});
