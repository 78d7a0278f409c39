import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderReport } from '#drift/page/report-page.ts';
import { startBrowser } from '../e2e/browser.ts';
import { largeReport } from '../unit/page/reports.ts';

/** `node test/bench/page.ts`: how long a page of 1,000 findings takes to write and to open in Chromium, and its size. */
const MAX_MS = 2000;
const MAX_MEGABYTES = 4;

const line = (what: string, value: number, limit: number, unit: string): void => {
  console.log(
    `${what.padEnd(20)} ${value.toFixed(1).padStart(8)} of ${limit} ${unit}: ratio ${(value / limit).toFixed(2)}`,
  );
  if (value > limit) process.exitCode = 1;
};
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const started = performance.now();
const text = renderReport(largeReport());
line('written', performance.now() - started, MAX_MS, 'ms');
line('size', Buffer.byteLength(text) / 1_000_000, MAX_MEGABYTES, 'MB');
const file = path.join(folder, 'report.html');
writeFileSync(file, text);
const browser = await startBrowser();
try {
  const page = await browser.newPage();
  const opened = performance.now();
  await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
  // Laid out and painted, not only loaded.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  line('opened', performance.now() - opened, MAX_MS, 'ms');
} finally {
  await browser.close();
}
