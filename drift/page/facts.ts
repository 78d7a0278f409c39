import { type ComponentChildren, h } from 'preact';
import type { Report } from '../report.ts';
import type { Via } from '../run.ts';
import { code, foreign, link } from './elements.ts';

/** The verdict, of what, and why. */
export function heading({ verdict, target, reason }: Report): ComponentChildren {
  return h(
    'header',
    { class: verdict },
    h('p', { class: 'verdict' }, verdict),
    h('h1', null, foreign(target)),
    h('p', null, foreign(reason)),
  );
}

/** Which commit was checked, with which config, who started it and when. */
export function facts({
  commit,
  config,
  trigger,
  by,
  aside,
  layer,
  startedAt,
  endedAt,
  runId,
  log,
}: Report): ComponentChildren {
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ['Commit', [commit.checked === null ? 'not known' : code(commit.checked), aside === true ? ASIDE : null]],
    ['Last in sync at', commit.lastInSync === null ? 'never seen' : code(commit.lastInSync)],
    ['Config', configText(config)],
    ['Started by', [STARTED_BY[trigger], ...askedBy(by).map((who) => [', ', foreign(who)])]],
    ['Looked', `${foreign(startedAt)} to ${foreign(endedAt)}`],
    ['Layer', layer],
    ['Run', code(runId)],
    ['Log', log === null ? 'none' : link(log)],
  ];
  return factTable(rows);
}

const STARTED_BY: Readonly<Record<Report['trigger'], string>> = {
  schedule: 'schedule',
  push: 'push to the repository',
  manual: 'manual: a person',
  confirm: 'the service itself, to confirm new drift',
  canary: 'canary: the service itself, to see whether it sees',
};

/** The source's ref is elsewhere. */
const ASIDE = ', which somebody named: this is no verdict on the target';

const VIA: Readonly<Record<Via, string>> = {
  console: 'by the dashboard',
  runbook: 'by the SSM runbook',
  cli: 'by the command line',
  build: 'by a build started by hand',
};

/** Where it was asked for, whom a git host or the caller names, and the delivery that asked. */
const askedBy = (by: Report['by']): readonly string[] =>
  [
    by?.via === undefined ? undefined : VIA[by.via],
    by?.author,
    by?.actor,
    by?.delivery === undefined ? undefined : `delivery ${by.delivery}`,
  ].filter((who) => who !== undefined);

function configText({ hash, commit }: Report['config']): ComponentChildren {
  if (hash === null) return 'none';
  return [code(hash.slice(0, 12)), commit === null ? null : [' at commit ', code(commit)]];
}

/** Names and values, one a line. */
export function factTable(rows: readonly (readonly [string, ComponentChildren])[]): ComponentChildren {
  return h(
    'table',
    { class: 'facts' },
    h(
      'tbody',
      null,
      rows.map(([name, value]) => h('tr', { key: name }, h('th', { scope: 'row' }, name), h('td', null, value))),
    ),
  );
}
