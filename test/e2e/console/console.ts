import path from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { type Misdeeds, watch } from '../browser.ts';

const HOST = path.join(import.meta.dirname, 'host.js');

/** Calls a function as the viewer may. @throws what the console would show */
export type CallFunction = (endpoint: string, event: Record<string, unknown>) => Promise<unknown>;

export interface ConsoleProps {
  /** ARN of the function of the widget. */
  readonly endpoint: string;
  readonly call: CallFunction;
  readonly theme?: 'light' | 'dark';
  /** `raw`: nothing of the HTML is taken out. */
  readonly as?: 'clean' | 'raw';
}

/** A dashboard with one custom widget, in a real browser, as one viewer sees it. */
export class Console {
  readonly page: Page;
  readonly seen: Misdeeds;
  /** What was called, by function name. */
  readonly calls: { readonly name: string; readonly event: Record<string, unknown> }[] = [];

  private constructor(page: Page, seen: Misdeeds) {
    this.page = page;
    this.seen = seen;
  }

  static async open(
    browser: Browser,
    { endpoint, call, theme = 'light', as = 'clean' }: ConsoleProps,
  ): Promise<Console> {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    await page.setContent('<!doctype html><html lang="en"><title>Dashboard</title><body></body></html>');
    const made = new Console(page, watch(page));
    await page.exposeFunction('callFunction', async (arn: string, text: string) => {
      const event = JSON.parse(text);
      made.calls.push({ name: arn.split(':')[6] ?? arn, event });
      return call(arn, event).then(
        (html) => ({ html: typeof html === 'string' ? html : JSON.stringify(html) }),
        (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
      );
    });
    await page.addScriptTag({ path: HOST });
    await made.ask(`host.open(${JSON.stringify({ endpoint, theme, as, dashboard: 'plumbline' })})`);
    return made;
  }

  /** What a script in the page says; as text, because this program's types know no document. */
  async ask<T>(script: string): Promise<T> {
    return (await this.page.evaluate(script)) as T;
  }

  /** As the dashboard's own button, or its clock, does. */
  async refresh(): Promise<void> {
    await this.ask('host.refresh()');
  }

  /** The rows that are shown: the text of each cell. */
  rows(): Promise<readonly (readonly string[])[]> {
    const cells = '[...row.cells].map((cell) => cell.innerText.trim())';
    return this.ask(`[...document.querySelectorAll('main tbody tr')].map((row) => ${cells})`);
  }

  /** The row of one target. */
  async row(target: string): Promise<readonly string[] | undefined> {
    return (await this.rows()).find(([name]) => name?.split('\n')[0] === target);
  }

  /** Chooses from one of the lists. */
  async choose(field: string, value: string): Promise<void> {
    await this.page.select(`main select[name="${field}"]`, value);
  }

  /** Clicks a button with the mouse, in the row of a target or in the bar, and waits for the answer if one is called. */
  async click(text: string, target: string | null = null): Promise<void> {
    const place = target === null ? 'main .bar' : `main tbody tr:nth-child(${await this.#indexOf(target)})`;
    const button = await this.page.locator(`${place} ::-p-text(${text})`).waitHandle();
    await button.click();
  }

  /** Answers the console's question. @returns what was asked */
  async answer(word: 'Yes' | 'No'): Promise<string> {
    const asked = await this.text('dialog[open] p');
    await (await this.page.locator(`dialog[open] button ::-p-text(${word})`).waitHandle()).click();
    return asked;
  }

  /** Clicks Re-run in the row of a target, or Re-run all stale, and agrees. @returns what pops up */
  async rerun(target: string | null): Promise<string> {
    await this.click(target === null ? 'Re-run all stale' : 'Re-run', target);
    await this.answer('Yes');
    return this.popup();
  }

  /** The text of what pops up, once it does. */
  async popup(): Promise<string> {
    return this.text('dialog[open]');
  }

  async text(selector: string): Promise<string> {
    await this.page.waitForSelector(selector);
    return this.ask(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  /** Waits for what the page shows. */
  async shows(script: string): Promise<void> {
    await this.page.waitForFunction(script, { timeout: 15_000 });
  }

  close(): Promise<void> {
    return this.page.close();
  }

  async #indexOf(target: string): Promise<number> {
    const index = (await this.rows()).findIndex(([name]) => name?.split('\n')[0] === target);
    if (index < 0) throw new Error(`no row of ${target} is shown`);
    return index + 1;
  }
}
