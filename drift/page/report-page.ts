import { createHash } from 'node:crypto';
import { type ComponentChildren, h } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import type { Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import { code, foreign, section } from './elements.ts';
import { facts, heading } from './facts.ts';
import { findingSections, list } from './findings.ts';
import { inReadingOrder } from './groups.ts';
import { againSection, coverageSection, notesSection } from './sight.ts';
import { STYLE } from './style.ts';
import { summary } from './summary.ts';
import { type Differ, wordDiffer } from './word-diff.ts';

/** Findings that are shown with their values; of the others the page says where they are. */
const MAX_FINDINGS = 2000;

/** Nothing may be loaded, run or sent; of styles only our own. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * One self-contained page for a report: no script, nothing loaded, and everything that is not ours is escaped by
 * construction. The same report always makes the same page.
 */
export function renderReport(report: Report): string {
  const page = h('html', { lang: 'en' }, head(report), h('body', null, h('main', null, content(report))));
  return `<!doctype html>\n${renderToStaticMarkup(page)}\n`;
}

function head({ target, verdict }: Report): ComponentChildren {
  return h(
    'head',
    null,
    h('meta', { charset: 'utf-8' }),
    h('meta', { 'http-equiv': 'Content-Security-Policy', content: POLICY }),
    h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    h('title', null, `${foreign(target)}: ${verdict}`),
    h('style', { dangerouslySetInnerHTML: { __html: STYLE } }),
  );
}

/** In the order in which people ask: the verdict, why, of what, what differs, what was not seen, how to look again. */
function content(report: Report): ComponentChildren {
  const differ = wordDiffer();
  const findings = inReadingOrder(report.findings);
  return [
    heading(report),
    contents(report),
    facts(report),
    summary(findings),
    findingSections(findings.slice(0, MAX_FINDINGS), differ),
    unconfirmed(report, differ),
    unlisted(report),
    more([...findings.slice(MAX_FINDINGS), ...inReadingOrder(report.unconfirmed).slice(MAX_FINDINGS)]),
    coverageSection(report),
    notesSection(report),
    againSection(report),
  ];
}

function contents(report: Report): ComponentChildren {
  const places = [
    ...(report.findings.length > 0 ? [['summary', 'Findings']] : []),
    ...(report.unconfirmed.length > 0 ? [['unconfirmed', 'Unconfirmed']] : []),
    ['coverage', 'Coverage'],
    ...(report.notes.length > 0 ? [['notes', 'Notes']] : []),
    ['again', 'Look again'],
  ];
  const links = places.map(([id, text]) => h('li', { key: id }, h('a', { href: `#${id}` }, text)));
  return h('nav', { 'aria-label': 'On this page' }, h('ul', null, links));
}

function unconfirmed({ unconfirmed: findings }: Report, differ: Differ): ComponentChildren {
  const title = `Seen before the run ended badly (unconfirmed): ${findings.length}`;
  return list('unconfirmed', title, inReadingOrder(findings).slice(0, MAX_FINDINGS), differ);
}

function unlisted({ unlisted: count = 0 }: Report): ComponentChildren {
  return count === 0 ? null : h('p', null, `${count} more that the report counts and does not list.`);
}

function more(findings: readonly Finding[]): ComponentChildren {
  if (findings.length === 0) return null;
  const line = (item: Finding) => [
    `${item.cause} `,
    code(item.subject),
    item.path === undefined ? null : [' ', code(item.path)],
  ];
  return section(
    'more',
    `Values in the report only: ${findings.length}`,
    h(
      'ul',
      null,
      findings.map((item, index) => h('li', { key: index }, line(item))),
    ),
  );
}
