import { type ComponentChildren, h } from 'preact';
import type { Finding } from '../finding.ts';
import { foreign } from './elements.ts';
import { layOutJson } from './json-layout.ts';
import { type Differ, isHidden, type Part } from './word-diff.ts';

/** JSON up to this length is read on one line. */
const ONE_LINE = 60;

/** Both values of a finding, with what only one side has marked: `del` where only git has it, `ins` where only live. */
export function sides({ declared, live, change }: Finding, differ: Differ): ComponentChildren {
  if (declared === undefined && live === undefined) return h('p', null, WHOLE[change]);
  const [git, running] = readable(declared, live);
  const same = declared !== undefined && declared === live;
  const diff = git === undefined || running === undefined || same ? null : differ(git, running);
  const long = [git, running].every((text) => text?.includes('\n'));
  return [
    h(
      'dl',
      { class: long ? 'sides long' : 'sides', key: 'sides' },
      side('In git', git, diff?.declared, 'del'),
      side('Live', running, diff?.live, 'ins'),
    ),
    same && h('p', { class: 'quiet', key: 'same' }, isHidden(declared) ? HIDDEN : NOT_SHOWN),
  ];
}

const WHOLE = {
  removed: 'Git declares it, and it is not there.',
  added: 'It is there, and git does not declare it.',
  changed: 'It would be changed.',
} as const;
const HIDDEN = 'The values differ; they are not shown.';
const NOT_SHOWN = 'They differ in what is not shown here.';

function side(name: string, text: string | undefined, parts: readonly Part[] | undefined, mark: 'del' | 'ins') {
  const value =
    parts?.map((part, index) => (part.common ? part.text : h(mark, { key: index }, inked(part.text)))) ?? text;
  return h(
    'div',
    null,
    h('dt', null, name),
    h('dd', null, text === undefined ? h('span', { class: 'quiet' }, 'nothing') : h('code', null, value)),
  );
}

/** Both as they are shown. JSON is laid out on both sides or on none, and never so that it would look the same. */
function readable(declared: string | undefined, live: string | undefined): readonly (string | undefined)[] {
  const shown = [declared, live].map((text) => (text === undefined ? undefined : foreign(text)));
  if (shown.every((text) => text === undefined || text.length <= ONE_LINE)) return shown;
  const laidOut = shown.map((text) => (text === undefined ? undefined : (layOutJson(text) ?? text)));
  return laidOut[0] === laidOut[1] ? shown : laidOut;
}

/** Blanks alone show nothing when they are marked, so they get ink. */
function inked(text: string): string {
  if (/\S/.test(text)) return text;
  return text.replaceAll(' ', '·').replaceAll('\t', '⇥').replaceAll('\n', '↵\n');
}
