import { type ComponentChildren, h } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import type { Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import { STYLE } from './style.ts';

/**
 * One self-contained page for a report: no script, nothing loaded, and everything that is not ours is escaped by
 * construction.
 */
export function renderReport(report: Report): string {
  const page = h(
    'html',
    { lang: 'en' },
    h(
      'head',
      null,
      h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { 'http-equiv': 'Content-Security-Policy', content: "default-src 'none'; style-src 'unsafe-inline'" }),
      h('title', null, `${report.target}: ${report.verdict}`),
      h('style', { dangerouslySetInnerHTML: { __html: STYLE } }),
    ),
    h(
      'body',
      null,
      h(
        'main',
        null,
        heading(report),
        facts(report),
        findings('What differs', report.findings),
        unlisted(report),
        findings('Seen before the run ended badly (unconfirmed)', report.unconfirmed),
        uncovered(report),
        notes(report),
        h('h2', null, 'Look again'),
        h('p', null, 'In the repository, at the same commit:'),
        h('pre', null, `plumbline check -c plumbline.yaml ${report.target}`),
      ),
    ),
  );
  return `<!doctype html>\n${renderToStaticMarkup(page)}\n`;
}

function heading(report: Report): ComponentChildren {
  return h(
    'header',
    { class: report.verdict },
    h('p', { class: 'verdict' }, report.verdict),
    h('h1', null, report.target),
    h('p', null, report.reason),
  );
}

function facts(report: Report): ComponentChildren {
  const { tool, coverage } = report;
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ['Commit', code(report.commit.checked ?? 'not resolved')],
    ['Last in sync at', report.commit.lastInSync === null ? 'never seen' : code(report.commit.lastInSync)],
    ['Looked', `${report.startedAt} to ${report.endedAt}, started by ${report.trigger}`],
    ['Coverage', `${coverage.compared} of ${coverage.total} compared`],
    [
      'Tool',
      tool === null ? 'did not run' : `${tool.name} ${tool.version ?? ''}, exit code ${tool.exitCode ?? 'none'}`,
    ],
    ['Config', report.config.hash === null ? 'local' : code(report.config.hash.slice(0, 12))],
    ['Run', code(report.runId)],
    ['Build log', report.log === null ? 'none' : link(report.log)],
  ];
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

function findings(title: string, list: readonly Finding[]): ComponentChildren {
  if (list.length === 0) return null;
  return h('section', null, h('h2', null, `${title} (${list.length})`), list.map(finding));
}

function unlisted(report: Report): ComponentChildren {
  const count = report.unlisted ?? 0;
  return count === 0 ? null : h('p', null, `${count} more that are not listed.`);
}

function finding(item: Finding, index: number): ComponentChildren {
  const badges = [item.cause, item.action, item.actionReason].flatMap((text) => text ?? []);
  return h(
    'article',
    { key: index },
    h('h3', null, code(item.subject), item.path === undefined ? null : [' ', code(item.path)]),
    h(
      'p',
      { class: 'badges' },
      badges.map((text) => h('span', { class: 'badge', key: text }, text)),
      item.acknowledged === null ? null : h('span', { class: 'badge' }, 'acknowledged'),
      item.firstSeen === null ? null : h('span', { class: 'quiet' }, ` first seen ${item.firstSeen}`),
    ),
    item.acknowledged === null ? null : h('p', null, acknowledgedText(item.acknowledged)),
    item.declared === undefined && item.live === undefined ? h('p', null, wholeText(item)) : sides(item),
  );
}

function acknowledgedText({ owner, reason, until }: NonNullable<Finding['acknowledged']>): string {
  return `${owner} knows of it until ${until}: ${reason}`;
}

function wholeText(item: Finding): string {
  if (item.change === 'removed') return 'Git declares it, and it is not there.';
  return item.change === 'added' ? 'It is there, and git does not declare it.' : 'It would be changed.';
}

function sides(item: Finding): ComponentChildren {
  const row = (name: string, value: string | undefined) =>
    h(
      'tr',
      null,
      h('th', { scope: 'row' }, name),
      h('td', null, value === undefined ? h('span', { class: 'quiet' }, 'nothing') : code(value)),
    );
  return h('table', { class: 'sides' }, h('tbody', null, row('In git', item.declared), row('Live', item.live)));
}

function uncovered({ coverage }: Report): ComponentChildren {
  if (coverage.uncovered.length === 0) return null;
  return h(
    'section',
    null,
    h('h2', null, `Not compared (${coverage.uncovered.length})`),
    h(
      'ul',
      null,
      coverage.uncovered.map((item, index) =>
        h('li', { key: index }, code(item.subject), ` ${item.kind}: ${item.reason}`),
      ),
    ),
  );
}

function notes(report: Report): ComponentChildren {
  if (report.notes.length === 0) return null;
  return h(
    'section',
    null,
    h('h2', null, `Notes (${report.notes.length})`),
    h(
      'ul',
      null,
      report.notes.map((note, index) =>
        h(
          'li',
          { key: index },
          `${note.kind}: `,
          note.subject === undefined ? null : code(note.subject),
          note.path === undefined ? null : [' ', code(note.path)],
          ` ${note.text}`,
        ),
      ),
    ),
  );
}

const code = (text: string): ComponentChildren => h('code', null, text);

/** Only web addresses become links; anything else stays text. */
const link = (address: string): ComponentChildren =>
  /^https:\/\//.test(address) ? h('a', { href: address, rel: 'noreferrer' }, address) : code(address);
