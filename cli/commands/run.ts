import { mayRun } from '#drift/overview.ts';
import type { Asked } from '#drift/rerun.ts';
import { COMMIT_ID } from '#drift/run.ts';
import { type Service, select, serviceIn } from '../deployed/service.ts';
import { type Ended, EVERY_MS, type Started, waitFor } from '../deployed/wait.ts';
import { exitCodeOf } from '../output/report-text.ts';
import { safeLine } from '../output/safe.ts';
import { colourOf } from '../output/status-text.ts';
import { isPattern } from '../select.ts';
import { type Terminal, UsageError } from '../terminal.ts';

export interface RunOptions {
  readonly commit?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
  readonly region?: string;
}

/** Targets of one request: it must be answered within minutes. */
const AT_ONCE = 100;

/** `plumbline run`: lets the deployed service check now, and waits for the verdicts if that is wanted. */
export async function run(
  wanted: readonly string[],
  options: RunOptions,
  terminal: Terminal,
  service: Service = serviceIn(options.region, terminal.signal),
  everyMs = EVERY_MS,
): Promise<void> {
  const { commit, wait, json } = options;
  if (commit !== undefined && !COMMIT_ID.test(commit)) {
    throw new UsageError(
      `--commit: ${commit} is no commit; write all 40 hex digits, such as \`git rev-parse HEAD\` does`,
    );
  }
  const targets = wanted.some(isPattern) ? await matching(wanted, service) : [...new Set(wanted)];
  const actor = await service.caller();
  const asked: Asked[] = [];
  for (let at = 0; at < targets.length && !terminal.signal.aborted; at += AT_ONCE) {
    const some = targets.slice(at, at + AT_ONCE);
    const answers = await service.rerun({
      ...{ action: 'rerun', targets: some, via: 'cli' },
      ...(actor === null ? {} : { actor }),
      ...(commit === undefined ? {} : { commit }),
    });
    asked.push(...answers);
    // With verdicts to come this is progress.
    if (json !== true || wait === true)
      for (const one of answers) say(one, wait === true ? terminal.err : terminal.out);
  }
  const unasked = targets.length - asked.length;
  if (unasked > 0) terminal.err(`interrupted: ${unasked} were not asked for; what was started goes on`);
  const started = asked.filter((one): one is Started => one.runId !== null);
  const refused = targets.length - started.length;
  if (wait !== true) {
    if (json === true) terminal.out(JSON.stringify(asked, null, 2));
    terminal.exit(refused > 0 ? 1 : 0);
    return;
  }
  const ended = await waitFor(started, terminal, service, everyMs);
  if (json === true) terminal.out(JSON.stringify(ended, null, 2));
  const isWhole = refused === 0 && ended.length === started.length;
  terminal.exit(isWhole ? exitCodeOf(ended.map(({ verdict }) => verdict)) : 1);
  if (json !== true) for (const one of ended) terminal.out(endText(one, terminal));
}

/** What patterns mean: targets that may run. One that is named is asked for in any case, and refused by the service. */
async function matching(wanted: readonly string[], service: Service): Promise<readonly string[]> {
  const { targets } = await select(wanted, service);
  const may = targets.filter((row) => mayRun(row) || wanted.includes(row.target));
  if (may.length === 0) throw new UsageError(`all targets that fit ${wanted.join(' ')} are paused or retired`);
  return may.map(({ target }) => target);
}

function say({ target, sentence, link }: Asked, line: (text: string) => void): void {
  line(`${safeLine(target)}: ${safeLine(sentence)}`);
  if (link !== null) line(`  ${safeLine(link)}`);
}

function endText({ target, verdict, reason, link }: Ended, { colours }: Terminal): string {
  const head = `${colourOf(verdict, colours)(verdict)}  ${colours.bold(safeLine(target))}  ${safeLine(reason)}`;
  return link === null ? head : `${head}\n  ${safeLine(link)}`;
}
