import { resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import * as z from 'zod';
import { ruleLists } from '#drift/config/rule-schema.ts';
import type { Finding } from '#drift/finding.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import { holds } from '#drift/rules/acknowledge.ts';
import { globMatches } from '#drift/rules/glob.ts';
import { readBounded } from '../config-file.ts';
import { safeLine } from '../output/safe.ts';
import { yamlFlow } from '../output/yaml-text.ts';
import { type Terminal, UsageError } from '../terminal.ts';

/** The largest file of reports that is read. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_NEAR = 5;

export interface AckOptions {
  readonly report: string;
  readonly path?: string;
  readonly owner: string;
  readonly reason: string;
  readonly until: string;
}

/** `plumbline ack`: the rules for findings of a report, ready to paste into the config. */
export async function ack(target: string, subject: string, options: AckOptions, terminal: Terminal): Promise<void> {
  const report = await reportOf(target, options.report, terminal.cwd);
  const { owner, reason, until } = options;
  const said = report.findings.filter(
    (finding) =>
      globMatches(subject, finding.subject) &&
      (options.path === undefined || (finding.path !== undefined && globMatches(options.path, finding.path))),
  );
  if (said.length === 0) throw new UsageError(nothingFits(subject, options.path, report));
  const rules = said.map((finding) => ({
    finding,
    rule: {
      ...{ target, subject: finding.subject, path: finding.path, owner, reason, until },
      value: finding.valueHash ?? undefined,
    },
  }));
  checkRules(rules.map(({ rule }) => rule));
  const possible = rules.filter(({ finding }) => finding.path !== undefined);
  const whole = said.filter(({ path }) => path === undefined);
  const hint = whole.map(wholeText).join('\n');
  if (possible.length === 0) throw new UsageError(hint);
  if (hint !== '') terminal.err(hint);
  if (possible.some(({ rule }) => rule.value === undefined)) {
    terminal.err(
      `${options.report} has no value hashes (a local check has no key): the service binds the rule to the value of its last verdict`,
    );
  }
  terminal.out(['acknowledge:', ...possible.map(({ rule }) => `  - ${yamlFlow(rule)}`)].join('\n'));
}

/** The report of the target: as the service stored it, or one of those that `check --json` printed. */
async function reportOf(target: string, file: string, cwd: string): Promise<Report> {
  const content = await readBounded(resolve(cwd, file), file, MAX_BYTES + 1);
  if (content.length > MAX_BYTES) throw new UsageError(`${file} is larger than ${MAX_BYTES} bytes: it is not read`);
  const parsed = z.union([reportSchema.transform((one) => [one]), z.array(reportSchema)]).safeParse(json(content));
  if (!parsed.success) {
    throw new UsageError(
      `${file} is no report; name a report.json of the results bucket, or what check --json printed`,
    );
  }
  const report = parsed.data.find((one) => one.target === target);
  if (report !== undefined) return report;
  const known = parsed.data.map((one) => one.target).join(', ');
  throw new UsageError(`${file} has no report of ${target}; it speaks of ${known === '' ? 'no target' : known}`);
}

function json(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What would be pasted must be what the config takes. */
function checkRules(rules: readonly unknown[]): void {
  const parsed = ruleLists.acknowledge.safeParse(rules);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `--${String(path[1])}: ${message}`);
    throw new UsageError([...new Set(lines)].join('\n'));
  }
  const [{ until } = { until: '' }] = parsed.data;
  if (!holds(until, new Date())) throw new UsageError(`--until: ${until} is past; write a date to come`);
}

function wholeText({ subject, change }: Finding): string {
  const what = change === 'removed' ? 'missing' : change === 'added' ? 'extra' : 'to be replaced';
  return `${safeLine(subject)} is ${what} as a whole, which cannot be acknowledged: repair it, or write an ignore rule`;
}

function nothingFits(subject: string, path: string | undefined, { target, findings }: Report): string {
  const asked = `${subject}${path === undefined ? '' : ` at ${path}`}`;
  const near = [...findings]
    .sort((a, b) => distance(subject, a.subject) - distance(subject, b.subject))
    .slice(0, MAX_NEAR)
    .map(
      (finding) => `  ${safeLine(finding.subject)}${finding.path === undefined ? '' : `  ${safeLine(finding.path)}`}`,
    );
  const rest = near.length === 0 ? 'it has none' : `near are\n${near.join('\n')}`;
  return `no finding in the report of ${target} fits ${asked}; ${rest}`;
}
