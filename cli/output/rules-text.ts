import { type AcknowledgeRule, RULE_KINDS, type Rules, rulesFor } from '#drift/rules/rule.ts';
import { nextTimes } from '#drift/schedule.ts';
import type { Config } from '#drift/target.ts';
import { openWindow } from '#drift/window.ts';
import type { Colours } from '../terminal.ts';
import { safeLine } from './safe.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;
const FAR_DAYS = 90;

/** How many rules of each kind a target has: `2 ignore, 1 acknowledge`. */
export function ruleCounts(rules: Rules, target: string): string {
  const own = rulesFor(rules, target);
  const counts = RULE_KINDS.flatMap((kind) => (own[kind].length === 0 ? [] : [`${own[kind].length} ${kind}`]));
  return counts.length === 0 ? '-' : counts.join(', ');
}

/** What to know of a config's rules and windows beside its table; empty where there is nothing to say. */
export function rulesText(config: Config, now: Date, colours: Colours): readonly string[] {
  const days = (rule: AcknowledgeRule): number => (Date.parse(rule.until) - now.getTime()) / DAY_MS;
  const list = [...config.rules.acknowledge].sort((a, b) => days(a) - days(b));
  const line = (rule: AcknowledgeRule): string => {
    const about = [rule.target, rule.subject, ...(rule.path === undefined ? [] : [rule.path])].join('  ');
    return `  ${safeLine(about)}  until ${rule.until}, in ${Math.floor(days(rule))} days  ${safeLine(`${rule.owner}: ${rule.reason}`)}`;
  };
  return [
    ...section(
      `Acknowledgements that end within ${SOON_DAYS} days`,
      list.filter((rule) => days(rule) <= SOON_DAYS).map(line),
      colours,
    ),
    ...section(
      `Acknowledgements that end in more than ${FAR_DAYS} days`,
      list.filter((rule) => days(rule) > FAR_DAYS).map(line),
      colours,
    ),
    ...section('Maintenance windows', windowLines(config, now), colours),
  ];
}

function section(title: string, lines: readonly string[], { bold }: Colours): readonly string[] {
  return lines.length === 0 ? [] : ['', bold(title), ...lines];
}

/** One line for each window, however many targets it is for. */
function windowLines({ targets }: Config, now: Date): readonly string[] {
  const windows = new Map(
    targets.flatMap((target) => target.windows.map((window) => [JSON.stringify(window), window])),
  );
  return [...windows].map(([key, window]) => {
    const names = targets.flatMap((target) =>
      target.windows.some((own) => JSON.stringify(own) === key) ? [target.name] : [],
    );
    const [next] = nextTimes(window.start, window.timezone, now, 1);
    const when =
      openWindow([window], now) !== null
        ? 'open now'
        : next === undefined
          ? 'never again'
          : `next ${next.toISOString()}`;
    const hours = Math.round(window.durationSeconds / 360) / 10;
    return `  ${names.join(', ')}  ${window.start} ${window.timezone} for ${hours} h  ${when}  ${safeLine(window.reason)}`;
  });
}
