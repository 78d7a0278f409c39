import { type ComponentChildren, h } from 'preact';
import type { Finding } from '../finding.ts';
import { code, foreign, section } from './elements.ts';
import { actionOf, bySubject, CAUSE_ORDER, writerText } from './groups.ts';
import { sides } from './sides.ts';
import type { Differ } from './word-diff.ts';

const TITLES = {
  'out-of-band': 'Changed by hand',
  both: 'Changed by hand and in git',
  unclear: 'Cause unclear',
  pending: 'Changed in git, not applied yet',
} as const;

/** Where the findings of a cause begin. */
export const causeId = (cause: Finding['cause']): string => `cause-${cause}`;

/** Findings by cause, what somebody changed by hand first; then those that are acknowledged. */
export function findingSections(findings: readonly Finding[], differ: Differ): ComponentChildren {
  const open = findings.filter(({ acknowledged }) => acknowledged === null);
  const known = findings.filter(({ acknowledged }) => acknowledged !== null);
  return [
    ...CAUSE_ORDER.map((cause) => {
      const found = open.filter((finding) => finding.cause === cause);
      return list(causeId(cause), `${TITLES[cause]} (${cause}): ${found.length}`, found, differ);
    }),
    list('acknowledged', `Acknowledged: ${known.length}`, known, differ),
  ];
}

/** Findings under one heading, by subject; nothing when there are none. */
export function list(id: string, title: string, findings: readonly Finding[], differ: Differ): ComponentChildren {
  if (findings.length === 0) return null;
  return section(
    id,
    title,
    bySubject(findings).map((group) => subject(group, differ)),
  );
}

function subject(findings: readonly Finding[], differ: Differ): ComponentChildren {
  const [first] = findings;
  if (first === undefined) return null;
  return h(
    'article',
    { key: first.subject },
    h('h3', null, code(first.subject)),
    findings.map((item, index) =>
      h(
        'div',
        { class: 'finding', key: index },
        item.path === undefined ? null : h('h4', null, code(item.path)),
        badges(item),
        acknowledgement(item),
        sides(item, differ),
      ),
    ),
  );
}

function badges(item: Finding): ComponentChildren {
  const writer = writerText(item);
  const texts = [
    item.cause,
    actionOf(item),
    ...(item.actionReason === undefined ? [] : [item.actionReason]),
    item.severity,
  ];
  return h(
    'p',
    { class: 'badges' },
    texts.map((text, index) => [h('span', { class: 'badge', key: index }, foreign(text)), ' ']),
    writer === null ? null : h('span', { class: 'quiet' }, `${foreign(writer)} `),
    item.firstSeen === null ? null : h('span', { class: 'quiet' }, `first seen ${foreign(item.firstSeen)}`),
  );
}

function acknowledgement({ acknowledged }: Finding): ComponentChildren {
  if (acknowledged === null) return null;
  const { owner, until, reason } = acknowledged;
  return h('p', null, `Acknowledged by ${foreign(owner)} until ${foreign(until)}: ${foreign(reason)}`);
}
