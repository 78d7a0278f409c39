import type { Row, Standing, Status } from '#drift/overview.ts';
import { startedByText } from '#drift/started-by.ts';
import { coverageText, duration, findingsText, moment } from '#drift/widget/words.ts';
import type { Colours } from '../terminal.ts';
import { safeLine } from './safe.ts';
import { table } from './table.ts';

const HEAD = ['TARGET', 'VERDICT', 'SINCE', 'COMPARED', 'FINDINGS', 'LAST RUN', 'STARTED BY', 'REASON'];

/** How the targets stand, for people: one line each, the worst first, and the config that this is said of. */
export function statusText({ targets, config, at }: Status, colours: Colours): string {
  const rows = targets.map((row) => cellsOf(row).map(safeLine));
  const lines = table([HEAD, ...rows], (line, index) => {
    const row = targets[index - 1];
    return row === undefined ? colours.bold(line) : colourOf(row.verdict, colours)(line);
  });
  const commit = config.commit === null ? '' : ` of commit ${config.commit}`;
  return [lines, '', colours.dim(safeLine(`config ${config.hash}${commit}, as of ${at}`))].join('\n');
}

function cellsOf(row: Row): readonly string[] {
  const { target, verdict, since, age, trigger, by, acknowledged, acknowledgedUntil, running, aside } = row;
  const known = acknowledged === 0 ? '' : `, ${acknowledged} acknowledged until ${acknowledgedUntil ?? 'not known'}`;
  return [
    target,
    verdict,
    since === null ? '-' : moment(since),
    coverageText(row) || '-',
    `${findingsText(row)}${known}`,
    `${age === null ? 'never' : `${duration(age)} ago`}${running === null ? '' : ', looking now'}`,
    trigger === null ? '-' : startedByText(trigger, by),
    `${row.reason}${aside === null ? '' : ` (commit ${aside.commit ?? 'not known'}: ${aside.verdict})`}`,
  ];
}

export function colourOf(verdict: Standing, colours: Colours): (text: string) => string {
  if (verdict === 'in-sync') return colours.green;
  if (verdict === 'drifted') return colours.red;
  return verdict === 'paused' || verdict === 'retired' ? colours.dim : colours.yellow;
}

/** 1 if any cannot be seen, else 2 if any drifted (DESIGN §2.11); what nobody looks at on purpose does not count. */
export function statusExitCode(targets: readonly Row[]): 0 | 1 | 2 {
  const is = (...verdicts: readonly Standing[]): boolean => targets.some(({ verdict }) => verdicts.includes(verdict));
  if (targets.length === 0 || is('unknown', 'stale', 'never')) return 1;
  return is('drifted') ? 2 : 0;
}
