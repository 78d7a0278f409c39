import { type ComponentChildren, h } from 'preact';
import { visible } from './visible.ts';

/** The longest foreign text that is shown, in characters; the report has all of it. */
const MAX_LENGTH = 4000;

/** Foreign text, as everything that comes from a report must be shown: bounded, with nothing unseen in it. */
export function foreign(text: string): string {
  if (text.length <= MAX_LENGTH) return visible(text);
  return `${visible(text.slice(0, MAX_LENGTH).toWellFormed())}… (cut, ${text.length} characters)`;
}

/** A name or a value. */
export const code = (text: string): ComponentChildren => h('code', null, foreign(text));

/** Only web addresses become links; anything else stays text. */
export const link = (address: string): ComponentChildren =>
  /^https:\/\/[^\s]+$/.test(address) ? h('a', { href: address, rel: 'noreferrer' }, foreign(address)) : code(address);

/** A part of the page with a heading that links can lead to. */
export function section(id: string, title: string, ...children: readonly ComponentChildren[]): ComponentChildren {
  return h('section', { 'aria-labelledby': id }, h('h2', { id }, title), ...children);
}
