import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '#drift/page/report-page.ts';
import type { Report } from '#drift/report.ts';
import { hostileReport, largeReport } from '../unit/page/reports.ts';
import { report } from '../unit/runs/world.ts';
import { findChromium, startBrowser, watch } from './browser.ts';

const SCHEMES = ['light', 'dark'] as const;
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const PHONE = { width: 360, height: 640 };
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser | undefined;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'plumbline-page-'));
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the page of a report as a person does, from a file, and closes it after `act`. */
async function withPage<T>(
  made: Report,
  act: (page: Page) => Promise<T>,
  before?: (page: Page) => unknown,
): Promise<T> {
  if (browser === undefined) throw new Error('the browser did not start');
  const file = path.join(folder, 'report.html');
  await writeFile(file, renderReport(made));
  const page = await browser.newPage();
  try {
    await before?.(page);
    await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
    return await act(page);
  } finally {
    await page.close();
  }
}

/** What a script in the page says; as text, because this program's types know no document. */
const ask = async <T>(page: Page, script: string): Promise<T> => (await page.evaluate(script)) as T;

test('without Chromium the message says what to install', () => {
  expect(() => findChromium('/nowhere')).toThrow('install the Debian package chromium');
});

describe('hostile text', () => {
  test('does nothing: no script, no dialog, no request, no navigation, no element', async () => {
    let seen: ReturnType<typeof watch> | undefined;
    await withPage(
      hostileReport(),
      async (page) => {
        // Whatever waits for a click, a focus or a frame has its chance too.
        await page.keyboard.press('Tab');
        await ask(page, 'new Promise((done) => setTimeout(done, 500))');
        const elements = 'script, img, svg, iframe, link, base, form, input, object, embed, meta[http-equiv=refresh]';
        expect(await ask(page, `document.querySelectorAll(${JSON.stringify(elements)}).length`)).toBe(0);
        expect(await ask(page, 'document.querySelectorAll("style").length')).toBe(1);
        expect(await ask(page, 'typeof window.hit')).toBe('undefined');
        const handlers = '[...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames())';
        expect((await ask<string[]>(page, handlers)).filter((name) => /^on|style|src/.test(name))).toEqual([]);
        const links = '[...document.querySelectorAll("a")].map((a) => a.getAttribute("href"))';
        expect((await ask<string[]>(page, links)).filter((href) => !href.startsWith('#'))).toEqual([]);
        expect(await ask(page, 'document.body.innerText')).toContain('<script>window.hit=1;alert(1)</script>');
      },
      (page) => {
        seen = watch(page);
      },
    );
    expect(seen).toMatchObject({ requests: [], dialogs: [], errors: [] });
    expect(seen?.navigations).toHaveLength(1);
  });

  test('could do nothing even if it were an element: the policy of the page forbids it', async () => {
    let seen: ReturnType<typeof watch> | undefined;
    await withPage(
      hostileReport(),
      async (page) => {
        const injected = `const add = (name, set) => document.body.append(Object.assign(document.createElement(name), set));
          add('script', { textContent: 'window.hit = 1' });
          add('img', { src: 'https://evil.example/i.png' });
          add('style', { textContent: 'main { display: none }' });
          new Promise((done) => setTimeout(done, 300))`;
        await ask(page, injected);
        expect(await ask(page, 'typeof window.hit')).toBe('undefined');
        expect(await ask(page, 'getComputedStyle(document.querySelector("main")).display')).toBe('block');
      },
      (page) => {
        seen = watch(page);
      },
    );
    expect(seen?.requests).toEqual([]);
    expect(seen?.errors.join('\n')).toMatch(/Content Security Policy/);
  });
});

test('a page with 1,000 findings opens, and every one of them is there', async () => {
  await withPage(largeReport(), async (page) => {
    const paths = '[...document.querySelectorAll("article h4")].map((heading) => heading.textContent)';
    expect(new Set(await ask<string[]>(page, paths)).size).toBe(1000);
    expect(await ask(page, 'document.querySelectorAll("ins").length')).toBeGreaterThan(100);
    expect(await ask(page, 'document.body.innerText')).toContain('plumbline check -c plumbline.yaml prod/network');
    expect(await ask(page, 'document.querySelector("article h3").textContent')).toBe(
      'module.shop["eu-west-1"].aws_security_group.group[0]',
    );
  });
});

const PAGES: readonly (readonly [string, Report])[] = [
  ['drifted', largeReport(40)],
  ['in sync', report('20261124T030000000Z-0123456789abcdef')],
  ['unknown', { ...largeReport(6), verdict: 'unknown', findings: [], unconfirmed: largeReport(6).findings }],
  ['hostile', hostileReport()],
];

describe.each(PAGES)('the page: %s', (_name, made) => {
  test.each(SCHEMES)('breaks no rule of WCAG A and AA in the %s scheme', async (scheme) => {
    await withPage(
      made,
      async (page) => {
        await page.addStyleTag({ content: 'article { content-visibility: visible !important }' });
        await ask(page, axe);
        const results = await ask<AxeResults>(page, `axe.run({ runOnly: ${JSON.stringify(RULES)} })`);
        expect(results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
        expect(results.passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'html-has-lang']));
        const background = await ask<string>(page, 'getComputedStyle(document.body).backgroundColor');
        expect(background).toBe(scheme === 'dark' ? 'rgb(18, 22, 28)' : 'rgb(255, 255, 255)');
      },
      async (page) => {
        // Only so that axe, which is a script, may run.
        await page.setBypassCSP(true);
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      },
    );
  });

  test('fits a phone: nothing is wider than 360 px', async () => {
    await withPage(
      made,
      async (page) => {
        expect(await ask(page, 'document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
        const wide = `[...document.querySelectorAll('main *')]
          .filter((element) => element.getBoundingClientRect().right > ${PHONE.width} + 0.5).map((element) => element.outerHTML)`;
        expect(await ask(page, wide)).toEqual([]);
      },
      (page) => page.setViewport(PHONE),
    );
  });

  test('every link is reached with the keyboard, in order, and is seen to be', async () => {
    await withPage(made, async (page) => {
      const links = await ask<string[]>(page, '[...document.querySelectorAll("a, summary")].map((a) => a.outerHTML)');
      expect(links.length).toBeGreaterThan(1);
      const reached: string[] = [];
      for (const _ of links) {
        await page.keyboard.press('Tab');
        reached.push(await ask(page, 'document.activeElement.outerHTML'));
        expect(await ask(page, 'getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
      }
      expect(reached).toEqual(links);
    });
  });

  test('is printed whole', async () => {
    await withPage(made, async (page) => {
      await page.emulateMediaType('print');
      const shown = await ask<string>(page, 'document.body.innerText');
      for (const text of [made.verdict, 'Coverage', 'plumbline check']) expect(shown).toContain(text);
      const hidden = `[...document.querySelectorAll('article, section, pre')]
        .filter((element) => element.getBoundingClientRect().height < 10).length`;
      expect(await ask(page, hidden)).toBe(0);
      expect((await page.pdf({ format: 'a4' })).length).toBeGreaterThan(10_000);
    });
  });
});
