import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderReport } from '#drift/page/report-page.ts';
import type { Report } from '#drift/report.ts';
import { startBrowser } from '../e2e/browser.ts';
import { largeReport } from '../unit/page/reports.ts';
import { finding, report } from '../unit/runs/world.ts';

/** `node test/bench/page.ts`: how long the page of a report takes to make and to open in Chromium, the middle of a few. */
const TRIES = 5;
const MAX_MS = 2000;

/** Values with nothing in common, as long as a finding shows them: the most work that comparing words can be. */
function worstReport(count: number): Report {
  const words = (prefix: string): string => Array.from({ length: 160 }, (_, index) => `${prefix}${index}`).join(' ');
  const findings = Array.from({ length: count }, (_, index) =>
    finding(`aws_instance.web[${index}]`, { path: `attribute_${index}`, declared: words('a'), live: words('b') }),
  );
  return report('20261124T030000000Z-0123456789abcdef', { verdict: 'drifted', reason: `${count} findings`, findings });
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const line = (what: string, ms: number): void => {
  console.log(`${what.padEnd(44)} ${ms.toFixed(0).padStart(6)} ms of ${MAX_MS}: ratio ${(ms / MAX_MS).toFixed(2)}`);
  if (ms > MAX_MS) process.exitCode = 1;
};

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
const browser = await startBrowser();
try {
  for (const [name, made] of [
    ['1,000 findings', largeReport(1000)],
    ['1,000 findings, nothing in common', worstReport(1000)],
    ['10,000 findings', largeReport(10_000)],
  ] as const) {
    const rendering: number[] = [];
    const opening: number[] = [];
    const file = path.join(folder, 'report.html');
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const before = performance.now();
      const text = renderReport(made);
      rendering.push(performance.now() - before);
      writeFileSync(file, text);
      const page = await browser.newPage();
      const start = performance.now();
      await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
      // Two frames later it has been drawn.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      opening.push(performance.now() - start);
      await page.close();
      if (attempt === 0) console.log(`${name}: ${(text.length / 1024).toFixed(0)} KiB`);
    }
    line(`${name}: made`, middle(rendering));
    line(`${name}: opened and drawn`, middle(opening));
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
