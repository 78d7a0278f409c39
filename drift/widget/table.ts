import { type ComponentChildren, h } from 'preact';
import { mayRun, type Row } from '../overview.ts';
import { foreign } from '../page/elements.ts';
import { button, quiet } from './elements.ts';
import { asideText, coverageText, duration, findingsText, moment, startedBy } from './words.ts';

const HEADS = ['Target', 'Verdict', 'Since', 'Coverage', 'Last run', 'Findings', 'Acknowledged', ''];

/** @param rerun ARN of the function that starts runs */
export function table(rows: readonly Row[], now: Date, rerun: string): ComponentChildren {
  const heads = HEADS.map((text) => (text === '' ? h('td', null) : h('th', { scope: 'col' }, text)));
  return h(
    'table',
    null,
    h('thead', null, h('tr', null, heads)),
    h(
      'tbody',
      null,
      rows.map((row) => line(row, now, rerun)),
    ),
  );
}

function line(row: Row, now: Date, rerun: string): ComponentChildren {
  const { target, layer, verdict, reason, since, age, lastRun, acknowledged, acknowledgedUntil } = row;
  const sinceAge = since === null ? '' : duration(secondsSince(since, now));
  const until = acknowledgedUntil === null ? '' : `until ${moment(acknowledgedUntil)}`;
  return h(
    'tr',
    null,
    h('th', { scope: 'row' }, name(row), quiet(layer)),
    h('td', null, h('span', { class: `verdict ${verdict}` }, verdict), quiet(reason)),
    h('td', null, since === null ? null : foreign(moment(since)), quiet(sinceAge)),
    h('td', { class: 'short' }, coverageText(row)),
    h(
      'td',
      null,
      lastRun === null ? null : foreign(moment(lastRun.endedAt)),
      quiet(age === null ? '' : `${duration(age)} ago; ${startedBy(row)}`),
      quiet(asideText(row)),
      inProgress(row, now),
    ),
    h('td', null, findingsText(row)),
    h('td', null, acknowledged === 0 ? null : String(acknowledged), quiet(until)),
    h('td', null, mayRun(row) ? rerunButton(target, rerun) : null),
  );
}

/** A link once there is a page. Ours alone: the address is made of the bucket and the key. */
function name({ target, link, lastRun }: Row): ComponentChildren {
  if (lastRun === null) return foreign(target);
  return h('a', { href: link, target: '_blank', rel: 'noreferrer' }, foreign(target));
}

function inProgress({ running, waiting }: Row, now: Date): ComponentChildren {
  return [
    running === null ? null : quiet(`running since ${duration(secondsSince(running.since, now))}`),
    waiting === null ? null : quiet(`one waits${waiting.throttled === null ? '' : `: ${waiting.throttled}`}`),
  ];
}

const rerunButton = (target: string, endpoint: string): ComponentChildren =>
  button('Re-run', {
    endpoint,
    parameters: { action: 'rerun', target, via: 'console' },
    display: 'popup',
    confirmation: `Check ${foreign(target)} now?`,
  });

function secondsSince(time: string, now: Date): number {
  const seconds = Math.floor((now.getTime() - Date.parse(time)) / 1000);
  return Number.isNaN(seconds) ? 0 : Math.max(0, seconds);
}
