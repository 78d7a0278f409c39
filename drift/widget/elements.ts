import { type ComponentChildren, h } from 'preact';
import { foreign } from '../page/elements.ts';

/**
 * What a button of the widget does, in the console's own words:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
 */
export interface Act {
  /** ARN of the function that is called. */
  readonly endpoint: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly display: 'popup' | 'widget';
  /** What the viewer has to agree to before. */
  readonly confirmation?: string;
}

/**
 * A button and, as the console wants it, right behind it the element that says what it does. The console cleans our HTML
 * and then reads that element: as JSON that holds no character of HTML it is the same text to whoever reads it how.
 */
export function button(text: string, { endpoint, parameters, display, confirmation }: Act): ComponentChildren {
  const attributes = { action: 'call', endpoint, display, ...(confirmation === undefined ? {} : { confirmation }) };
  return [h('a', { class: 'btn' }, text), h('cwdb-action', attributes, jsonText(parameters))];
}

function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&]/g, (character) => {
    return `\\u00${(character.codePointAt(0) ?? 0).toString(16)}`;
  });
}

/** A second line, of less weight. */
export const quiet = (text: string): ComponentChildren =>
  text === '' ? null : h('div', { class: 'quiet' }, foreign(text));
