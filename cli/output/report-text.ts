import type { Finding } from '#drift/finding.ts';
import { again } from '#drift/page/again.ts';
import { actionOf, countFindings, inReadingOrder, writerText } from '#drift/page/groups.ts';
import { actionsText } from '#drift/page/summary.ts';
import type { Report } from '#drift/report.ts';
import { startedByText } from '#drift/started-by.ts';
import type { Verdict } from '#drift/verdict.ts';
import type { Colours } from '../terminal.ts';
import { safe, safeLine } from './safe.ts';
import { yamlFlow } from './yaml-text.ts';

const MARKS: Readonly<Record<Verdict, string>> = { 'in-sync': '✓', drifted: '≠', unknown: '?' };
const MAX_UNCOVERED = 20;

/**
 * A report for people, in the order of the page: the verdict, why, of what, what differs, what was not seen, notes, the
 * tool, and how to look again where there is something to look at.
 */
export function reportText(report: Report, colours: Colours): string {
  const { bold, dim } = colours;
  const verdict = bold(colourOf(report.verdict, colours)(`${MARKS[report.verdict]} ${report.verdict}`));
  return [
    `${verdict}  ${bold(safeLine(report.target))}  ${safeLine(report.reason)}`,
    dim(`  ${facts(report).map(safeLine).join(' · ')}`),
    ...counts(report.findings, colours),
    ...section('', report.findings, colours),
    ...section('seen before the check ended badly, unconfirmed:', report.unconfirmed, colours),
    dim(`  ${report.coverage.compared} of ${report.coverage.total} compared`),
    ...uncovered(report, colours),
    ...acceptLines(report, colours),
    ...report.notes.map(({ kind, subject, path, text }) => {
      const about = [subject, path].filter((part) => part !== undefined).join(' ');
      return `  ${dim(`note, ${safeLine(kind)}:`)} ${about === '' ? '' : `${safeLine(about)}: `}${safeLine(text)}`;
    }),
    ...tool(report).map((text) => dim(`  ${safeLine(text)}`)),
    ...(report.verdict === 'in-sync' ? [] : [dim(`  look again: ${safeLine(again(report).commands.join(' && '))}`)]),
  ].join('\n');
}

/** One line for several reports. */
export function summaryText(reports: readonly Report[], colours: Colours): string {
  const count = (verdict: Verdict): number => reports.filter((report) => report.verdict === verdict).length;
  const parts = (['drifted', 'unknown', 'in-sync'] as const)
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => colourOf(verdict, colours)(`${count(verdict)} ${verdict}`));
  return `${reports.length} targets: ${parts.join(', ')}`;
}

/** 1 if any is unknown, else 2 if any drifted (DESIGN §2.11). */
export function exitCodeOf(verdicts: readonly Verdict[]): 0 | 1 | 2 {
  if (verdicts.length === 0 || verdicts.includes('unknown')) return 1;
  return verdicts.includes('drifted') ? 2 : 0;
}

function colourOf(verdict: Verdict, colours: Colours): (text: string) => string {
  if (verdict === 'in-sync') return colours.green;
  return verdict === 'drifted' ? colours.red : colours.yellow;
}

function facts({ commit, config, trigger, by, aside, startedAt, endedAt }: Report): readonly string[] {
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return [
    ...(commit.checked === null ? [] : [`commit ${commit.checked.slice(0, 12)}`]),
    ...(config.hash === null ? [] : [`config ${config.hash.slice(0, 12)}`]),
    ...(aside === true ? ['a commit that was named: no verdict on the target'] : []),
    `started by ${startedByText(trigger, by)}`,
    ...(seconds > 0 ? [`${seconds.toFixed(1)} s`] : []),
  ];
}

function tool({ tool }: Report): readonly string[] {
  if (tool === null) return [];
  return [`${tool.name} ${tool.version ?? '?'}${tool.exitCode === null ? '' : `, exit code ${tool.exitCode}`}`];
}

/** By cause and action, where there is something to count. */
function counts(findings: readonly Finding[], { dim }: Colours): readonly string[] {
  if (findings.length < 2) return [];
  const texts = countFindings(findings).map((of) => `${of.count} ${of.cause} (${safeLine(actionsText(of))})`);
  return [dim(`  ${texts.join(' · ')}`)];
}

function section(title: string, findings: readonly Finding[], colours: Colours): readonly string[] {
  if (findings.length === 0) return [];
  const texts = inReadingOrder(findings).map((finding) => findingText(finding, colours));
  return [...(title === '' ? [] : [`  ${title}`]), ...texts];
}

function findingText(finding: Finding, { bold, cyan, dim, green, red }: Colours): string {
  const what = `${actionOf(finding)}${finding.actionReason === undefined ? '' : ` (${finding.actionReason})`}`;
  const head = `  ${cyan(finding.cause)}  ${bold(safeLine(finding.subject))}${
    finding.path === undefined ? '' : `  ${safeLine(finding.path)}`
  }  ${dim(safeLine(what))}`;
  const side = (name: string, value: string | undefined, colour: (text: string) => string): readonly string[] =>
    value === undefined ? [] : [`    ${dim(name)} ${colour(indent(safe(value)))}`];
  const known = finding.acknowledged;
  const writer = writerText(finding);
  return [
    head,
    ...(known === null
      ? []
      : [dim(`    acknowledged by ${safeLine(`${known.owner} until ${known.until}: ${known.reason}`)}`)]),
    ...(writer === null ? [] : [dim(`    ${safeLine(writer)}`)]),
    ...side('declared', finding.declared, green),
    ...side('live    ', finding.live, red),
  ].join('\n');
}

const indent = (text: string): string => text.replaceAll('\n', `\n${' '.repeat(13)}`);

function uncovered({ coverage }: Report, { yellow, dim }: Colours): readonly string[] {
  const { uncovered: parts } = coverage;
  const rest = parts.length - MAX_UNCOVERED;
  return [
    ...parts
      .slice(0, MAX_UNCOVERED)
      .map(({ subject, kind, reason }) => `  ${yellow(kind)}  ${safeLine(subject)}: ${safeLine(reason)}`),
    ...(rest > 0 ? [dim(`  and ${rest} more that were not compared`)] : []),
  ];
}

/** The rules that would take out of the total what no look can tell, ready to paste; what was not reached is no such thing. */
function acceptLines({ target, verdict, coverage }: Report, { dim }: Colours): readonly string[] {
  const blind = coverage.uncovered.filter(({ kind }) => kind === 'unverifiable').slice(0, MAX_UNCOVERED);
  if (verdict !== 'unknown' || blind.length === 0) return [];
  const lines = blind.map(({ subject, reason }) => `    - ${safeLine(yamlFlow({ target, subject, reason }))}`);
  return [dim('  if you know of these, put this into the config:'), '  accept:', ...lines];
}
