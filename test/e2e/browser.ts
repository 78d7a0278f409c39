import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type Browser, type HTTPRequest, launch, type Page } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'] as const;

/** The Chromium on PATH. @throws Error that names the package when there is none */
export function findChromium(folders = process.env['PATH'] ?? ''): string {
  const candidates = folders.split(path.delimiter).flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(`none of ${NAMES.join(', ')} is on PATH: install the Debian package chromium`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts it without a window; as root it runs only without its sandbox. The caller closes it. */
export function startBrowser(): Promise<Browser> {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return launch({
    executablePath: findChromium(),
    args: [...sandbox, '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
  });
}

/** What a page did while it was open that no page of ours may do. */
export interface Misdeeds {
  readonly requests: string[];
  readonly dialogs: string[];
  readonly navigations: string[];
  readonly errors: string[];
}

/** Watches a page from before it is opened. */
export function watch(page: Page): Misdeeds {
  const seen: Misdeeds = { requests: [], dialogs: [], navigations: [], errors: [] };
  const left = (request: HTTPRequest): void => {
    if (request.isNavigationRequest()) return;
    // What the page's policy stops has been announced and never left.
    if (!/csp/i.test(request.failure()?.errorText ?? '')) seen.requests.push(request.url());
  };
  page.on('requestfinished', left);
  page.on('requestfailed', left);
  page.on('dialog', (dialog) => {
    seen.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('framenavigated', (frame) => seen.navigations.push(frame.url()));
  page.on('console', (message) => seen.errors.push(message.text()));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  return seen;
}
