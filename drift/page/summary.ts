import { type ComponentChildren, h } from 'preact';
import type { Finding } from '../finding.ts';
import { foreign, section } from './elements.ts';
import { causeId } from './findings.ts';
import { type CauseCount, countFindings } from './groups.ts';

/** Actions that are counted by name; others together. */
const MAX_ACTIONS = 8;

/** How many findings have which cause and action, each cause a link to where they stand; nothing when there are none. */
export function summary(findings: readonly Finding[]): ComponentChildren {
  if (findings.length === 0) return null;
  const heads = ['Cause', 'Findings', 'What would be done', 'Known'];
  return section(
    'summary',
    'Summary',
    h(
      'table',
      { class: 'counts' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          heads.map((text) => h('th', { scope: 'col', key: text }, text)),
        ),
      ),
      h('tbody', null, countFindings(findings).map(row)),
    ),
  );
}

function row(counts: CauseCount): ComponentChildren {
  const { cause, count, acknowledged } = counts;
  const place = acknowledged === count ? 'acknowledged' : causeId(cause);
  return h(
    'tr',
    { key: cause },
    h('th', { scope: 'row' }, h('a', { href: `#${place}` }, cause)),
    h('td', null, count),
    h('td', null, actionsText(counts)),
    h('td', null, acknowledged),
  );
}

/** `3 update, 2 replace`. */
export function actionsText({ actions }: CauseCount): string {
  const rest = actions.slice(MAX_ACTIONS).reduce((sum, { count }) => sum + count, 0);
  const named = actions.slice(0, MAX_ACTIONS).map(({ action, count }) => `${count} ${foreign(action)}`);
  return [...named, ...(rest > 0 ? [`${rest} other`] : [])].join(', ');
}
