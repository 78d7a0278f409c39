import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import color from 'picocolors';
import { EXPECTED, type Expectation } from './expected.ts';
import { type Outside, until, type Verdict } from './outside.ts';
import type { Sandbox } from './start.ts';

export type Say = (line: string) => void;

/** A layer that uses what another one gives is checked when that is known. */
const WAITING = 'is not known yet';
const WANTED_RED = EXPECTED.flatMap((expected) => expected.red).sort();

/** Waits for a target's first verdict. @throws when it is another than the one expected */
export async function seesRightly(service: Outside, expected: Expectation, say: Say): Promise<void> {
  const found = await until(`a verdict on ${expected.target}`, 240, async () => {
    const verdict = await service.verdict(expected.target);
    return verdict?.reason.includes(WAITING) ? null : verdict;
  });
  const ok = found.verdict === expected.verdict && found.causes.join() === expected.causes.join();
  const { uncovered, accepted, findings } = await service.details(found);
  const causes = found.causes.length > 0 ? ` (${found.causes.join(', ')})` : '';
  say(`${ok ? color.green('✓') : color.red('✗')} ${line(found)}${causes}   ${color.dim(expected.story)}`);
  if (!ok) {
    const wanted = `${expected.verdict} (${expected.causes.join(', ') || 'no findings'})`;
    throw new Error(`${expected.target} had to be ${wanted}, not ${found.verdict}: ${found.reason}`);
  }
  same(`differences of ${expected.target}`, findings, expected.findings);
  same(`what was not compared of ${expected.target}`, uncovered, expected.uncovered);
  same(`what is accepted of ${expected.target}`, accepted, expected.accepted);
  for (const what of expected.findings ?? []) say(color.dim(`    ${what}`));
  for (const what of expected.uncovered ?? []) say(color.dim(`    not covered ${what}`));
  for (const what of expected.accepted ?? []) say(color.dim(`    accepted ${what}`));
}

function same(what: string, found: readonly string[], wanted: readonly string[] | undefined): void {
  if (wanted === undefined || found.join('\n') === wanted.join('\n')) return;
  throw new Error(`${what} had to be\n${wanted.join('\n')}\nnot\n${found.join('\n')}`);
}

const line = (found: Verdict): string =>
  `${found.target.padEnd(16)} ${color.bold(found.verdict.padEnd(8))} ${found.reason}`;
const good = (say: Say, text: string): void => say(`${color.green('✓')} ${text}`);

/** Exactly the right alarms are red. @throws when they are not, for a minute */
export async function rightAlarms(service: Outside, say: Say): Promise<void> {
  await until(`the red alarms are ${WANTED_RED.join(', ')}`, 60, async () =>
    (await service.red()).join() === WANTED_RED.join() ? true : null,
  );
  const all = await service.alarms();
  good(say, `${WANTED_RED.length} of ${all.length} alarms are red, the right ones`);
}

/** The pager has one open incident per red alarm, each with its links. @throws */
export async function rightPages(sandbox: Sandbox, say: Say): Promise<void> {
  const open = await until(`one incident for each of ${WANTED_RED.join(', ')}`, 60, async () => {
    const triggered = sandbox.incidents().filter((incident) => incident.status === 'triggered');
    const alarms = triggered.map((incident) => incident.alarm).sort();
    return alarms.join() === WANTED_RED.join() ? triggered : null;
  });
  for (const incident of open) {
    if (!incident.description.includes('https://')) throw new Error(`the page of ${incident.alarm} has no link`);
    say(color.yellow(`☎ ${incident.subject}`));
    for (const text of incident.description.split('\n')) say(color.dim(`    ${text}`));
  }
  good(say, 'the pager rang once for each, and for nothing else');
}

/** Fetches what a person would open, so that it outlives the account. @returns the folder */
export async function keepReports(service: Outside): Promise<string> {
  const folder = path.resolve('.sandbox/reports');
  mkdirSync(folder, { recursive: true });
  for (const { target } of EXPECTED) {
    const page = await until(`the page of ${target}`, 30, () => service.text(`state/${target}.html`));
    writeFileSync(path.join(folder, `${target.replace('/', '-')}.html`), page);
  }
  return folder;
}

/** What a push is about. */
interface Touched {
  readonly target: string;
  readonly commit: string;
}

/** The newest push was told, believed, and has started the check of a target. @throws when it has not */
export async function startedByPush(sandbox: Sandbox, service: Outside, push: Touched, say: Say): Promise<void> {
  const { target, commit } = push;
  const told = sandbox.git.deliveries.at(-1);
  if (told?.status !== 202 || !told.answer.includes(target)) {
    throw new Error(`the push that touches ${target} was answered ${told?.status} ${told?.answer.trim()}`);
  }
  say(`the push of ${commit.slice(0, 8)} was signed and told: ${told.answer.trim()}`);
  const found = await until(`a check of ${target} that delivery ${told.id} asked for`, 60, async () => {
    const verdict = await service.verdict(target);
    const origin = verdict === null ? null : await service.origin(verdict);
    return origin?.trigger === 'push' && origin.delivery === told.id && origin.commit === commit ? verdict : null;
  });
  good(say, `${line(found)}   ${color.dim('started by the push, not by its own schedule')}`);
}

/** A person asks for a check, as the dashboard's button does, and it is begun. @throws when it is not */
export async function startedByPerson(
  service: Outside,
  { target, rerun }: { readonly target: string; readonly rerun: string },
  say: Say,
): Promise<void> {
  const { runs } = (await service.invoke(rerun, { action: 'rerun', target })) as {
    readonly runs: readonly { readonly runId: string | null; readonly sentence: string }[];
  };
  const [run] = runs;
  if (run?.runId == null) throw new Error(`nobody could have ${target} checked: ${run?.sentence}`);
  good(say, `${target.padEnd(16)} a person presses Re-run: ${run.sentence}`);
}

/** The git host shows the verdict beside the commit, with a link. @throws when it does not */
export async function shownAtCommit(sandbox: Sandbox, { target, commit }: Touched, say: Say): Promise<void> {
  const shown = await until(
    `the status of ${commit} for ${target}`,
    30,
    async () =>
      sandbox.git.statuses.shown.findLast((one) => one.commit === commit && one.context.endsWith(`/${target}`)) ?? null,
  );
  if (shown.state !== 'success' || !shown.link.startsWith('https://')) {
    throw new Error(`the git host shows ${shown.state} (${shown.link}) for ${target}`);
  }
  good(say, `the git host shows ${shown.context}: ${shown.state}, ${shown.description}`);
}

/** Everything is in sync, every alarm green and every incident resolved. @throws when that does not come */
export async function healed(sandbox: Sandbox, service: Outside, say: Say): Promise<void> {
  for (const { target } of EXPECTED) {
    const found = await until(`${target} in sync again`, 240, async () => {
      const verdict = await service.verdict(target);
      return verdict?.verdict === 'in-sync' ? verdict : null;
    });
    good(say, line(found));
  }
  let red: readonly string[] = [];
  await until('no alarm is red', 90, async () => {
    red = await service.red();
    return red.length === 0 ? true : null;
  }).catch((error: Error) => {
    throw new Error(`${error.message}, but ${red.join(', ')}`);
  });
  good(say, 'every alarm is green again');
  await until('every incident at the pager is resolved', 60, async () =>
    sandbox.incidents().every((incident) => incident.status === 'resolved') ? true : null,
  );
  good(say, 'the pager has resolved every incident');
}
