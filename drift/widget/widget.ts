import { type ComponentChildren, h } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import { deployed } from '../names.ts';
import { STANDINGS, type Status } from '../overview.ts';
import { foreign } from '../page/elements.ts';
import { button } from './elements.ts';
import { STYLE } from './style.ts';
import { table } from './table.ts';
import { type Choices, type Filter, type View, viewOf } from './view.ts';

export interface WidgetProps {
  readonly status: Status;
  readonly choices: Choices;
  /** The console's. */
  readonly theme: 'light' | 'dark';
  /** ARN of the function that renders this. */
  readonly self: string;
}

/** What the widget says of itself to whoever adds it to a dashboard. */
export const DESCRIPTION = [
  '## Plumbline: how the targets stand',
  'A table of all targets of the deployed config, the worst first, with buttons that start a check.',
  'Parameters, all optional: `environment`, `layer`, `verdict` (only such targets), `page` (of fifty rows).',
  'It takes `{ "format": "json", "targets": ["prod/network"] }` too, and answers the same as JSON.',
  'It needs no more than the right to invoke this function; the buttons need the right to invoke `plumbline-rerun`.',
].join('\n\n');

/**
 * The status table as the console's custom widget shows it. It holds no script, and everything that is not ours is
 * escaped by construction. Rendering does nothing: each button names a function that the viewer must be allowed to invoke.
 */
export function renderWidget({ status, choices, theme, self }: WidgetProps): string {
  const view = viewOf(status.targets, choices);
  const rerun = sibling(self, deployed.function('rerun'));
  const parts = [
    summary(status),
    h('div', { class: 'bar' }, filterForm(view), show(self), rerunStale(status, rerun)),
    view.rows.length === 0 ? h('p', null, 'No target matches.') : table(view.rows, new Date(status.at), rerun),
    pager(view, self),
    foot(status),
  ];
  const style = h('style', { dangerouslySetInnerHTML: { __html: STYLE } });
  return renderToStaticMarkup(h('div', { class: `plumbline ${theme}` }, style, parts));
}

/** ARN of another function of the same account and region. A version or alias of ours is none of its. */
function sibling(arn: string, name: string): string {
  return [...arn.split(':').slice(0, 6), name].join(':');
}

/** `500 targets: 3 drifted, 497 in-sync`. */
function summary({ targets }: Status): ComponentChildren {
  const counts = STANDINGS.map((verdict) => ({
    verdict,
    count: targets.filter((row) => row.verdict === verdict).length,
  })).filter(({ count }) => count > 0);
  const said = counts.map(({ verdict, count }, index) => [
    index === 0 ? '' : ', ',
    h('span', { class: `verdict ${verdict}` }, `${count} ${verdict}`),
  ]);
  return h('p', null, `${targets.length} ${targets.length === 1 ? 'target' : 'targets'}: `, said);
}

const LABELS: Readonly<Record<Filter, string>> = { environment: 'Environment', layer: 'Layer', verdict: 'Verdict' };

function filterForm({ filters }: View): ComponentChildren {
  const fields = filters.map(({ name, options, chosen }) => {
    const option = (value: string, text: string): ComponentChildren =>
      h('option', { value, ...(value === chosen ? { selected: true } : {}) }, text);
    const all = [option('', 'all'), ...options.map((value) => option(value, foreign(value)))];
    return h('label', null, `${LABELS[name]} `, h('select', { name }, all));
  });
  return h('form', null, fields);
}

/** The console hands the form's fields to whatever is called. */
const show = (self: string): ComponentChildren =>
  button('Show', { endpoint: self, parameters: { page: 1 }, display: 'widget' });

function rerunStale({ targets }: Status, rerun: string): ComponentChildren {
  const stale = targets.filter(({ verdict }) => verdict === 'stale').length;
  if (stale === 0) return null;
  return button('Re-run all stale', {
    endpoint: rerun,
    parameters: { action: 'rerun', stale: true, via: 'console' },
    display: 'popup',
    confirmation: `Check the ${stale === 1 ? 'one target that is' : `${stale} targets that are`} stale now?`,
  });
}

function pager({ page, pages, matching }: View, self: string): ComponentChildren {
  if (pages === 1) return null;
  const to = (text: string, number: number): ComponentChildren =>
    number < 1 || number > pages
      ? null
      : button(text, { endpoint: self, parameters: { page: number }, display: 'widget' });
  const where = h('span', { class: 'quiet' }, `page ${page} of ${pages}, ${matching} targets`);
  return h(
    'div',
    { class: 'bar' },
    to('First', page === 1 ? 0 : 1),
    to('Previous', page - 1),
    where,
    to('Next', page + 1),
  );
}

function foot({ at, config }: Status): ComponentChildren {
  const commit = config.commit === null ? '' : ` of commit ${config.commit.slice(0, 12)}`;
  return h('p', { class: 'quiet' }, foreign(`As of ${at}. Config ${config.hash.slice(0, 12)}${commit}.`));
}
